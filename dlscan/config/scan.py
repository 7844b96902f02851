"""The `scan` section: which points to try."""

import dataclasses
from typing import Annotated, Any

from dlscan.config.build import Min, Problem
from dlscan.config.folds import FoldScan
from dlscan.config.halving import Halving


@dataclasses.dataclass(frozen=True)
class ScanOptions:
    """Which points to try: the product of the lists in `grid`, and `points`, which are written by hand.

    `repeats` points of each differ in their seed alone, with `folds` points of each in the events that
    validate them. With `halving` only the best train all their epochs.
    """

    grid: dict[str, tuple[Any, ...]] = dataclasses.field(default_factory=dict)
    points: tuple[dict[str, Any], ...] = ()
    repeats: Annotated[int, Min(1)] = 1
    folds: FoldScan | None = None
    halving: Halving | None = None

    def __post_init__(self) -> None:
        if self.folds is not None and self.halving is not None:
            raise Problem(
                "scan.halving",
                "compares points on the same validation events, and scan.folds gives them different ones; "
                "remove one of the two",
            )
