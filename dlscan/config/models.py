"""The parameters of each network family, apart from Keras so that a file is checked without loading it.

A family is a dataclass here and a builder of the same name in `dlscan.models`, or a function in a file of the
user, `./nets.py:mine`, whose parameters are read from its text.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal

from dlscan.config.build import (
    Below,
    Collected,
    Min,
    Problem,
    build_fields,
    join,
    keys,
    plain,
    require_mapping,
    unknown,
)
from dlscan.config.signature import parameters
from dlscan.config.source import InFile, in_file, is_in_file

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


@dataclasses.dataclass(frozen=True)
class Dense:
    """Fully connected layers: branches of inputs, concatenated, and layers behind.

    Vectors and numbers are concatenated to one branch, so that they meet in its first layer; each image has a
    branch of its own.

    Attributes
    ----------
    width : int
        Neurons of each hidden layer of a branch.
    depth : int
        Hidden layers in each branch; without any, here and behind, it is a linear classifier.
    activation : str
        Of the hidden layers.
    dropout : float
        Fraction of neurons dropped after each hidden layer while training.
    batch_norm : bool
        Normalise each hidden layer over the batch, before its activation.
    merged_depth : int or "auto"
        Hidden layers behind the branches; `auto` is one where several branches with hidden layers merge, none
        elsewhere. 0 keeps all inputs apart, vectors too: they meet in the output layer alone.
    merged_width : int or "auto"
        Neurons of each of these; `auto` is `width`.
    initializer : str
        What the weights of hidden layers are drawn from. Those of the output layer are always `glorot`.
    """

    width: Annotated[int, Min(1)] = 128
    depth: Annotated[int, Min(0)] = 2
    activation: Activation = "relu"
    dropout: Annotated[float, Min(0), Below(1)] = 0.0
    batch_norm: bool = False
    merged_depth: Literal["auto"] | Annotated[int, Min(0)] = "auto"
    merged_width: Literal["auto"] | Annotated[int, Min(1)] = "auto"
    initializer: Initializer = "glorot"

    def branches(self, inputs: Mapping[str, tuple[int, ...]]) -> list[tuple[str, ...]]:
        """The inputs of each branch, in the order of their first, from the shapes of an event."""
        # where there is no hidden layer at all the output layer joins everything anyway
        joined = self.merged_depth != 0 and (self.depth > 0 or self.merged_depth != "auto")
        vectors = tuple(name for name, shape in inputs.items() if joined and len(shape) < 2)
        return [
            vectors if name in vectors else (name,)
            for name in inputs
            if name not in vectors or name == vectors[0]
        ]

    def merged_widths(self, branches: int) -> list[int]:
        """The width of each hidden layer behind so many branches."""
        depth = int(branches > 1 and self.depth > 0) if self.merged_depth == "auto" else self.merged_depth
        return [self.width if self.merged_width == "auto" else self.merged_width] * depth

    def size(self, inputs: Sequence[tuple[int, ...]], classes: int) -> NetworkSize:
        """What the network takes for inputs of these shapes and so many classes."""
        shapes = {str(number): shape for number, shape in enumerate(inputs)}
        lengths = [sum(math.prod(shapes[name]) for name in branch) for branch in self.branches(shapes)]
        paths = [[length, *[self.width] * self.depth] for length in lengths]
        merged = [sum(path[-1] for path in paths), *self.merged_widths(len(paths))]
        products = sum(before * after for path in [*paths, merged] for before, after in pairwise(path))
        neurons = sum(sum(path[1:]) for path in [*paths, merged])
        weights = products + neurons * (3 if self.batch_norm else 1)  # bias, and scale and shift
        # the normalised inputs; a layer's sums, what its activation makes of them, and what follows
        kept = sum(lengths) + neurons * (2 + self.batch_norm + bool(self.dropout))
        output = merged[-1] * classes
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
        if is_in_file(family):
            family = in_file(family, join(key, "family"))
            rule = parameters(family, join(key, "family"))
        elif isinstance(family, str) and family in FAMILIES:
            rule = FAMILIES[family]
        else:
            known = f"{', '.join(FAMILIES)}, or a function in a file such as ./nets.py:mine"
            raise Problem(join(key, "family"), f"must be one of {known}, got {family!r}")
        found, names = Collected(), keys(rule)
        for name in mapping:
            if name not in names:
                found.problems.append(unknown(name, ["family", *names], key))
        with found.collecting():
            known_items = {name: item for name, item in mapping.items() if name in names}
            built = build_fields(rule, known_items, key)
        found.settle()
        return cls(family, built)

    @staticmethod
    def decided_by(name: str) -> str:
        """The key that decides whether there is the key `name`."""
        return "family"

    @staticmethod
    def applies(name: str, family: Any) -> bool:
        """Whether a family has the key `name`; families that nobody knows are refused elsewhere."""
        rule = _rule(family)
        return rule is None or name == "family" or name in keys(rule)

    def size(self, inputs: Sequence[tuple[int, ...]], outputs: int) -> NetworkSize | None:
        """What the network takes, where its family has a formula for that, see `dlscan.scan.sizes`.

        Parameters
        ----------
        inputs : sequence of tuple of int
            The shape of each input of an event.
        outputs : int
            Numbers that the network gives for an event.
        """
        formula = getattr(FAMILIES.get(self.family), "size", None)
        size: NetworkSize | None = None if formula is None else formula(self.parameters, inputs, outputs)
        return size

    def plain(self) -> dict[str, Any]:
        """The mapping that `parse` reads back."""
        return {"family": str(self.family), **plain(self.parameters)}


def _rule(family: Any) -> type | None:
    """The parameters of a family; None if there is none, or its file is wrong, which is said elsewhere."""
    try:
        return parameters(family, "") if isinstance(family, InFile) else FAMILIES.get(family)
    except Problem:
        return None
