"""`bar`: one number of each model, a bar each."""

import itertools
import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from dlscan.analysis.columns import Column, columns_of, distinct_names
from dlscan.analysis.formats import cell
from dlscan.analysis.lookup import find
from dlscan.analysis.plots import Drawing, Options, style
from dlscan.analysis.records import DonePoint
from dlscan.errors import UsageError

DEFAULT_KEY = "Mean_AUC"
ABSENT = float("-inf")
BARS_PER_PAGE = 60

# inches
BAR_HEIGHT = 0.19
BAR_GAP = 0.13

Bar = tuple[str, float | None]


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """The column `options.key` of the table; from high to low unless the points are sorted already."""
    numeric = {name: column for name, column in columns_of(points).items() if _is_numeric(column)}
    column = numeric[find(options.key or DEFAULT_KEY, numeric, "numeric column")]
    bars = list(zip(distinct_names(points), column.values, strict=True))
    if not options.sort:
        bars.sort(key=lambda bar: ABSENT if bar[1] is None else bar[1], reverse=True)
    if all(value is None for _, value in bars):
        raise UsageError(f"no point has a number for {column.name}; choose another key")
    limits = _range([value for _, value in bars if value is not None])
    heading = f"{column.name} of {len(bars)} models"
    pages = [bars[first : first + BARS_PER_PAGE] for first in range(0, len(bars), BARS_PER_PAGE)]
    return Drawing(
        f"bar-{column.name}",
        [
            _page(
                page,
                column,
                limits,
                heading + (f" (page {number} of {len(pages)})" if len(pages) > 1 else ""),
            )
            for number, page in enumerate(pages, 1)
        ],
    )


def _page(bars: Sequence[Bar], column: Column, limits: tuple[float, float], heading: str) -> Figure:
    names = [style.label(name) for name, _ in bars]
    # a name of several lines takes more room, so rows are placed in inches
    heights = [BAR_GAP + style.LINE_HEIGHT * (name.count("\n") + 1) for name in names]
    ends = list(itertools.accumulate(heights))
    rows = [end - height / 2 for end, height in zip(ends, heights, strict=True)]
    page = style.figure(8.4, 1.6 + ends[-1])
    axes = page.add_subplot()
    start = max(limits[0], 0.0)
    for row, (_, value) in zip(rows, bars, strict=True):
        if value is not None:
            axes.barh(row, value - start, left=start, height=BAR_HEIGHT, color=style.COLORS[0])
        place = start if value is None else max(value, start)
        text = "not defined" if value is None else cell(value, column)
        axes.annotate(text, (place, row), (4, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(rows, names, fontsize=9)
    axes.set_ylim(ends[-1], 0)
    axes.set_xlim(limits)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(style.literal(column.name))
    if start > 0:
        style.note(axes, f"The axis starts at {start:.4g}, not at 0: compare the numbers, not the lengths.")
    style.title(page, heading)
    return page


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Where the axis starts and ends: at zero, unless the differences would then be lost to the eye."""
    low, high = min(values), max(values)
    spread = high - low
    start = min(1.05 * low, 0.0)
    if spread and low > 2 * spread:
        # a round number a little below the shortest bar
        step = 10 ** math.floor(math.log10(spread)) / 10
        start = math.floor((low - 0.2 * spread) / step) * step
    # room for the number behind the longest bar
    return start, high + 0.14 * ((high - start) or 1.0)


def _is_numeric(column: Column) -> bool:
    present = [value for value in column.values if value is not None]
    return column.kind != "text" and all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in present
    )
