"""The parameters of families that take an event as rows: a sequence, or a set."""

import dataclasses
import math
from collections.abc import Collection
from typing import Annotated, Literal

from dlscan.config.build import Below, Max, Min
from dlscan.config.families.parts import Activation, Initializer, Shapes, Widths, images_and_vectors

# What is kept of all rows of an event.
Pooling = Literal["mean", "max", "sum"]
Norm = Literal["layer", "batch", "none"]


@dataclasses.dataclass(frozen=True)
class Rows:
    """Layers on the rows of an event, then dense layers.

    An input of two axes has rows. One of three is cut into slices along one axis, and each slice is a row.
    Each of these inputs has a body of its own. What these give is concatenated with the vectors of an event,
    and dense layers follow. Where every input has one axis, each is a sequence of single numbers. Missing
    rows change nothing.

    Attributes
    ----------
    along : int
        The axis that rows follow each other on, of inputs that have three or more; from 0.
    dropout : float
        Fraction dropped while training: between layers, of what bodies give, and after each layer of `head`.
    batch_norm : bool
        Normalise each layer of `head` over the batch, before its activation.
    activation : str
        Of dense layers.
    initializer : str
        What weights are drawn from.
    head : tuple of int
        Widths of the dense layers behind the bodies.
    """

    along: Annotated[int, Min(0), Max(9)] = 0
    dropout: Annotated[float, Min(0), Below(1)] = 0.0
    batch_norm: bool = False
    activation: Activation = "relu"
    initializer: Initializer = "glorot"
    head: Widths = ()

    def why_not_inputs(self, inputs: Shapes, masked: Collection[str] = ()) -> str | None:
        """Why a network cannot take inputs of these shapes; None if it can."""
        names, _ = images_and_vectors(inputs)
        if not names:
            return "needs an input with rows, and every input is one number per event"
        for name in names:
            axes = len(inputs[name])
            if axes > 2 and self.along >= axes:
                return f"has no axis {self.along} in {name}: model.along is 0 to {axes - 1}"
            if reason := self._why_not_rows(name, inputs[name], name in masked):
                return reason
        return None

    def rows(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """How many rows an input of this shape has, and how many numbers each."""
        length = shape[self.along if len(shape) > 2 else 0]
        return length, math.prod(shape) // length

    def _why_not_rows(self, name: str, shape: tuple[int, ...], masked: bool) -> str | None:
        """Why a family cannot take the rows of an input of this shape."""
        return None


@dataclasses.dataclass(frozen=True)
class Recurrent(Rows):
    """Recurrent layers: what they are after the last row goes on.

    Attributes
    ----------
    units : int
        Of each layer.
    layers : int
        One behind the other.
    bidirectional : bool
        Go through the rows both ways, with `units` each.
    """

    units: Annotated[int, Min(1)] = 64
    layers: Annotated[int, Min(1)] = 1
    bidirectional: bool = False
