"""Finished points as a table: which columns, in which order, as typed data."""

import contextlib
import dataclasses
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from dlscan.analysis.columns.catalog import EVENTS, FOLDS, MODEL_NAME, REPEATS, SCAN
from dlscan.analysis.columns.column import Column
from dlscan.analysis.columns.names import TRAININGS
from dlscan.analysis.columns.of_points import columns_of
from dlscan.analysis.compare.versus import compared
from dlscan.analysis.points.done import DonePoint, point_of
from dlscan.analysis.points.folds import folds_of, what_differs
from dlscan.analysis.points.models import groups
from dlscan.analysis.points.planned import planned
from dlscan.analysis.points.ranked import searched_for
from dlscan.analysis.points.tasks import metrics_of
from dlscan.analysis.tables.best import Choice, choose
from dlscan.analysis.tables.notes import (
    folds_note,
    losses_note,
    missing_notes,
    presented,
    reasons_of,
    split_note,
    spoken,
    uncertainty_note,
)
from dlscan.analysis.tables.order import order
from dlscan.analysis.tables.pivot import pivot as pivoted
from dlscan.analysis.tables.rows import Rows, naming_note, rows_of
from dlscan.errors import UsageError
from dlscan.tasks.metric import TEST_LOSS

if TYPE_CHECKING:
    import pandas as pd


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of models.

    Attributes
    ----------
    columns : tuple of Column
        What is shown, in order; each knows its kind.
    notes : tuple of str
        Lines that belong below it: which split the numbers are from, how the best was chosen ...
    titled : bool
        Whether a header for print has titles with `data.labels`, not names.
    """

    columns: tuple[Column, ...]
    notes: tuple[str, ...] = ()
    titled: bool = False

    @functools.cached_property
    def frame(self) -> "pd.DataFrame":
        """The columns as typed, nullable ones: `Int64`, `Float64`, `boolean`, `string`.

        Uncertainties stand beside their column as `_Down` and `_Up`, spreads over repeats as `_Spread`.
        """
        # pandas takes a while to import, and a text does not need it
        from dlscan.analysis.tables.frame import frame_of

        return frame_of(self.columns)


def table(
    points: Sequence[DonePoint],
    columns: Sequence[str] | None = None,
    sort: Sequence[str] = (),
    where: str | None = None,
    *,
    name: Sequence[str] = (),
    repeats: Literal["mean", "each"] | None = None,
    errors: bool = False,
    versus: str | int | None = None,
    best: str | None = None,
    pivot: Sequence[str] = (),
    value: str | None = None,
) -> Table:
    """The table of `points`.

    Parameters
    ----------
    points : sequence of DonePoint
        As `load` gives them: by scan, then by number.
    columns : sequence of str, optional
        Names without regard to case, or patterns such as `*_AUC`; `Model Name` is first in any case. By
        default what varies, `Epochs`, and what the task measures first: of a classification the AUC of each
        class, `Mean_AUC` and `test_loss`.
    sort : sequence of str
        Columns to sort by: see `order`.
    where : str, optional
        Show only the models for which this expression holds: see `select`.
    name : sequence of str
        The parameters that `Model Name` is made of, instead of those that the scan varies.
    repeats : {"mean", "each"}, optional
        Whether points that differ in their seed alone share a line, with mean and spread (the default), or
        have a line each (always so with `versus`).
    errors : bool
        With the 68 % intervals of the numbers.
    versus : str or int, optional
        With the differences of what the task compares, such as AUCs, from this point: `7`, `SCAN:7`.
    best : str, optional
        Show the best model alone, chosen by this number of the validation split: see `choose`.
    pivot : sequence of str
        Two parameters: show `value` as rows by columns of them.
    value : str, optional
        By default the metric that stands for all, such as `Mean_AUC`.

    Returns
    -------
    Table

    Raises
    ------
    UsageError
        If a column does not exist (the message names the nearest) or two wishes exclude each other.
    ScanError
        If `versus` points were tested on different events.
    """
    _require_together(pivot, value, columns=columns, sort=sort, name=name, versus=versus, best=best)
    if versus is not None and repeats == "mean":
        raise UsageError("--versus compares single points; leave out --repeats mean")
    # folds of a model are compared together
    single = versus is not None and not any(len(folds_of(points)) > 1 for points in _models(points))
    rows = rows_of(points, name, where, each=repeats == "each" or single)
    titled = any(point.labels for point in points)
    if pivot:
        shown, note = pivoted(rows, pivot, value or metrics_of(points)[0].headline)
        made = tuple(presented(shown, errors))
        return Table(made, (note, *uncertainty_note(made, errors, what_differs(rows.models))), titled)
    notes = naming_note(rows, name)
    if best is None:
        notes += _search_note(rows)
        rows = rows.take(order(rows.columns, sort))
        names = _shown(rows, columns)
    else:
        choice = choose(rows, best)
        names = [*_shown(rows.take([choice.position]), columns), choice.column.name]
        notes += [choice.note, *_worth(rows, choice)]
        rows = rows.take([choice.position])
    wanted = [rows.columns[each] for each in dict.fromkeys(names)]
    if versus is not None:
        reference = point_of(points, str(versus), "--versus")
        wanted, note = compared(presented(wanted, errors), rows.models, reference)
        notes.append(note)
    else:
        wanted = presented(wanted, errors)
    notes += losses_note(wanted, rows.models)
    notes += missing_notes(wanted, rows.models)
    notes = [
        *split_note(wanted),
        *uncertainty_note(wanted, errors, what_differs(rows.models)),
        *folds_note(rows.models),
        *notes,
    ]
    return Table(tuple(wanted), tuple(notes), titled)


def _worth(rows: Rows, choice: Choice) -> list[str]:
    """What the choice of the best is worth, if there is something to compare."""
    # it reads scores, which most tables do not wait for
    from dlscan.analysis.compare.chosen import chosen, sentence

    found = chosen(rows.models, choice.column, choice.position, choice.considered)
    if found is None:
        return []
    name = str(rows.columns[MODEL_NAME].values[choice.position])
    return [sentence(found, rows.models, choice.column, choice.position, name)]


def _search_note(rows: Rows) -> list[str]:
    """What the points of a search come to: the table of a grid says it where the best is asked for."""
    if not any(planned(scan).method for scan in {point.paths.scan for point in rows.points}):
        return []
    with contextlib.suppress(UsageError):
        return _worth(rows, choose(rows, searched_for(rows.points)))
    return []


def _models(points: Sequence[DonePoint]) -> list[list[DonePoint]]:
    return [[points[number] for number in group] for group in groups(points)]


def list_columns(points: Sequence[DonePoint], where: str | None = None) -> Table:
    """All columns that a table of `points` can have: kind, unit, split, meaning, what is missing and why."""
    return Table(_listing(rows_of(points, where=where)))


def ordered(points: Sequence[DonePoint], sort: Sequence[str]) -> list[DonePoint]:
    """`points` in the order that `table` shows them in, each by itself."""
    return [points[number] for number in order(columns_of(points), sort)] if sort else list(points)


def _shown(rows: Rows, columns: Sequence[str] | None) -> list[str]:
    several = [
        name for name in (SCAN, EVENTS) if name in rows.columns and len(set(rows.columns[name].values)) > 1
    ]
    if columns is None:
        return [MODEL_NAME, *several, *_default_columns(rows)]
    return [MODEL_NAME, *several, *(found for name in columns for found in rows.columns.matching(name))]


def _default_columns(rows: Rows) -> list[str]:
    points = rows.points
    measured = dict.fromkeys(name for task in metrics_of(points) for name in task.defaults)
    varying = [name for name in rows.varying if not (rows.repeated and name in TRAININGS)]
    trainings = {"folds": FOLDS, "repeats": REPEATS}
    repeats = [trainings[word] for word in what_differs(rows.models).split(" and ")] if rows.repeated else []
    names = [*varying, *repeats, "Epochs", *measured, TEST_LOSS]
    return [name for name in names if name in rows.columns]


def _require_together(pivot: Sequence[str], value: str | None, **others: object) -> None:
    if value is not None and not pivot:
        raise UsageError("--value is what --pivot shows; give --pivot width,depth too")
    wrong = [f"--{name}" for name, given in others.items() if given not in (None, (), [])]
    if pivot and wrong:
        raise UsageError(f"--pivot shows one number and goes without {', '.join(wrong)}")


def _listing(rows: Rows) -> tuple[Column, ...]:
    """A line per column: name, kind, unit, split, what it is, and for how many models it is missing."""
    count = len(rows.models)
    lines = []
    for column in rows.columns.values():
        missing = sum(value is None for value in column.values)
        reasons = spoken(reasons_of(column, rows.models))
        lines.append(
            (
                column.name,
                column.kind,
                column.about.unit or None,
                column.about.split or None,
                column.about.meaning or None,
                f"{missing} of {count}{': ' + reasons if reasons else ''}" if missing else None,
            )
        )
    titles = ("Column", "Kind", "Unit", "Split", "Meaning", "Missing")
    return tuple(
        Column(title, "text", tuple(values))
        for title, values in zip(titles, zip(*lines, strict=True), strict=True)
    )
