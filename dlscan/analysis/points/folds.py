"""Which folds validated a point, where its dataset has folds."""

from collections.abc import Sequence

from dlscan.analysis.points.done import DonePoint
from dlscan.config.folds import FOLD, NONE, validating
from dlscan.spelling import counted


def fold_of(point: DonePoint) -> tuple[int, ...]:
    """The folds that validated a point, from 1; none where its dataset has no folds, or all of them train."""
    return validating(point.record.params)


def trains_all(point: DonePoint) -> bool:
    """Whether all folds of its dataset trained a point."""
    return bool(point.record.params.get(FOLD) == NONE)


def folds_of(points: Sequence[DonePoint]) -> list[tuple[int, ...]]:
    """What was left out in the trainings of a model, each choice once."""
    return list(dict.fromkeys(fold_of(point) for point in points if fold_of(point)))


def folds_missing(models: Sequence[Sequence[DonePoint]]) -> list[int]:
    """For each model, by how many folds fewer it was validated than another one of its dataset.

    None are missing where none are wanted: of a scan without folds, or where all folds train.
    """
    counts = [len(folds_of(points)) for points in models]
    datasets = [points[0].record.dataset.get("config_hash") if points else None for points in models]
    most: dict[object, int] = {}
    for dataset, count in zip(datasets, counts, strict=True):
        most[dataset] = max(most.get(dataset, 0), count)
    return [most[dataset] - count if count else 0 for dataset, count in zip(datasets, counts, strict=True)]


def validated_apart(models: Sequence[Sequence[DonePoint]]) -> str:
    """That some models have folds and others have none, so that other events validated them; or nothing."""
    folds = sum(bool(folds_of(points)) for points in models)
    without = sum(not folds_of(points) and not any(map(trains_all, points)) for points in models)
    if not folds or not without:
        return ""
    return (
        f"{counted(folds, 'model')} with folds and {without} without were validated on different events: "
        "between these, a small difference of a val_* number may be due to the events alone"
    )


def all_folds_of(point: DonePoint, points: Sequence[DonePoint]) -> list[DonePoint]:
    """The trainings of a point's model on all folds: of the same scan, parameters and seed."""

    def model(each: DonePoint) -> tuple[object, ...]:
        own = {key: value for key, value in each.record.params.items() if key != FOLD}
        return each.paths.scan, each.record.seed, own

    if not fold_of(point):
        return [point]
    return [each for each in points if fold_of(each) and model(each) == model(point)]


def what_differs(models: Sequence[Sequence[DonePoint]]) -> str:
    """What the trainings of models differ in, in words: `repeats`, `folds` or both."""
    folds = any(len(folds_of(points)) > 1 for points in models)
    seeds = any(len({point.record.seed for point in points}) > 1 for points in models)
    return " and ".join(["folds"] * folds + ["repeats"] * (seeds or not folds))
