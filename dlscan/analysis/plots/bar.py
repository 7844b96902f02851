"""`bar`: one number of each model, a point with its uncertainty each."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dlscan.analysis.columns.cells import cell
from dlscan.analysis.labels import Marked
from dlscan.analysis.plots import Drawing, Options, numbers, style
from dlscan.analysis.plots.numbers import Number
from dlscan.analysis.points.done import DonePoint
from dlscan.errors import UsageError
from dlscan.spelling import counted

ABSENT = float("-inf")
BARS_PER_PAGE = 60
MOST_BARS = 10 * BARS_PER_PAGE

# inches
BAR_GAP = 0.13


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """The column `options.key` of the table; from the best result down unless the points are sorted already.

    Points and not bars: the axis seldom starts at zero, and the length of a bar would say nothing then.
    Repeats of a model share a line: their mean, with a small point for each. Of more than `MOST_BARS`
    the first of this order.
    """
    found = numbers.numbers(points, options.key or numbers.headline(points))
    bars, about = found.entries, found.column.about

    def worth(bar: Number) -> float:
        if bar.value is None:
            return ABSENT
        # what a model costs is no result: from high to low
        return about.goodness(bar.value) if about.split else bar.value

    if not options.sort:
        bars = sorted(bars, key=worth, reverse=True)
    if all(bar.value is None for bar in bars):
        raise UsageError(f"no point has a value for {found.name}; choose another --key")
    every, most = len(bars), MOST_BARS
    bars = bars[:most]
    first = "first" if options.sort else "best" if about.split else "largest"
    hidden = f"The {first} {most:,} of {every:,} models; the others are not shown." if every > most else ""
    limits = _range(bars)
    heading = f"{found.heading} of {counted(every, 'model')}"
    pages = [bars[first : first + BARS_PER_PAGE] for first in range(0, len(bars), BARS_PER_PAGE)]
    return Drawing(
        f"bar-{found.name}",
        [
            _page(
                page,
                found,
                limits,
                hidden,
                Marked(heading + (f" (page {number} of {len(pages)})" if len(pages) > 1 else "")),
            )
            for number, page in enumerate(pages, 1)
        ],
        [_row(bar, found.name) for bar in bars],
        remarks=(hidden,) if hidden else (),
    )


def _row(bar: Number, name: str) -> dict[str, Any]:
    return {**bar.identity, name: bar.value, **dataclasses.asdict(bar.interval), "repeats": len(bar.repeats)}


def _page(
    bars: Sequence[Number], found: numbers.Numbers, limits: tuple[float, float], hidden: str, heading: str
) -> Figure:
    names = [style.label(bar.name) for bar in bars]
    # a name of several lines takes more room, so rows are placed in inches
    heights = [BAR_GAP + style.LINE_HEIGHT * (name.count("\n") + 1) for name in names]
    ends = list(itertools.accumulate(heights))
    rows = [end - height / 2 for end, height in zip(ends, heights, strict=True)]
    page = style.figure(8.4, 1.8 + ends[-1])
    axes = page.add_subplot()
    for row, bar in zip(rows, bars, strict=True):
        if bar.value is not None:
            _point(axes, row, bar)
        place = limits[0] if bar.value is None else bar.high
        text = "not defined" if bar.value is None else cell(bar.value, found.column)
        axes.annotate(text, (place, row), (7, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(rows, names, fontsize=9)
    axes.set_ylim(ends[-1], 0)
    axes.set_xlim(limits)
    axes.tick_params(axis="y", which="both", left=False, right=False)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(style.literal(found.axis))
    style.title(page, heading)
    several = any(len(bar.repeats) > 1 for bar in bars)
    style.footnote(page, hidden, found.note, "Small points: each training." if several else "")
    return page


def _point(axes: Axes, row: float, bar: Number) -> None:
    look: dict[str, Any] = {
        "fmt": "o",
        "color": style.INK,
        "markersize": 5,
        "elinewidth": 1.2,
        "capsize": 2.5,
    }
    down, up = bar.halves
    axes.errorbar([bar.value or 0.0], [row], xerr=[[down], [up]] if bar.bounded else None, **look)
    if len(bar.repeats) > 1:
        small: dict[str, Any] = {"marker": "o", "linestyle": "none", "markersize": 3.2, "color": "#ffffff"}
        axes.plot(bar.repeats, [row] * len(bar.repeats), markeredgecolor="#000000", zorder=3, **small)


def _range(bars: Sequence[Number]) -> tuple[float, float]:
    """Where the axis starts and ends: around all points and their uncertainties."""
    present = [bar for bar in bars if bar.value is not None]
    low, high = min(bar.low for bar in present), max(bar.high for bar in present)
    spread = (high - low) or abs(high) or 1.0
    # room for the number behind the last point
    return low - 0.06 * spread, high + 0.2 * spread
