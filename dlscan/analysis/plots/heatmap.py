"""`heatmap`: one number of the models over two parameters."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dlscan.analysis.columns.cells import cell
from dlscan.analysis.columns.column import Column
from dlscan.analysis.columns.names import named, text_of, varying_columns
from dlscan.analysis.plots import Drawing, Options, matrix, style, words
from dlscan.analysis.plots.numbers import Numbers, color_limits, headline, numbers
from dlscan.analysis.plots.parameters import parameters, places_of, texts_of, values_of
from dlscan.analysis.points.done import DonePoint
from dlscan.errors import UsageError

# inches
CELL_WIDTH, CELL_HEIGHT = 0.95, 0.5
# of more values in either direction: the size of all cells together
MOST_WRITTEN, MOST_TICKS = 30, 20
WIDTH, HEIGHT = 12.0, 8.0

Cells = dict[tuple[int, int], int]


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """The column `options.key` over the two parameters `options.by`; repeats are averaged."""
    found = numbers(points, options.key or headline(points), parameters=False)
    if all(entry.value is None for entry in found.entries):
        raise UsageError(f"no point has a value for {found.name}; choose another --key")
    down, across = _axes(found, options.by)
    cells: Cells = {}
    for row, place in enumerate(zip(places_of(down), places_of(across), strict=True)):
        if place in cells:
            _refuse(found, cells[place], row, (down, across))
        cells[place] = row
    rows = [
        {
            down.name: down.values[row],
            across.name: across.values[row],
            **(entry := found.entries[row]).identity,
            found.name: entry.value,
            "low": entry.interval.low,
            "high": entry.interval.high,
            "repeats": len(entry.repeats),
        }
        for row in cells.values()
    ]
    name = f"heatmap-{found.name}-{down.name}-{across.name}"
    return Drawing(name, [_page(found, cells, down, across)], rows)


def _axes(found: Numbers, by: str | None) -> tuple[Column, Column]:
    chosen = parameters(found.rows, by)
    if len(chosen) == 2 or (by is None and len(chosen) > 2):
        return chosen[0], chosen[1]
    if by is not None:
        raise UsageError(f"--by {by}: a heatmap needs two parameters, such as --by Width,Depth")
    varied = ", ".join(column.name for column in chosen) or "nothing"
    raise UsageError(f"a heatmap needs two parameters, but these points vary {varied}; choose with --by A,B")


def _refuse(found: Numbers, one: int, other: int, axes: Sequence[Column]) -> None:
    rows = found.rows
    place = named({column.name: column.values[one] for column in axes})
    points = [*rows.models[one], *rows.models[other]]
    taken = {column.name for column in axes}
    differing = [
        rows.columns[name]
        for name in ("Scan", *varying_columns(points, rows.columns.parameters))
        if name not in taken
        and text_of(rows.columns[name].values[one]) != text_of(rows.columns[name].values[other])
    ]
    how = ""
    if differing:
        value = differing[0].values[one]
        quoted = f'"{value}"' if isinstance(value, str) else text_of(value)
        names = ", ".join(column.name for column in differing)
        how = f" and differ in {names}; select one, such as with --where '{differing[0].name}=={quoted}'"
    raise UsageError(f"several models share the cell {place}{how}, or take other axes with --by A,B")


def _page(found: Numbers, cells: Cells, down: Column, across: Column) -> Figure:
    lines, heads = texts_of(values_of(down)), texts_of(values_of(across))
    values = np.full((len(lines), len(heads)), np.nan)
    for place, row in cells.items():
        value = found.entries[row].value
        values[place] = np.nan if value is None else value
    names = [[style.short(text) for text in texts] for texts in (lines, heads)]
    margin = 1.0 + style.LETTER_WIDTH * max(map(len, names[0]))
    # of more there is colour alone
    written = max(len(heads), len(lines)) <= MOST_WRITTEN
    wide = CELL_WIDTH * len(heads) if written else WIDTH
    high = CELL_HEIGHT * len(lines) if written else min(CELL_HEIGHT * len(lines), HEIGHT)
    page = style.figure(max(wide, 3.0) + margin + 1.2, max(high, 1.5) + 1.8)
    axes = page.add_subplot()
    limits = color_limits(found.entries)
    image = matrix.cells(axes, values, limits, matrix.VALUES)
    for place, row in cells.items() if written else ():
        _write(axes, place, found, row, matrix.ink(values[place], *limits, matrix.VALUES))
    across_step, down_step = (1, 1) if written else (_step(len(heads)), _step(len(lines)))
    longest = style.LETTER_WIDTH * (max(map(len, names[1])) + 2)
    tilted = longest > across_step * wide / len(heads)
    axes.set_xticks(
        range(0, len(heads), across_step),
        names[1][::across_step],
        rotation=30 if tilted else 0,
        ha="right" if tilted else "center",
    )
    axes.set_yticks(range(0, len(lines), down_step), names[0][::down_step])
    axes.set_xlabel(style.short(across.name, 40))
    axes.set_ylabel(style.short(down.name, 30))
    page.colorbar(image, ax=axes, aspect=25, pad=0.02).outline.set_visible(False)
    style.title(page, found.heading)
    style.footnote(page, _note(found, len(lines) * len(heads) - len(cells), written))
    return page


def _step(count: int) -> int:
    """Of how many values one is written at an axis."""
    return -(-count // MOST_TICKS)


def _write(axes: Axes, place: tuple[int, int], found: Numbers, row: int, color: str) -> None:
    entry = found.entries[row]
    look: dict[str, Any] = {"ha": "center", "color": color}
    down, up = entry.halves
    where = (place[1], place[0])
    text = cell(entry.value, found.column)
    if not entry.bounded:
        axes.text(*where, text, va="center", fontsize=9, **look)
        return
    axes.annotate(text, where, (0, 1), textcoords="offset points", va="bottom", fontsize=9, **look)
    error = words.digits(max(down, up), 2)
    axes.annotate(f"± {error}", where, (0, -2), textcoords="offset points", va="top", fontsize=7.5, **look)


def _note(found: Numbers, empty: int, written: bool) -> str:
    note = found.note.replace("Error bars: ", "±: ")
    if not written:
        note = "Too many cells for their numbers to be written; not every value is at the axes."
    grey = "Grey: no finished model." if empty else ""
    return " ".join(filter(None, [note, grey]))
