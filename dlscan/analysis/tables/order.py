"""The order of the models."""

from collections.abc import Sequence
from typing import Any

from dlscan.analysis.columns.column import Column, Columns
from dlscan.analysis.columns.names import text_of


def order(available: Columns, sort: Sequence[str]) -> list[int]:
    """Positions in the order that `sort` asks for.

    Parameters
    ----------
    available : Columns
        All columns that there are.
    sort : sequence of str
        Columns to sort by, the first one first; `-` in front means descending. Missing values are last either
        way, and equal ones stay as they are.

    Raises
    ------
    UsageError
        If a column does not exist.
    """
    names = [available.find(key.removeprefix("-"), "column to sort by") for key in sort]
    positions = list(range(available.rows))
    # from the last key to the first: a stable sort keeps what the later keys have settled
    for key, name in reversed(list(zip(sort, names, strict=True))):
        values = comparable(available[name])
        present = [position for position in positions if values[position] is not None]
        missing = [position for position in positions if values[position] is None]
        positions = sorted(present, key=values.__getitem__, reverse=key.startswith("-")) + missing
    return positions


def comparable(column: Column) -> tuple[Any, ...]:
    """The values as they are where they compare with each other, else as texts."""
    if column.kind == "parameter" and column.is_text:
        return tuple(None if value is None else text_of(value) for value in column.values)
    return column.values
