"""Parameters as axes of pictures."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes

from dlscan.analysis.columns.column import Column
from dlscan.analysis.columns.names import TRAININGS, text_of
from dlscan.analysis.lookup import find_column
from dlscan.analysis.plots import Options
from dlscan.analysis.plots.numbers import Numbers, default_key, numbers
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.results import Floats
from dlscan.analysis.tables.order import comparable
from dlscan.analysis.tables.rows import Rows
from dlscan.errors import UsageError

# Ranges that are read logarithmically, and those that may be: the largest number over the least.
_WIDE, _NARROW = 20, 4


def parameters(rows: Rows, by: str | None) -> list[Column]:
    """The columns of the parameters that `by` names, or of all that vary; the seed is none.

    Parameters
    ----------
    rows : Rows
        The models.
    by : str or None
        `Width,Depth`, without regard to case.

    Raises
    ------
    UsageError
        If there is no such parameter, or one is named twice.
    """
    names = [name for name in rows.varying if name not in TRAININGS]
    if by is not None:
        known = set(rows.columns.parameters.values()) - set(TRAININGS)
        keys = {name: key for name, key in rows.columns.keys_in_file.items() if name in known}
        names = [find_column(name.strip(), keys, "parameter") for name in by.split(",") if name.strip()]
        if len(set(names)) < len(names):
            raise UsageError(f"--by {by}: names a parameter twice")
    return [rows.columns[name] for name in names]


def against(points: Sequence[DonePoint], options: Options) -> tuple[Numbers, list[Column], list[int]]:
    """What a picture of `options.key` against parameters needs.

    Returns
    -------
    found : Numbers
        The column, by default the best there is.
    columns : list of Column
        The parameters that vary, or those of `options.by`.
    present : list of int
        The rows that have a number.

    Raises
    ------
    UsageError
        If there is no parameter, or no number.
    """
    found = numbers(points, options.key or default_key(points), parameters=False)
    columns = parameters(found.rows, options.by)
    if not columns:
        raise UsageError("these points do not vary any parameter; choose some with --by A,B")
    present = [row for row, entry in enumerate(found.entries) if entry.value is not None]
    if not present:
        raise UsageError(f"no point has a value for {found.name}; choose another --key")
    return found, columns, present


def is_number(column: Column) -> bool:
    """Whether a parameter is a number, where it has a value, and has two at least."""
    present = [value for value in column.values if value is not None]
    # lists among them have no hash
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in present)
    return numbers and len(set(present)) > 1


def is_logarithmic(values: Floats) -> bool:
    """Whether numbers are better read on a logarithmic axis: over decades, or if they lie evenly there."""
    low, high = float(np.min(values)), float(np.max(values))
    if low <= 0 or high < _NARROW * low:
        return False
    each = np.unique(values)
    # whole numbers have no good ticks on part of a decade
    part = bool(np.any(each != np.round(each))) and _lopsided(np.log(each)) + 0.05 < _lopsided(each)
    return part or high >= _WIDE * low


def _lopsided(values: Floats) -> float:
    """How far the mean of numbers is from the middle of their range, in units of that range."""
    low, high = float(np.min(values)), float(np.max(values))
    return abs(float(np.mean(values)) - (low + high) / 2) / (high - low)


def scale(axes: Axes, direction: Literal["x", "y"], values: Floats) -> None:
    """Make an axis logarithmic where that reads better; whole numbers get ticks at whole numbers.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    direction : str
        Which of its axes.
    values : array of float, (N,)
        What that axis shows.
    """
    if is_logarithmic(values):
        axes.set(**{f"{direction}scale": "log"})
    elif np.all(values == np.round(values)):
        axes.locator_params(axis=direction, integer=True)


def values_of(column: Column) -> list[Any]:
    """The different values of a parameter, in order, a missing one last."""
    keys = comparable(column)
    different = {
        text_of(value): (key, value)
        for key, value in zip(keys, column.values, strict=True)
        if value is not None
    }
    found = [value for _, value in sorted(different.values(), key=lambda pair: pair[0])]
    return found + [None] * (None in column.values)


def places_of(column: Column) -> list[int]:
    """For each model the position of its value among `values_of`."""
    number = {text_of(value): place for place, value in enumerate(values_of(column))}
    return [number[text_of(value)] for value in column.values]


def texts_of(values: Sequence[Any]) -> list[str]:
    """The values for a person."""
    return ["-" if value is None else text_of(value) for value in values]
