"""One column of the table for pictures: a value per model, repeats merged, with its uncertainty."""

import dataclasses
import statistics
from collections.abc import Sequence
from typing import Any

from dlscan.analysis.columns.column import Column, Columns
from dlscan.analysis.columns.names import distinct_names
from dlscan.analysis.columns.of_points import columns_of
from dlscan.analysis.labels import Marked
from dlscan.analysis.lookup import find_column
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.folds import what_differs
from dlscan.analysis.points.ranked import searched_for
from dlscan.analysis.points.tasks import metrics_of
from dlscan.analysis.tables.rows import Rows, rows_of
from dlscan.errors import UsageError
from dlscan.spelling import counted
from dlscan.tasks.metric import About

# of the median interval from end to end: the least that colours span
LEAST_INTERVALS = 2


@dataclasses.dataclass(frozen=True)
class Interval:
    """The ends of an uncertainty; None where there is none, or no bound."""

    low: float | None
    high: float | None


@dataclasses.dataclass(frozen=True)
class Number:
    """The entry of a model.

    Attributes
    ----------
    points : tuple of DonePoint
        The repeats.
    name : str
        Of the model.
    value : float or None
        The mean over the repeats.
    interval : Interval
        Its uncertainty.
    repeats : tuple of float
        The entry of each repeat.
    """

    points: tuple[DonePoint, ...]
    name: str
    value: float | None
    interval: Interval
    repeats: tuple[float, ...]

    @property
    def low(self) -> float:
        """The lowest that is drawn."""
        ends = (self.value, self.interval.low, *self.repeats)
        return min((end for end in ends if end is not None), default=0.0)

    @property
    def high(self) -> float:
        """The highest that is drawn."""
        ends = (self.value, self.interval.high, *self.repeats)
        return max((end for end in ends if end is not None), default=0.0)

    @property
    def halves(self) -> tuple[float, float]:
        """The lengths of the error bar; 0 where there is none."""
        value, (low, high) = self.value or 0.0, (self.interval.low, self.interval.high)
        return (0.0 if low is None else value - low), (0.0 if high is None else high - value)

    @property
    def bounded(self) -> bool:
        """Whether there is an uncertainty to draw."""
        return self.interval.low is not None or self.interval.high is not None

    @property
    def identity(self) -> dict[str, Any]:
        """Which model it is, for the numbers behind a picture."""
        return {
            "scan": self.points[0].scan,
            "point": ", ".join(str(point.record.point) for point in self.points),
            "model": self.name,
        }


@dataclasses.dataclass(frozen=True)
class Numbers:
    """A column with an entry per model, in the order of the points."""

    column: Column
    rows: Rows
    entries: list[Number]

    @property
    def name(self) -> str:
        """Of the column."""
        return self.column.name

    @property
    def title(self) -> Marked:
        """What a person calls it, with the split: `mean AUC (validation)`."""
        return self.column.full_title

    @property
    def heading(self) -> Marked:
        """The title at the start of a line."""
        return Marked(self.title[:1].upper() + self.title[1:])

    @property
    def axis(self) -> Marked:
        """What to write at an axis: title and unit."""
        return Marked(f"{self.title} [{self.column.about.unit}]" if self.column.about.unit else self.title)

    @property
    def note(self) -> str:
        """What the error bars are; empty where there are none."""
        parts = []
        if any(entry.bounded for entry in self.entries if len(entry.repeats) < 2):
            parts.append("statistical uncertainty (68 %)")
        if any(len(entry.repeats) > 1 for entry in self.entries):
            over = what_differs(self.rows.models)
            parts.append(f"standard deviation over {over}")
        return f"Error bars: {'; '.join(parts)}." if parts else ""


