"""Columns as a pandas DataFrame of typed, nullable columns."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from dlscan.analysis.columns.column import Column, parameter_type
from dlscan.analysis.tables.order import comparable

# what a spreadsheet takes for the beginning of a formula
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def frame_of(columns: Sequence[Column]) -> pd.DataFrame:
    """Every column, with its `_Spread` or its `_Down` and `_Up` beside it where it has them."""
    data: dict[str, pd.Series[Any]] = {}
    for column in columns:
        data[column.name] = _typed(column)
        if column.spreads is not None:
            data[f"{column.name}_Spread"] = pd.Series(list(column.spreads), dtype="Float64")
        if column.errors is not None:
            intervals = [interval or (None, None) for interval in column.errors]
            for name, ends in zip(("Down", "Up"), zip(*intervals, strict=True), strict=True):
                data[f"{column.name}_{name}"] = pd.Series(list(ends), dtype="Float64")
    return pd.DataFrame(data)


def csv(frame: pd.DataFrame) -> str:
    """The frame as CSV, in which a text stays a text when a spreadsheet opens it.

    What would begin a formula there gets an apostrophe in front of it, as spreadsheets themselves write it.
    """
    safe = pd.DataFrame({name: _no_formulas(frame[name]) for name in frame.columns})
    return safe.rename(columns=_no_formula).to_csv(index=False, lineterminator="\n")


def _no_formulas(column: "pd.Series[Any]") -> "pd.Series[Any]":
    return column if pd.api.types.is_numeric_dtype(column) else column.map(_no_formula)


def _no_formula(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _typed(column: Column) -> "pd.Series[Any]":
    """The values in the narrowest type that holds them all."""
    match column.kind:
        case "text":
            dtype = "string"
        case "integer":
            dtype = "Int64"
        case "parameter":
            dtype = parameter_type(column.values)
        case _:
            dtype = "Float64"
    return pd.Series(list(comparable(column)), dtype=dtype)
