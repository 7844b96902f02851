"""Trainings of a model, which differ in nothing but seed and fold, on one line: mean and spread."""

import dataclasses
import statistics
from collections import defaultdict
from collections.abc import Sequence

from dlscan.analysis.columns.catalog import FOLDS, REPEATS
from dlscan.analysis.columns.column import Column, Columns, Interval
from dlscan.analysis.columns.names import FOLD, SEED, text_of
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.folds import fold_of, folds_of
from dlscan.config.folds import narrowing
from dlscan.tasks.metric import About

# what is of a network and not of its training: repeats have it in common; how large trees are may differ
_IN_COMMON = ("Parameters", "FLOPs")
_JOINED = ("Point", SEED, FOLD)
_REPEATS = Column(
    REPEATS, "integer", about=About("trainings of the model, which differ in nothing but their seed")
)
_FOLDS = Column(FOLDS, "integer", about=About("choices of folds that validated the model"))


def merged(columns: Columns, together: Sequence[Sequence[int]], points: Sequence[DonePoint]) -> Columns:
    """`columns`, which have an entry per point, with an entry per model, `Repeats`, and `Folds` if there are.

    Parameters
    ----------
    columns : Columns
        As `columns_of` gives them.
    together : sequence of sequence of int
        The positions of the points of each model: see `points.models.groups`.
    points : sequence of DonePoint
        The points.

    Returns
    -------
    Columns
        Measured numbers are means, with the sample standard deviation (one less than their number below the
        sum) as `spreads`: over the folds, of the means of each one's repeats, or over the repeats where there
        is one fold. A model with one training has none. A number that a training lacks is missing: a mean
        over the others would be another quantity, as a rejection is missing where it is infinite. The
        interval of a mean is the mean of the intervals where all are judged on the same events, and their
        errors go together. In the validation split folds have other events each, and it is narrower by the
        root of how many times more events they have together. Other columns hold what trainings have in
        common, or all their values, as a text.
    """
    several = any(len(group) > 1 for group in together)
    folded = any(fold_of(point) for point in points)
    left = [[fold_of(points[number]) for number in group] for group in together]

    def fill(head: Column) -> Column:
        if head.name == REPEATS:
            seeds = ({points[number].record.seed for number in group} for group in together)
            return dataclasses.replace(head, values=tuple(map(len, seeds)))
        if head.name == FOLDS:
            known = (folds_of([points[number] for number in group]) for group in together)
            return dataclasses.replace(head, values=tuple(map(len, known)))
        column = columns[head.name]
        if several and (column.kind == "text" or column.name in _JOINED):
            return _common(column, together)
        if not several or column.kind == "parameter":
            return column.take([group[0] for group in together])
        if column.name in _IN_COMMON and _is_common(column, together):
            return column.take([group[0] for group in together])
        return _mean(column, together, left)

    heads = list(columns.heads.values())
    # where the results start
    place = list(columns.heads).index("Epochs")
    heads[place:place] = [*([_FOLDS] if folded else []), _REPEATS]
    return Columns(heads, fill, columns.aliases)


def _is_common(column: Column, together: Sequence[Sequence[int]]) -> bool:
    return all(len(_different(column, group)) == 1 for group in together)


def _different(column: Column, group: Sequence[int]) -> list[str]:
    """The different values in a group, as texts: lists among them have no hash."""
    return list(dict.fromkeys(text_of(column.values[number]) for number in group))


def _common(column: Column, together: Sequence[Sequence[int]]) -> Column:
    if _is_common(column, together):
        return column.take([group[0] for group in together])
    values = tuple(", ".join(_different(column, group)) for group in together)
    return dataclasses.replace(column, kind="text", values=values, joined=True)


def _mean(
    column: Column, together: Sequence[Sequence[int]], left: Sequence[Sequence[tuple[int, ...]]]
) -> Column:
    values = [[column.values[row] for row in group] for group in together]
    present = [[] if None in each else each for each in values]
    errors, apart = column.errors, column.about.split == "validation"
    return dataclasses.replace(
        column,
        kind="number" if column.kind == "integer" else column.kind,
        values=tuple(statistics.fmean(values) if values else None for values in present),
        spreads=tuple(_spread(values, own) for values, own in zip(present, left, strict=True)),
        errors=None
        if errors is None
        else tuple(
            _mean_interval([errors[number] for number in group], narrowing(own) if apart else 1.0)
            for group, own in zip(together, left, strict=True)
        ),
    )


def _spread(values: Sequence[float], left: Sequence[tuple[int, ...]]) -> float | None:
    """The standard deviation over folds, or over repeats where there is one fold."""
    by_fold: dict[tuple[int, ...], list[float]] = defaultdict(list)
    for value, own in zip(values, left, strict=False):
        by_fold[own].append(value)
    if len(by_fold) > 1:
        values = [statistics.fmean(own) for own in by_fold.values()]
    return statistics.stdev(values) if len(values) > 1 else None


def _mean_interval(intervals: Sequence[Interval | None], part: float) -> Interval | None:
    known = [interval for interval in intervals if interval is not None]
    if not known:
        return None
    downs, ups = zip(*known, strict=True)
    return _mean_end(downs, part), _mean_end(ups, part)


def _mean_end(ends: Sequence[float | None], part: float) -> float | None:
    bounded = [end for end in ends if end is not None]
    return part * statistics.fmean(bounded) if len(bounded) == len(ends) else None
