"""The parameters of graph networks."""

import dataclasses
import math
from typing import Annotated, Literal

from dlscan.config.build import Min, Problem
from dlscan.config.families.parts import Widths
from dlscan.config.families.sequences import Norm, Pooling, Rows
from dlscan.config.source import InFile, short_name


@dataclasses.dataclass(frozen=True)
class Graph(Rows):
    """Edge convolutions: each row, or cell, looks at its neighbours.

    Attributes
    ----------
    blocks : tuple of int
        Widths of the edge convolutions.
    depth : int
        Dense layers on each edge of a block.
    neighbours : int
        The nearest rows that a row has edges to.
    coordinates : tuple of int or "all"
        Features that say where a row is, for the first block: their numbers, from 0. Later blocks take what
        the block before has made of a row.
    adjacency : {"nearest", "grid"} or InFile
        With `grid` each cell of an image is a row, and has edges to the cells beside it. A function in a file
        takes the number of rows and gives pairs of rows with an edge between them, (E, 2), from 0.
    aggregation : {"mean", "max", "sum"}
        What is kept of the edges of a row.
    norm : {"layer", "batch", "none"}
        How dense layers on edges are normalised, before their activation.
    pooling : {"mean", "max", "sum"}
        What is kept of all rows.
    """

    blocks: Widths = (32, 64)
    depth: Annotated[int, Min(1)] = 2
    neighbours: Annotated[int, Min(1)] = 8
    coordinates: Literal["all"] | tuple[Annotated[int, Min(0)], ...] = "all"
    adjacency: InFile | Literal["nearest", "grid"] = "nearest"
    aggregation: Pooling = "mean"
    norm: Norm = "layer"
    pooling: Pooling = "mean"
    head: Widths = (64,)

    def rows(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """See `Rows`; of each cell of a grid, its place along each axis and its value."""
        return (math.prod(shape), len(shape) + 1) if self.adjacency == "grid" else super().rows(shape)

    def _why_not_rows(self, name: str, shape: tuple[int, ...], masked: bool) -> str | None:
        if masked and self.adjacency != "nearest":
            return (
                f"has model.adjacency: {short_name(self.adjacency)}, which needs the same rows in every "
                f"event, and {name} has a varying number of entries; use nearest, or leave it out with "
                "model.inputs"
            )
        _, features = self.rows(shape)
        if self.coordinates != "all" and not all(each < features for each in self.coordinates):
            return f"has {features} features in {name}: model.coordinates are some of 0 to {features - 1}"
        return None

    def __post_init__(self) -> None:
        if not self.coordinates:
            raise Problem("model.coordinates", "must list at least one feature, or be all")
