"""`slice`: one number of all models over each parameter, as it comes with all others."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dlscan.analysis.columns.cells import cell
from dlscan.analysis.columns.column import Column
from dlscan.analysis.labels import Marked
from dlscan.analysis.plots import Drawing, Options, matrix, style
from dlscan.analysis.plots.numbers import Numbers, chance_note, good_limits, outside_note
from dlscan.analysis.plots.parameters import (
    against,
    is_number,
    places_of,
    scale,
    texts_of,
    values_of,
)
from dlscan.analysis.points.done import DonePoint
from dlscan.spelling import counted

# inches
WIDTH, HEIGHT = 3.0, 2.7


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """A panel per parameter that varies, or per one of `options.by`."""
    found, columns, present = against(points, options)
    rows = [
        {
            **found.entries[row].identity,
            **{column.name: column.values[row] for column in columns},
            found.name: found.entries[row].value,
        }
        for row in present
    ]
    return Drawing(f"slice-{found.name}", [_page(found, columns, present)], rows)


def _page(found: Numbers, columns: Sequence[Column], present: Sequence[int]) -> Figure:
    down, across = style.grid(len(columns))
    page = style.figure(WIDTH * across + 0.6, HEIGHT * down + 1.0)
    panels = page.subplots(down, across, sharey=True, squeeze=False).ravel()
    values = np.array([float(found.entries[row].value or 0.0) for row in present])
    best = max(range(len(present)), key=lambda n: found.column.about.goodness(float(values[n])))
    for axes, column in zip(panels, columns, strict=False):
        _panel(axes, column, present, values, best)
    for axes in panels[len(columns) :]:
        axes.set_visible(False)
    limits = good_limits(values.tolist(), found.column.about)
    panels[0].set_ylim(limits)
    for axes in panels[::across]:
        axes.set_ylabel(style.literal(found.axis))
    style.title(page, Marked(f"{found.heading} of {counted(len(present), 'model')} over each parameter"))
    entry = found.entries[present[best]]
    absent = len(found.entries) - len(present)
    style.footnote(
        page,
        f"Diamond: {style.cut(entry.name)}, {found.column.about.best_is} of all: "
        f"{cell(entry.value, found.column)}. Dark points came early, light ones late.",
        chance_note(found),
        outside_note(values.tolist(), limits),
        f"Not drawn: {absent} without this number." if absent else "",
    )
    return page


def _panel(axes: Axes, column: Column, present: Sequence[int], values: Any, best: int) -> None:
    order = np.arange(len(values))
    if is_number(column):
        have = [n for n, row in enumerate(present) if column.values[row] is not None]
        x = np.array([float(column.values[present[n]]) for n in have])
        scale(axes, "x", x)
    else:
        have = list(order)
        places = np.array(places_of(column), dtype=float)[list(present)]
        rng = np.random.default_rng(1)
        x = places + rng.uniform(-0.2, 0.2, len(places))
        texts = texts_of(values_of(column))
        axes.set_xticks(range(len(texts)), [style.short(text, 12) for text in texts])
        axes.set_xlim(-0.5, len(texts) - 0.5)
        axes.minorticks_off()
    axes.scatter(x, values[have], c=order[have], cmap=matrix.VALUES, s=14, linewidths=0, zorder=2)
    if best in have:
        look: Any = {"marker": "D", "markersize": 7, "color": style.COLORS[6], "zorder": 3}
        axes.plot([x[have.index(best)]], [values[best]], **look)
    axes.set_xlabel(style.short(column.name, 30))
