"""Repeats of a model, which differ in nothing but their seed, on one line: mean and spread."""

import dataclasses
import statistics
from collections.abc import Sequence

from dlscan.analysis.columns.catalog import REPEATS
from dlscan.analysis.columns.column import Column, Columns, Interval
from dlscan.analysis.columns.names import SEED_KEY, text_of
from dlscan.analysis.points.done import DonePoint
from dlscan.tasks.metric import About

# what is of a network and not of its training: repeats have it in common; how large trees are may differ
_IN_COMMON = ("Parameters", "FLOPs")
_JOINED = ("Point", "Seed")
_REPEATS = Column(
    REPEATS, "integer", about=About("trainings of the model, which differ in nothing but their seed")
)


def groups(points: Sequence[DonePoint]) -> list[list[int]]:
    """The positions of the points of each model: of one scan and alike in every parameter but the seed."""
    if len({point.record.seed for point in points}) < 2:
        return [[number] for number in range(len(points))]
    found: dict[tuple[str, str], list[int]] = {}
    for number, point in enumerate(points):
        params = sorted((key, value) for key, value in point.record.params.items() if key != SEED_KEY)
        found.setdefault((point.scan, text_of(params)), []).append(number)
    return list(found.values())


def merged(columns: Columns, together: Sequence[Sequence[int]]) -> Columns:
    """`columns`, which have an entry per point, with an entry per model, and `Repeats`.

    Parameters
    ----------
    columns : Columns
        As `columns_of` gives them.
    together : sequence of sequence of int
        The positions of the points of each model: see `groups`.

    Returns
    -------
    Columns
        Measured numbers are means, with the sample standard deviation over the repeats (one less than their
        number below the sum) as `spreads`; a model with one repeat has none. A number that a repeat lacks is
        missing: a mean over the others would be another quantity, as a rejection is missing where it is
        infinite. The interval of a mean is the mean of the intervals: repeats are judged on the same events,
        and their errors go together. Other columns hold what the repeats have in common, or all their values,
        as a text.
    """
    several = any(len(group) > 1 for group in together)

    def fill(head: Column) -> Column:
        if head.name == REPEATS:
            return dataclasses.replace(head, values=tuple(len(group) for group in together))
        column = columns[head.name]
        if not several or column.kind == "parameter":
            return column.take([group[0] for group in together])
        if column.kind == "text" or column.name in _JOINED:
            return _common(column, together)
        if column.name in _IN_COMMON and _is_common(column, together):
            return column.take([group[0] for group in together])
        return _mean(column, together)

    heads = list(columns.heads.values())
    # where the results start
    heads.insert(list(columns.heads).index("Epochs"), _REPEATS)
    return Columns(heads, fill)


def _is_common(column: Column, together: Sequence[Sequence[int]]) -> bool:
    return all(len({column.values[number] for number in group}) == 1 for group in together)


def _common(column: Column, together: Sequence[Sequence[int]]) -> Column:
    if _is_common(column, together):
        return column.take([group[0] for group in together])
    different = [list(dict.fromkeys(column.values[number] for number in group)) for group in together]
    values = tuple(", ".join(map(text_of, values)) for values in different)
    return dataclasses.replace(column, kind="text", values=values, joined=True)


def _mean(column: Column, together: Sequence[Sequence[int]]) -> Column:
    values = [[column.values[row] for row in group] for group in together]
    present = [[] if None in each else each for each in values]
    errors = column.errors
    return dataclasses.replace(
        column,
        kind="number" if column.kind == "integer" else column.kind,
        values=tuple(statistics.fmean(values) if values else None for values in present),
        spreads=tuple(statistics.stdev(values) if len(values) > 1 else None for values in present),
        errors=None
        if errors is None
        else tuple(_mean_interval([errors[number] for number in group]) for group in together),
    )


def _mean_interval(intervals: Sequence[Interval | None]) -> Interval | None:
    known = [interval for interval in intervals if interval is not None]
    if not known:
        return None
    downs, ups = zip(*known, strict=True)
    return _mean_end(downs), _mean_end(ups)


def _mean_end(ends: Sequence[float | None]) -> float | None:
    bounded = [end for end in ends if end is not None]
    return statistics.fmean(bounded) if len(bounded) == len(ends) else None
