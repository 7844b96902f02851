"""One number of the models as rows by columns of two parameters."""

import statistics
from collections.abc import Sequence
from typing import Any

from dlscan.analysis.columns.catalog import SCAN
from dlscan.analysis.columns.cells import MISSING
from dlscan.analysis.columns.column import Column, Interval
from dlscan.analysis.columns.names import TRAININGS, named, text_of, varying_columns
from dlscan.analysis.lookup import find_column
from dlscan.analysis.points.folds import what_differs
from dlscan.analysis.points.tasks import metrics_of
from dlscan.analysis.tables.notes import SPLIT_WORDS
from dlscan.analysis.tables.order import comparable
from dlscan.analysis.tables.rows import Rows
from dlscan.errors import UsageError

Cells = dict[tuple[str, str], list[int]]


def pivot(rows: Rows, axes: Sequence[str], value: str) -> tuple[tuple[Column, ...], str]:
    """The column `value` with a line per value of the first parameter and a column per value of the second.

    Parameters
    ----------
    rows : Rows
        The models.
    axes : sequence of str
        Two parameters, or `Scan` or `Seed`.
    value : str
        A numeric column.

    Returns
    -------
    columns : tuple of Column
        The first parameter, then `Depth=1`, `Depth=2` ...
    note : str
        A line that says what the cells are.

    Raises
    ------
    UsageError
        If there is no such parameter or column, or if models that are not repeats of one another share a
        cell; the message says in which parameters they differ.
    """
    down, across = _axes(rows, axes)
    number = rows.columns[rows.columns.find(value, "column to show")]
    if number.is_text or (number.kind == "parameter"):
        raise UsageError(
            f"--value {value}: not a measured number; choose one such as "
            f"{metrics_of(rows.points)[0].headline}"
        )
    lines, heads = _sorted(down), _sorted(across)
    cells: Cells = {}
    for row, key in enumerate(zip(map(text_of, down.values), map(text_of, across.values), strict=True)):
        cells.setdefault(key, []).append(row)
    for (line, head), members in cells.items():
        if len(members) > 1:
            _refuse(rows, members, f"{down.name}={line} {across.name}={head}", (down.name, across.name))
    made = [Column(down.name, down.kind, tuple(lines), down.about, down.key)]
    for head in heads:
        places = [cells.get((text_of(line), text_of(head)), [None])[0] for line in lines]
        # a key that is not for a family or an optimizer has no value, as in a table
        name = f"{across.name}={MISSING}" if head is None else named({across.name: head})
        made.append(_column(number, name, places))
    return tuple(made), _note(number, rows)


def _axes(rows: Rows, axes: Sequence[str]) -> tuple[Column, Column]:
    if len(axes) != 2:
        raise UsageError("--pivot takes two parameters, such as width,depth: rows and columns")
    allowed = [*rows.columns.parameters.values(), SCAN]
    keys = {name: key for name, key in rows.columns.keys_in_file.items() if name in allowed}
    down, across = (rows.columns[find_column(name, keys, "parameter to pivot by")] for name in axes)
    if down is across:
        raise UsageError(f"--pivot {','.join(axes)}: rows and columns are the same parameter")
    if down.joined or across.joined:
        raise UsageError(f"--pivot {','.join(axes)}: repeats are combined into one row; add --repeats each")
    return down, across


def _sorted(axis: Column) -> list[Any]:
    """The different values of an axis, in order, a missing one last."""
    keys = comparable(axis)
    different = {
        text_of(value): (key, value) for key, value in zip(keys, axis.values, strict=True) if key is not None
    }
    ordered = [value for _, value in sorted(different.values(), key=lambda pair: pair[0])]
    return ordered + [None] * (None in axis.values)


def _column(number: Column, name: str, places: Sequence[int | None]) -> Column:
    def taken(entries: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(None if place is None else entries[place] for place in places)

    errors: tuple[Interval | None, ...] | None = None if number.errors is None else taken(number.errors)
    spreads = None if number.spreads is None else taken(number.spreads)
    return Column(name, number.kind, taken(number.values), number.about, errors=errors, spreads=spreads)


def _refuse(rows: Rows, members: Sequence[int], where: str, axes: Sequence[str]) -> None:
    points = [point for member in members for point in rows.models[member]]
    varying = varying_columns(points, rows.columns.parameters)
    columns = [rows.columns[name] for name in (SCAN, *varying) if name not in axes]
    differing = {
        column.name: column.values[members[0]]
        for column in columns
        if not column.joined and len({text_of(column.values[row]) for row in members}) > 1
    }
    if set(differing) <= set(TRAININGS):
        advice = "leave out --repeats each"
    else:
        name, value = next(iter(differing.items()))
        text = f'"{value}"' if isinstance(value, str) else text_of(value)
        advice = f"select one, such as with --where '{name}=={text}'"
    raise UsageError(
        f"--pivot: {len(members)} models share the cell {where} and differ in "
        f"{', '.join(differing)}; {advice}"
    )


def _note(number: Column, rows: Rows) -> str:
    split = f" ({SPLIT_WORDS[number.about.split]})" if number.about.split else ""
    unit = f" in {number.about.unit}" if number.about.unit else ""
    said = f"Cells: {number.name}{unit}{split}"
    if number.spreads is None or not rows.repeated:
        return said
    counts = [len(model) for model in rows.models]
    low, high, usual = min(counts), max(counts), round(statistics.median(counts))
    repeats = f"{usual}" if low == high else f"{low} to {high}"
    return f"{said}, mean and standard deviation over {repeats} {what_differs(rows.models)}"
