"""The parameters of each network family, apart from Keras so that a file is checked without loading it.

A family is a dataclass here, whose `size` tells scans what a network costs, and a builder of the same name in
`dlscan.models`.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from dlscan.config.build import Below, Min, Problem, build_fields, join, plain, require_mapping, unknown

Activation = Literal[
    "relu", "elu", "selu", "gelu", "silu", "leaky_relu", "softplus", "softsign", "tanh", "sigmoid", "linear"
]


@dataclasses.dataclass(frozen=True)
class NetworkSize:
    """What a network takes, from its parameters alone.

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


@dataclasses.dataclass(frozen=True)
class Dense:
    """Fully connected layers: one branch for each input, concatenated before the output.

    Attributes
    ----------
    width : int
        Neurons of each hidden layer.
    depth : int
        Hidden layers in each branch; 0 is a linear classifier.
    activation : str
        Of the hidden layers.
    dropout : float
        Fraction of neurons dropped after each hidden layer while training.
    batch_norm : bool
        Normalise each hidden layer over the batch, before its activation.
    """

    width: Annotated[int, Min(1)] = 128
    depth: Annotated[int, Min(0)] = 2
    activation: Activation = "relu"
    dropout: Annotated[float, Min(0), Below(1)] = 0.0
    batch_norm: bool = False

    def size(self, inputs: Sequence[tuple[int, ...]], classes: int) -> NetworkSize:
        """What the network takes for inputs of these shapes and so many classes."""
        lengths = [math.prod(shape) for shape in inputs]
        merged, products, neurons = sum(lengths), 0, 0
        if self.depth:
            merged = self.width * len(lengths)
            products = self.width * sum(lengths) + (self.depth - 1) * self.width * merged
            neurons = self.depth * merged
        weights = products + neurons * (3 if self.batch_norm else 1)  # bias, and scale and shift
        # the normalised inputs; a layer's sums, what its activation makes of them, and what follows
        kept = sum(lengths) + neurons * (2 + self.batch_norm + bool(self.dropout))
        output = merged * classes
        return NetworkSize(weights + output + classes, products + output, kept + 2 * classes)


FAMILIES: dict[str, type] = {"dense": Dense}


@dataclasses.dataclass(frozen=True)
class Model:
    """A network: its family and that family's parameters."""

    family: str = "dense"
    parameters: Any = Dense()

    @classmethod
    def parse(cls, value: Any, key: str) -> "Model":
        """Read `{family: dense, width: 64, ...}`."""
        mapping = dict(require_mapping(value, key))
        family = mapping.pop("family", "dense")
        if not isinstance(family, str) or family not in FAMILIES:
            raise Problem(join(key, "family"), f"must be one of {', '.join(FAMILIES)}, got {family!r}")
        names = [field.name for field in dataclasses.fields(FAMILIES[family])]
        for name in mapping:
            if name not in names:
                raise unknown(name, ["family", *names], key)
        return cls(family, build_fields(FAMILIES[family], mapping, key))

    def plain(self) -> dict[str, Any]:
        """The mapping that `parse` reads back."""
        return {"family": self.family, **plain(self.parameters)}
