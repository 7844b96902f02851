"""Differences of all models from one of them on the same test events, paired event by event."""

import logging
import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

from dlscan.analysis.columns.column import Column
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.tasks import metrics_of
from dlscan.errors import DlscanError, ScanError, UsageError
from dlscan.spelling import counted
from dlscan.tasks.metric import About

if TYPE_CHECKING:
    from dlscan.metrics.estimate import Estimate

log = logging.getLogger("dlscan")

DIFFERENCE, SIGNIFICANCE = "_Diff", "_z"


def compared(
    shown: Sequence[Column], points: Sequence[DonePoint], reference: DonePoint
) -> tuple[list[Column], str]:
    """`shown` with two columns behind each metric that is compared: `_Diff`, with its interval, and `_z`.

    The task says which: areas under ROC curves, errors of targets.

    Parameters
    ----------
    shown : sequence of Column
        Columns with an entry per point.
    points : sequence of DonePoint
        The points, in this order.
    reference : DonePoint
        What they are compared with; its own entries are missing.

    Returns
    -------
    columns : list of Column
        `_Diff` is the number of the point less that of the reference; `_z` is the difference in units of its
        uncertainty.
    note : str
        A line on how many comparisons were made, and how large a `_z` chance alone makes among so many.

    Raises
    ------
    UsageError
        If no such metric of the test split is shown.
    ScanError
        If points were tested on different events, or the reference has no predictions.
    """
    tasks = metrics_of(points)
    asked = [
        column
        for column in shown
        if column.about.split == "test" and any(task.is_compared(column.name) for task in tasks)
    ]
    if not asked:
        such = " or ".join(task.comparable for task in tasks)
        raise UsageError(f"--versus compares {such} on the test split, but none is shown")
    found = _differences([column.name for column in asked], points, reference)
    columns: list[Column] = []
    for column in shown:
        columns.append(column)
        if column in asked:
            columns += _beside(column, [differences.get(column.name) for differences in found])
    count = sum(len(differences) for differences in found)
    return columns, _note(count, reference) + _direction(asked)


def _beside(column: Column, differences: Sequence["Estimate | None"]) -> list[Column]:
    split, family = column.about.split, column.about.family
    return [
        Column(
            column.name + DIFFERENCE,
            "difference" if column.kind == "auc" else "change",
            tuple(None if each is None else each.value for each in differences),
            About("difference from the point given by --versus", split=split, family=family),
            errors=tuple(None if each is None else (_end(each.down), _end(each.up)) for each in differences),
        ),
        Column(
            column.name + SIGNIFICANCE,
            "significance",
            tuple(None if each is None else _significance(each) for each in differences),
            About("the difference in units of its uncertainty", split=split, family=family),
        ),
    ]


def _end(length: float) -> float | None:
    return length if math.isfinite(length) else None


def _significance(each: "Estimate") -> float | None:
    towards_zero = each.down if each.value > 0 else each.up
    return each.value / towards_zero if 0 < towards_zero < math.inf else None


def _differences(
    names: Sequence[str], points: Sequence[DonePoint], reference: DonePoint
) -> list[dict[str, "Estimate"]]:
    """For each point the difference of each metric that it and the reference have."""
    from dlscan.analysis.points.results import predictions
    from dlscan.analysis.points.same_events import OtherEventsError, aligned

    base = predictions(reference)
    own = {name: base.influenced(name) for name in names}
    found: list[dict[str, Estimate]] = []
    for point in points:
        found.append({})
        if point.paths == reference.paths:
            continue
        try:
            scored = aligned(point, predictions(point), reference, base)
            theirs = {name: scored.influenced(name) for name in names}
        except OtherEventsError as error:
            raise ScanError(f"--versus: {error}; {_ADVICE}") from None
        except DlscanError as error:
            log.warning("not compared: %s", error)
            continue
        for name in names:
            one, other = theirs[name], own[name]
            if one is not None and other is not None:
                found[-1][name] = one.less(other)
    return found


_ADVICE = "only numbers on the same events are compared; choose points by --where or fewer scans"


def _note(count: int, reference: DonePoint) -> str:
    said = (
        f"_Diff, _z: from point {reference.record.point} of {reference.scan}, paired on the same test events"
    )
    if not count:
        return f"{said}; no comparison was made"
    typical, rare = (_largest(count, chance) for chance in (0.5, 0.05))
    return (
        f"{said}; {counted(count, 'comparison')}: by chance alone the largest |z| is above "
        f"{typical:.1f} in half of such tables and above {rare:.1f} in 5 % (the same network from another "
        "seed also differs)"
    )


def _direction(asked: Sequence[Column]) -> str:
    """Which way is better, where it is not upwards for all."""
    lower = [column.name for column in asked if column.about.better == "less"]
    return f"; for {', '.join(lower)} a negative _Diff is better" if lower else ""


def _largest(count: int, chance: float) -> float:
    """What the largest of `count` independent |z| exceeds with probability `chance`."""
    single = 1 - (1 - chance) ** (1 / count)
    return NormalDist().inv_cdf(1 - single / 2)
