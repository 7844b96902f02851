"""Differences of all models from one of them on the same test events, paired event by event."""

import logging
import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING

from dlscan.analysis.columns.column import Column
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.folds import folds_of
from dlscan.analysis.points.tasks import metrics_of
from dlscan.errors import DlscanError, ScanError, UsageError
from dlscan.spelling import counted
from dlscan.tasks.metric import About

if TYPE_CHECKING:
    from dlscan.analysis.compare.paired import Difference
    from dlscan.metrics.estimate import Estimate

log = logging.getLogger("dlscan")

DIFFERENCE, SIGNIFICANCE, CORRECTED = "_Diff", "_z", "_t"


Model = Sequence[DonePoint]


def compared(
    shown: Sequence[Column], models: Sequence[Model], reference: DonePoint
) -> tuple[list[Column], str]:
    """`shown` with two columns behind each metric that is compared: `_Diff`, with its interval, and `_z`.

    The task says which: areas under ROC curves, errors of targets. Of models with folds they are means over
    the folds; numbers of the validation split are compared too, with `_t` in a third column.

    Parameters
    ----------
    shown : sequence of Column
        Columns with an entry per model.
    models : sequence of sequence of DonePoint
        The trainings of each, in this order.
    reference : DonePoint
        One of the model that they are compared with; its own entries are missing.

    Returns
    -------
    columns : list of Column
        `_Diff` is the number of the model less that of the reference; `_z` is the difference in units of its
        uncertainty, from the events. `_t` is the mean difference of the folds in units of what these scatter,
        corrected for training sets that overlap.
    note : str
        A line on how many comparisons were made, and how large a `_z` chance alone makes among so many.

    Raises
    ------
    UsageError
        If no such metric of the test split is shown.
    ScanError
        If points were tested on different events, or the reference has no predictions.
    """
    tasks = metrics_of([point for model in models for point in model])
    base = next(
        (model for model in models if any(each.paths == reference.paths for each in model)), (reference,)
    )
    splits = ("test", "validation") if len(folds_of(base)) > 1 else ("test",)
    asked = [
        column
        for column in shown
        if column.about.split in splits
        and any(task.is_compared(column.name.removeprefix("val_")) for task in tasks)
    ]
    if not asked:
        such = " or ".join(task.comparable for task in tasks)
        raise UsageError(f"--versus compares {such} on the test split, but none is shown")
    found = _differences([column.name for column in asked], models, base)
    columns: list[Column] = []
    for column in shown:
        columns.append(column)
        if column in asked:
            columns += _beside(column, [differences.get(column.name) for differences in found])
    count = sum(len(differences) for differences in found)
    return columns, _note(
        count, reference, len(folds_of(base)), any(each.about.split == "validation" for each in asked)
    ) + _direction(asked)


def _beside(column: Column, found: Sequence["Difference | None"]) -> list[Column]:
    split, family = column.about.split, column.about.family
    differences = [None if each is None else each.estimate for each in found]
    beside = [
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
    if split == "validation":
        corrected = tuple(None if each is None else each.corrected_t for each in found)
        about = About(
            "mean difference over the folds in units of their scatter, with the variance corrected for "
            "overlapping training sets (Nadeau and Bengio, 2003)",
            split=split,
            family=family,
        )
        beside.append(Column(column.name + CORRECTED, "significance", corrected, about))
    return beside


def _end(length: float) -> float | None:
    return length if math.isfinite(length) else None


def _significance(each: "Estimate") -> float | None:
    towards_zero = each.down if each.value > 0 else each.up
    return each.value / towards_zero if 0 < towards_zero < math.inf else None


def _differences(names: Sequence[str], models: Sequence[Model], base: Model) -> list[dict[str, "Difference"]]:
    """For each model the difference of each metric that it and the reference have."""
    # a table without comparisons does not wait for numpy
    from dlscan.analysis.compare.paired import Known, paired
    from dlscan.analysis.points.same_events import OtherEventsError

    found: list[dict[str, Difference]] = []
    # what is wrong with the reference is no matter of a single comparison
    known = Known([*names], base)
    for model in models:
        found.append({})
        if {point.paths for point in model} & {point.paths for point in base}:
            continue
        try:
            found[-1] |= {
                name: each for name in names if (each := paired(model, base, name, known)) is not None
            }
        except OtherEventsError as error:
            raise ScanError(f"--versus: {error}; {_ADVICE}") from None
        except DlscanError as error:
            log.warning("not compared: %s", error)
    return found


_ADVICE = "only numbers on the same events are compared; choose points by --where or fewer scans"


def _note(count: int, reference: DonePoint, folds: int, validation: bool) -> str:
    said = (
        f"_Diff, _z: from point {reference.record.point} of {reference.scan}, paired on the same test events"
    )
    if folds > 1:
        said = (
            f"_Diff, _z: from the model of point {reference.record.point} of {reference.scan}, mean over "
            f"{folds} folds, paired on the same events"
        )
    if folds > 1 and validation:
        said += (
            "; _t: from the scatter of the folds, corrected for overlapping training sets "
            f"({folds - 1} degrees of freedom)"
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
