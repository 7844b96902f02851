"""How often a point is trained: its repeats and the folds that it leaves out."""

from collections.abc import Mapping, Sequence
from typing import Any

from dlscan.config.axes import Axis, Choice
from dlscan.config.build import Problem
from dlscan.config.folds import FOLD
from dlscan.config.scan import ScanOptions
from dlscan.config.train import Train

SEED = "train.seed"
_REPEATS, _FOLDS = TRAININGS = "scan.repeats", "scan.folds"


class Trainings:
    """The trainings of each point.

    Parameters
    ----------
    scan : ScanOptions
        How many repeats, and which folds.
    written : mapping of str to mapping
        The sections as they stand in the file, without defaults.
    choices : sequence of Choice
        All that points choose.

    Raises
    ------
    Problem
        If points vary the seed or the fold themselves.
    """

    def __init__(
        self, scan: ScanOptions, written: Mapping[str, Mapping[str, Any]], choices: Sequence[Choice]
    ) -> None:
        self._seeds = _repeats(scan, written["train"].get("seed", Train.seed), choices)
        self._folds = _left_out(scan, written["data"].get("folds"), choices)

    @property
    def keys(self) -> list[str]:
        """The keys that tell the trainings of a point apart."""
        return [*([SEED] if self._seeds else []), *([FOLD] if self._folds else [])]

    @property
    def axes(self) -> list[Axis]:
        """What they add to a grid."""
        found = ((_REPEATS, SEED, self._seeds), (_FOLDS, FOLD, self._folds))
        return [
            Axis(where, tuple({key: value} for value in each), each) for where, key, each in found if each
        ]

    def of(self, choice: Choice) -> list[Choice]:
        """A choice for each repeat and fold of a point."""
        seeds = [{SEED: seed} for seed in self._seeds] or [{}]
        folds = [{FOLD: fold} for fold in self._folds] or [{}]
        return [{**choice, **seed, **fold} for seed in seeds for fold in folds]


def _repeats(scan: ScanOptions, first: Any, choices: Sequence[Choice]) -> list[int]:
    """The seeds of repeats, which follow from the one in the file; none without repeats."""
    if scan.repeats == 1 or not isinstance(first, int):
        return []
    if any(SEED in choice for choice in choices):
        raise Problem(_REPEATS, "repeats vary the seed, and so does train.seed in the grid; choose one")
    return list(range(first, first + scan.repeats))


def _left_out(scan: ScanOptions, folds: Any, choices: Sequence[Choice]) -> list[Any]:
    """What each training of a point leaves out, as values of `data.fold`; none without folds."""
    if scan.folds is None:
        return []
    if any(FOLD in choice for choice in choices):
        raise Problem(_FOLDS, f"folds vary {FOLD}, and so do the points; choose one")
    return scan.folds.choices(folds)
