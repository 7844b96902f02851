"""`parallel`: each model a line across its parameters, coloured by one number."""

import itertools
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from dlscan.analysis.columns.cells import cell
from dlscan.analysis.columns.column import Column
from dlscan.analysis.labels import Marked
from dlscan.analysis.plots import Drawing, Options, matrix, style, words
from dlscan.analysis.plots.numbers import Number, Numbers, chance_note, color_limits
from dlscan.analysis.plots.parameters import against, is_logarithmic, places_of, texts_of, values_of
from dlscan.analysis.points.done import DonePoint
from dlscan.spelling import counted

MOST_TICKS = 12
# more lines are a grey area, and take minutes
MOST_LINES, BEST_LINES = 500, 100
# how far apart the lines through one value lie at most, all and neighbours, in distances between values
SPREAD, STEP = 0.5, 0.07

# inches
AXIS_WIDTH = 1.75


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """The parameters that vary, or `options.by`, and the column `options.key` as the last axis."""
    found, axes, present = against(points, options)
    # the best are drawn last, above all others
    present.sort(key=lambda row: found.column.about.goodness(found.entries[row].value or 0.0))
    every = len(present)
    present = [present[number] for number in _drawn(every)]
    rows = [
        {
            **found.entries[row].identity,
            **{column.name: column.values[row] for column in axes},
            found.name: found.entries[row].value,
        }
        for row in reversed(present)
    ]
    return Drawing(f"parallel-{found.name}", [_page(found, axes, present, every)], rows)


def _drawn(every: int) -> list[int]:
    """Which have a line, of models from the worst to the best: the best, and some of the others."""
    if every <= MOST_LINES:
        return list(range(every))
    rest = np.linspace(0, every - BEST_LINES, MOST_LINES - BEST_LINES, endpoint=False)
    return [*rest.astype(int).tolist(), *range(every - BEST_LINES, every)]


def _page(found: Numbers, columns: Sequence[Column], present: Sequence[int], every: int) -> Figure:
    entries: list[Number] = [found.entries[row] for row in present]
    values = np.array([float(entry.value or 0.0) for entry in entries])
    limits = color_limits(entries)
    page = style.figure(AXIS_WIDTH * (len(columns) + 1) + 0.8, 5.4)
    axes = page.add_subplot()
    heights = [_heights(column, present) for column in columns]
    heights.append((values - limits[0]) / (limits[1] - limits[0]))
    palette = matplotlib.colormaps[matrix.VALUES]
    norm = Normalize(*limits)
    thin = len(present) > 60
    for number, value in enumerate(values):
        best = number == len(values) - 1
        curve = _curve([float(height[number]) for height in heights])
        color = style.COLORS[6] if best else palette(norm(value))
        width = 2.6 if best else 0.8 if thin else 1.3
        axes.add_patch(
            PathPatch(curve, facecolor="none", edgecolor=color, linewidth=width, alpha=1 if best else 0.75)
        )
    _frame(axes, [*columns, None], found, limits)
    style.title(page, Marked(f"{found.heading} of {counted(every, 'model')}"))
    first = entries[-1]
    thick = f"{style.cut(first.name)}, {found.column.about.best_is} of all: {cell(first.value, found.column)}"
    absent = len(found.entries) - every
    others = f"{MOST_LINES - BEST_LINES} of the others, evenly from best to worst"
    some = f"Drawn: the best {BEST_LINES} of {every:,} models and {others}." if len(present) < every else ""
    without = f"Not drawn: {absent} without this number." if absent else ""
    style.footnote(page, f"Thick: {thick}.", some, chance_note(found), without)
    return page


def _heights(column: Column, present: Sequence[int]) -> Any:
    """Where each line crosses an axis, from 0 to 1; lines through one value lie beside each other."""
    places = np.array(places_of(column), dtype=np.float64)[list(present)]
    count = len(values_of(column))
    if count > MOST_TICKS and not column.is_text and None not in column.values:
        numbers_ = np.array([float(column.values[row]) for row in present])
        values = np.array(values_of(column), dtype=np.float64)
        ends = values[[0, -1]]
        if is_logarithmic(values):
            numbers_, ends = np.log(numbers_), np.log(ends)
        return (numbers_ - ends[0]) / (ends[1] - ends[0])
    for place in np.unique(places):
        here = np.flatnonzero(places == place)
        step = min(SPREAD / max(len(here) - 1, 1), STEP)
        places[here] += step * (np.arange(len(here)) - (len(here) - 1) / 2)
    return (places + 0.5) / count


def _curve(heights: Sequence[float]) -> Path:
    """Horizontal at each axis: what comes from one value is told apart until the next."""
    points, codes = [(0.0, heights[0])], [Path.MOVETO]
    for number, (one, two) in enumerate(itertools.pairwise(heights)):
        points += [(number + 0.4, one), (number + 0.6, two), (number + 1.0, two)]
        codes += [Path.CURVE4] * 3
    return Path(points, codes)


def _frame(axes: Axes, columns: Sequence[Column | None], found: Numbers, limits: tuple[float, float]) -> None:
    """Vertical axes with a name below and the values beside."""
    white: Any = {"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    names = [style.short(found.column.title if column is None else column.name, 20) for column in columns]
    for number, column in enumerate(columns):
        axes.axvline(number, color="#333333", linewidth=1)
        side: Any = {"ha": "left" if column is None else "right", "xytext": (4 if column is None else -4, 0)}
        for height, text in _ticks(column, found, limits):
            axes.annotate(
                text, (number, height), textcoords="offset points", va="center", fontsize=9, bbox=white,
                zorder=5, **side,
            )  # fmt: skip
    axes.set_xlim(-0.45, len(columns) - 0.6)
    axes.set_ylim(-0.04, 1.04)
    axes.set_xticks(range(len(columns)), names)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.minorticks_off()
    axes.spines[:].set_visible(False)
    axes.tick_params(axis="x", length=0, top=False)


def _ticks(column: Column | None, found: Numbers, limits: tuple[float, float]) -> list[tuple[float, str]]:
    if column is None:
        values = np.linspace(*limits, 5)
        return [(number / 4, cell(float(value), found.column)) for number, value in enumerate(values)]
    values_ = values_of(column)
    if len(values_) > MOST_TICKS and not column.is_text and None not in values_:
        low, high = float(values_[0]), float(values_[-1])
        logarithmic = is_logarithmic(np.array(values_, dtype=np.float64))
        ticks = np.geomspace(low, high, 5) if logarithmic else np.linspace(low, high, 5)
        return [(number / 4, words.digits(float(value), 3)) for number, value in enumerate(ticks)]
    # a dash alone is lost beside the axis
    texts = [
        "(none)" if value is None else text for value, text in zip(values_, texts_of(values_), strict=True)
    ]
    step = -(-len(texts) // (2 * MOST_TICKS))
    return [
        ((number + 0.5) / len(texts), style.short(text, 12))
        for number, text in enumerate(texts)
        if number % step == 0
    ]
