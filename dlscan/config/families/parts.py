"""What the parameters of several families are made of."""

import dataclasses
from typing import Literal

Activation = Literal[
    "relu", "elu", "selu", "gelu", "silu", "leaky_relu", "softplus", "softsign", "tanh", "sigmoid", "linear"
]

# Uniform and normal are of a width that follows from the layer's, but for the last three.
Initializer = Literal[
    "glorot",
    "glorot_normal",
    "he",
    "he_uniform",
    "lecun",
    "lecun_uniform",
    "orthogonal",
    "normal",
    "uniform",
    "zeros",
]


@dataclasses.dataclass(frozen=True)
class NetworkSize:
    """What training a network takes.

    Attributes
    ----------
    weights : int
        Trainable.
    multiplications : int
        Multiply-adds of one forward pass of one event; what is done value by value is left out.
    values : int
        Per event, kept from the forward pass until the gradients are known.
    """

    weights: int
    multiplications: int
    values: int
