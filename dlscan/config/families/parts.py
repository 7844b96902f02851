"""What the parameters of several families are made of."""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from dlscan.config.build import Min

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


class Shaped(NamedTuple):
    """What an event of an input is for a network.

    Attributes
    ----------
    shape : tuple of int
        Without the event axis.
    masked : bool
        Whether some of its rows may be missing: then its shape is (T, F), and there is a mask (T,).
    """

    shape: tuple[int, ...]
    masked: bool = False


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


# One number for all axes of an image, or a list with one for each.
PerAxis = Annotated[int, Min(1)] | tuple[Annotated[int, Min(1)], ...]
# Widths of dense layers.
Widths = tuple[Annotated[int, Min(1)], ...]

Shapes = Mapping[str, tuple[int, ...]]


def images_and_vectors(inputs: Shapes) -> tuple[list[str], list[str]]:
    """Which inputs have a body of their own, and which are joined behind these.

    An input of one axis is a waveform where no input has more, and a vector beside images.

    Parameters
    ----------
    inputs : mapping of str to tuple of int
        The shape of each input of an event.
    """
    images = [name for name, shape in inputs.items() if len(shape) > 1]
    images = images or [name for name, shape in inputs.items() if len(shape) == 1]
    return images, [name for name in inputs if name not in images]