def numbers(points: Sequence[DonePoint], key: str, *, parameters: bool = True, each: bool = False) -> Numbers:
    """The numeric column `key` of the table.

    Parameters
    ----------
    points : sequence of DonePoint
        Those that differ in their seed alone become one entry.
    key : str
        Without regard to case.
    parameters : bool
        Whether a parameter is allowed too.
    each : bool
        Whether repeats stand singly.

    Raises
    ------
    UsageError
        If there is no such numeric column; the message names the nearest.
    """
    single = columns_of(points)
    numeric = {
        name: key_in_file
        for name, key_in_file in single.keys_in_file.items()
        if (parameters or not key_in_file) and _is_numeric(single, name)
    }
    if not numeric:
        raise UsageError("no point has any numeric value to draw")
    rows = rows_of(points, each=each)
    name = find_column(key, numeric, "numeric column", rows.columns.aliases)
    column = rows.columns[name]
    if column.joined:
        # what differs between repeats, such as Point
        rows = rows_of(points, each=True)
        column = rows.columns[name]
    position = {id(point): number for number, point in enumerate(points)}
    values = single[name].values
    repeats = [
        tuple(value for point in model if (value := values[position[id(point)]]) is not None)
        for model in rows.models
    ]
    names = _names(rows)
    entries = [
        Number(model, names[row], column.values[row], _interval(column, row), repeats[row])
        for row, model in enumerate(rows.models)
    ]
    return Numbers(column, rows, entries)


def color_limits(entries: Sequence[Number]) -> tuple[float, float]:
    """What colours span: the numbers, and no less than noise does, which would look like an effect."""
    values = [entry.value for entry in entries if entry.value is not None]
    low, high = min(values), max(values)
    lengths = [sum(entry.halves) for entry in entries if entry.value is not None and entry.bounded]
    least = LEAST_INTERVALS * statistics.median(lengths) if lengths else 0.0
    missing = max(least - (high - low), 0.0) / 2
    low, high = low - missing, high + missing
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def good_limits(values: Sequence[float], about: About) -> tuple[float, float]:
    """What an axis spans so that the good values can be told apart: a search has tried bad ones too.

    The better three quarters of all values, and some room.
    """
    ranked = sorted(values, key=about.goodness)
    least, best = ranked[len(ranked) // 4], ranked[-1]
    room = 0.08 * abs(best - least) or 0.01 * abs(best) or 0.01
    return min(least, best) - room, max(least, best) + room


def outside_note(values: Sequence[float], limits: tuple[float, float]) -> str:
    """How many values an axis does not show."""
    count = sum(not limits[0] <= value <= limits[1] for value in values)
    return f"{counted(count, 'model')} beyond the axis." if count else ""


def headline(points: Sequence[DonePoint]) -> str:
    """The metric of the test split that stands for all, of the first task of the points."""
    return metrics_of(points)[0].headline


def default_key(points: Sequence[DonePoint]) -> str:
    """What searches make good, else the headline of the validation split, where all points have it.

    Choosing by these is no cheating.
    """
    searched = searched_for(points)
    if searched is not None:
        return searched
    tested = headline(points)
    validated = all(point.record.metrics.get(f"val_{tested}") is not None for point in points)
    return f"val_{tested}" if validated else tested


def chance_note(found: Numbers) -> str:
    """What to say where models are called the best by a number of the test split."""
    if found.column.about.split != "test":
        return ""
    return "The best of many on the test split is partly due to chance; choose by a val_* number."


def _names(rows: Rows) -> list[str]:
    if not rows.repeated:
        return distinct_names([model[0] for model in rows.models])
    names, scans = rows.columns["Model Name"].values, rows.columns["Scan"].values
    several = len(set(scans)) > 1
    return [f"{scan}: {name}" if several else name for scan, name in zip(scans, names, strict=True)]


def _interval(column: Column, row: int) -> Interval:
    value = column.values[row]
    spread = None if column.spreads is None else column.spreads[row]
    if value is None:
        return Interval(None, None)
    if spread is not None:
        return Interval(value - spread, value + spread)
    error = None if column.errors is None else column.errors[row]
    if error is None:
        return Interval(None, None)
    down, up = error
    return Interval(None if down is None else value - down, None if up is None else value + up)


def _is_numeric(columns: Columns, name: str) -> bool:
    kind = columns.heads[name].kind
    if kind != "parameter":
        # records are checked when they are read: to look at every number of ten thousand takes seconds
        return kind != "text"
    present = [value for value in columns[name].values if value is not None]
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in present)
