"""Which folds validated a point, where its dataset has folds."""

from collections.abc import Sequence

from dlscan.analysis.points.done import DonePoint
from dlscan.config.folds import FOLD


def fold_of(point: DonePoint) -> tuple[int, ...]:
    """The folds that validated a point, from 1; none where its dataset has no folds."""
    value = point.record.params.get(FOLD)
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def folds_of(points: Sequence[DonePoint]) -> list[tuple[int, ...]]:
    """What was left out in the trainings of a model, each choice once."""
    return list(dict.fromkeys(fold_of(point) for point in points if fold_of(point)))


def what_differs(models: Sequence[Sequence[DonePoint]]) -> str:
    """What the trainings of models differ in, in words: `repeats`, `folds` or both."""
    folds = any(len(folds_of(points)) > 1 for points in models)
    seeds = any(len({point.record.seed for point in points}) > 1 for points in models)
    return " and ".join(["folds"] * folds + ["repeats"] * (seeds or not folds))
