"""Finished points as a table: which columns, in which order, as typed data."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import pandas as pd

from dlscan.analysis.columns import MODEL_NAME, SCAN, Column, columns_of, text_of, varying_columns
from dlscan.analysis.lookup import find
from dlscan.analysis.records import DonePoint
from dlscan.analysis.where import select
from dlscan.errors import UsageError

LAST_DEFAULTS = ("Mean_AUC", "test_loss")


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of models.

    Attributes
    ----------
    columns : tuple of Column
        What is shown, in order; each knows its kind.
    frame : DataFrame
        The same as typed, nullable columns: `Int64`, `Float64`, `boolean`, `string`.
    """

    columns: tuple[Column, ...]
    frame: pd.DataFrame


def table(
    points: Sequence[DonePoint],
    columns: Sequence[str] | None = None,
    sort: Sequence[str] = (),
    where: str | None = None,
) -> Table:
    """The table of `points`.

    Parameters
    ----------
    points : sequence of DonePoint
        As `load` gives them: by scan, then by number.
    columns : sequence of str, optional
        Names without regard to case; `Model Name` is first in any case. By default what varies, `Epochs`, the
        AUC of each class, `Mean_AUC` and `test_loss`.
    sort : sequence of str
        Columns to sort by, shown or not, the first one first; `-` in front means descending. Missing values
        are last either way, and equal ones stay as they are in `points`.

    where : str, optional
        Show only the models for which this expression holds: see `select`.

    Returns
    -------
    Table

    Raises
    ------
    UsageError
        If a column does not exist; the message names the nearest.
    """
    available = columns_of(points)
    if where is not None:
        points = [points[number] for number in select(where, available)]
        if not points:
            raise UsageError(f"--where {where!r}: no finished model is like this")
        available = columns_of(points)
    if columns is None:
        names = _default_columns(points, available)
    else:
        names = [find(name, available, "column") for name in columns]
    several = [SCAN] if len({point.scan for point in points}) > 1 else []
    shown = tuple(available[name] for name in dict.fromkeys([MODEL_NAME, *several, *names]))
    frame = pd.DataFrame({column.name: _typed(column) for column in shown})
    return Table(shown, frame.iloc[_order(available, sort)].reset_index(drop=True))


def ordered(points: Sequence[DonePoint], sort: Sequence[str]) -> list[DonePoint]:
    """`points` in the order that `table` shows them in."""
    return [points[number] for number in _order(columns_of(points), sort)] if sort else list(points)


def _default_columns(points: Sequence[DonePoint], available: dict[str, Column]) -> list[str]:
    areas = dict.fromkeys(f"{name}_AUC" for point in points for name in point.record.classes)
    names = [*varying_columns(points), "Epochs", *areas, *LAST_DEFAULTS]
    return [name for name in names if name in available]


def _order(available: dict[str, Column], sort: Sequence[str]) -> list[int]:
    """Positions in the order that `sort` asks for."""
    names = [find(key.removeprefix("-"), available, "column to sort by") for key in sort]
    frame = pd.DataFrame({name: _typed(available[name]) for name in (MODEL_NAME, *names)})
    # from the last key to the first: a stable sort keeps what the later keys have settled
    for key, name in reversed(list(zip(sort, names, strict=True))):
        frame = frame.sort_values(name, ascending=not key.startswith("-"), kind="stable", na_position="last")
    return [int(position) for position in frame.index]


def _typed(column: Column) -> "pd.Series[Any]":
    """The values in the narrowest type that holds them all."""
    present = [value for value in column.values if value is not None]
    if column.kind != "parameter":
        dtype = {"text": "string", "integer": "Int64", "number": "Float64", "auc": "Float64"}[column.kind]
    elif all(isinstance(value, bool) for value in present):
        dtype = "boolean"
    elif all(isinstance(value, int) and not isinstance(value, bool) for value in present):
        dtype = "Int64"
    elif all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
        dtype = "Float64"
    else:
        return pd.Series(
            [None if value is None else text_of(value) for value in column.values], dtype="string"
        )
    return pd.Series(list(column.values), dtype=dtype)
