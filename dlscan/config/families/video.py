"""The parameters of networks that look at an image slice by slice."""

import dataclasses
from typing import Annotated, Literal

from dlscan.config.build import Max, Min
from dlscan.config.families.convolutional import MOST_AXES, Convolutional, times
from dlscan.config.families.parts import Widths


@dataclasses.dataclass(frozen=True)
class Video(Convolutional):
    """The same convolutions on each slice of an image, and recurrent layers on what they give.

    Attributes are those of `Convolutional`, of which lists have a number for each axis of a slice, and:

    Attributes
    ----------
    along : int
        The axis that slices follow each other on, from 0.
    cell : {"rnn", "lstm", "gru"}
        Of the recurrent layers.
    units : int
        Of each of them.
    layers : int
        One behind the other.
    bidirectional : bool
        Go through the slices both ways, with `units` each.
    """

    head: Widths = ()
    along: Annotated[int, Min(0), Max(MOST_AXES - 1)] = 0
    cell: Literal["rnn", "lstm", "gru"] = "lstm"
    units: Annotated[int, Min(1)] = 64
    layers: Annotated[int, Min(1)] = 1
    bidirectional: bool = False

    def _why_not(self, name: str, shape: tuple[int, ...]) -> str | None:
        axes = len(shape) - (self.channels == "last")
        if not 2 <= axes <= MOST_AXES:
            of_space = " of space" if self.channels == "last" else ""
            return f"slices images of 2 or {MOST_AXES} axes, and {name} ({times(shape)}) has {axes}{of_space}"
        if self.along >= axes:
            return f"has no axis {self.along} in {name}: model.along is 0 to {axes - 1}"
        return self._why_not_lists(name, shape, axes - 1)
