"""The parameters of the dense family."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Literal

from dlscan.config.build import Below, Min
from dlscan.config.families.parts import Activation, Initializer, NetworkSize


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
