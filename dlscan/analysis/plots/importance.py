"""`importance`: how much each parameter of a scan matters for one number."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dlscan.analysis.importance import Importance, importances, levels
from dlscan.analysis.plots import Drawing, Options, style
from dlscan.analysis.plots.numbers import Numbers
from dlscan.analysis.plots.parameters import against, places_of
from dlscan.analysis.records import DonePoint


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """A bar per parameter: the share of the variance of `options.key` that it explains."""
    found, columns, present = against(points, options)
    kept = found.rows.take(present)
    grouped: dict[str, bool] = {}
    codes = {}
    for name in [column.name for column in columns]:
        column = kept.columns[name]
        codes[name], grouped[name] = levels(column.values, places_of(column))
    bars, left = importances(codes, np.array([found.entries[row].value for row in present], dtype=np.float64))
    rows: list[dict[str, Any]] = [
        {
            "parameter": bar.name,
            "share": bar.share,
            "low": bar.low,
            "high": bar.high,
            "chance": bar.chance,
            "more_than_chance": bar.told,
        }
        for bar in bars
    ]
    rows.append({"parameter": "(left over)", "share": left})
    return Drawing(f"importance-{found.name}", [_page(found, bars, left, len(present), grouped)], rows)


def _page(
    found: Numbers, bars: Sequence[Importance], left: float, models: int, grouped: dict[str, bool]
) -> Figure:
    names = [style.short(bar.name, 30) for bar in bars] + ["left over"]
    page = style.figure(8.4, 2.4 + 0.42 * len(names))
    axes = page.add_subplot()
    for row, bar in enumerate(bars):
        _bar(axes, row, bar)
    axes.barh(len(bars), left, height=0.5, color="#cfcfcf")
    _write(axes, left, len(bars), f"{100 * left:.0f} %")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", which="both", left=False, right=False)
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, 1.28)
    axes.set_xticks(np.arange(0, 1.01, 0.2), [f"{part} %" for part in range(0, 101, 20)])
    axes.set_xlabel(style.literal(f"Share of the variance of {found.axis} between {models} models"))
    style.title(page, f"What matters for {found.name}")
    groups = ", ".join(name for name, each in grouped.items() if each)
    style.footnote(
        page,
        "Explained by each parameter alone, less what chance explains; error bars: 68 % interval. "
        "Upright line: what 95 % of parameters without effect stay below.",
        "Left over: interactions, the chances of training and the number of events.",
        f"In four groups of values each: {groups}." if groups else "",
    )
    return page


def _bar(axes: Axes, row: int, bar: Importance) -> None:
    if bar.share is None or bar.low is None or bar.high is None or bar.chance is None:
        _write(axes, 0, row, "goes along with others: cannot be told apart")
        return
    axes.barh(row, max(bar.share, 0.0), height=0.5, color=style.COLORS[0] if bar.told else "#b5c7d6")
    half = [[bar.share - bar.low], [bar.high - bar.share]]
    axes.errorbar([bar.share], [row], xerr=half, fmt="none", ecolor="#000000", elinewidth=1.1, capsize=2.5)
    axes.plot([bar.chance] * 2, [row - 0.36, row + 0.36], color=style.COLORS[6], linewidth=1.6)
    text = f"{100 * max(bar.share, 0.0):.0f} %" + ("" if bar.told else ", cannot be told from chance")
    _write(axes, max(bar.high, bar.chance), row, text)


def _write(axes: Axes, x: float, row: int, text: str) -> None:
    axes.annotate(text, (x, row), (6, 0), textcoords="offset points", va="center", fontsize=9)
