"""The parameters of attention networks."""

import dataclasses
from typing import Annotated, Literal

from dlscan.config.build import Min, Problem
from dlscan.config.families.sequences import Pooling, Rows


@dataclasses.dataclass(frozen=True)
class Attention(Rows):
    """The encoder of a transformer: each row looks at all others.

    Attributes
    ----------
    width : int
        Numbers of each row inside.
    heads : int
        Ways to look, with a share of `width` each.
    layers : int
        One behind the other: attention, and two dense layers on each row.
    expansion : int
        The first of these is so many times as wide.
    position : {"none", "learned", "sinusoid"}
        What is added to a row for its place; without it the rows are a set.
    pooling : {"mean", "max", "sum"}
        What is kept of all rows.
    """

    width: Annotated[int, Min(1)] = 64
    heads: Annotated[int, Min(1)] = 4
    layers: Annotated[int, Min(1)] = 2
    expansion: Annotated[int, Min(1)] = 2
    position: Literal["none", "learned", "sinusoid"] = "none"
    pooling: Pooling = "mean"

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise Problem(
                "model.heads",
                f"must divide model.width, {self.width}: each head has a share of it, got {self.heads}",
            )
