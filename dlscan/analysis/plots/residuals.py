"""`residuals`: how prediction - truth is distributed, a panel per target."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dlscan.analysis.labels import Marked
from dlscan.analysis.plots import Drawing, Options, style, targets, words
from dlscan.analysis.plots.events import bin_count
from dlscan.analysis.plots.targets import Model, Shown, Target
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.results import Floats
from dlscan.metrics import Estimate, half_width_estimate, quantile_estimate, quantiles
from dlscan.metrics.quantiles import HIGH, LOW

MOST_MODELS = 6
BINS = 50
# half widths beyond the middle 68 % that the axis holds: all of a normal distribution
TAILS = 4


@dataclasses.dataclass(frozen=True)
class Residuals:
    """The errors of a model and their weights, (N,), the ends of the middle 68 %, and what is quoted."""

    errors: Floats
    weights: Floats
    middle: Floats
    median: Estimate | None
    width: Estimate | None


@dataclasses.dataclass(frozen=True)
class Histogram:
    """Events per unit of the error, as a fraction of all, with its standard error, per bin."""

    edges: Floats
    density: Floats
    error: Floats
    outside: float


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """A panel per target, a line per model."""
    count = bin_count(options.bins, BINS)
    shown, asked = targets.read(points, options, MOST_MODELS)
    found = {target: _residuals(shown, target) for target in asked}
    drawn = [target for target in asked if found[target]]
    why = "no events, or their weights add up to 0 or less"
    absent = targets.require_drawn(drawn, [target for target in asked if target not in drawn], why)
    histograms = {target: _histograms(found[target], count) for target in drawn}
    pages = [
        _page(shown, part, found, histograms, absent, which)
        for part, which in style.paged(drawn, targets.PANELS_PER_PAGE)
    ]
    rows = [
        line
        for target in drawn
        for row, each in histograms[target].items()
        for line in _rows(shown.models[row], target, found[target][row], each)
    ]
    return Drawing(targets.drawing_name("residuals", options, asked), pages, rows, shown.left_out)


def _residuals(shown: Shown, target: Target) -> dict[int, Residuals]:
    """Of each model that has the target and events, by its position."""
    every = {}
    for row, model in enumerate(shown.models):
        events = target.events(model.content)
        if events is None:
            continue
        predictions, truth, weights = events
        errors = predictions - truth
        middle = quantiles(errors, (LOW, HIGH), weights)
        if middle is not None:
            median, width = quantile_estimate(errors, 0.5, weights), half_width_estimate(errors, weights)
            every[row] = Residuals(errors, weights, middle, median, width)
    return every


def _histograms(found: Mapping[int, Residuals], count: int) -> dict[int, Histogram]:
    """Of the errors of all models in the same bins, which leave out far tails."""
    ends = []
    for each in found.values():
        low, high = each.middle
        reach = TAILS * (high - low) / 2
        ends.append((max(low - reach, each.errors.min()), min(high + reach, each.errors.max())))
    low, high = min(end for end, _ in ends), max(end for _, end in ends)
    edges = np.linspace(low, high, count + 1) if low < high else np.array([low - 0.5, low + 0.5])
    return {row: _histogram(each, edges) for row, each in found.items()}


def _histogram(each: Residuals, edges: Floats) -> Histogram:
    sums, _ = np.histogram(each.errors, edges, weights=each.weights)
    squares, _ = np.histogram(each.errors, edges, weights=each.weights**2)
    total = float(each.weights.sum())
    scale = total * np.diff(edges)
    outside = max(1 - float(sums.sum()) / total, 0.0)
    return Histogram(edges, sums / scale, np.sqrt(squares) / scale, outside)


def _rows(model: Model, target: Target, each: Residuals, histogram: Histogram) -> list[dict[str, Any]]:
    line = targets.own(model, target)
    quoted = {
        f"{name}{end}": None if found is None else getattr(found, attribute)
        for name, found in (("median", each.median), ("half_width", each.width))
        for end, attribute in (("", "value"), ("_down", "down"), ("_up", "up"))
    }
    columns = (histogram.edges[:-1], histogram.edges[1:], histogram.density, histogram.error)
    return [
        line | dict(zip(("low", "high", "density", "error"), numbers, strict=True)) | quoted
        for numbers in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _page(
    shown: Shown,
    asked: Sequence[Target],
    found: Mapping[Target, Mapping[int, Residuals]],
    histograms: Mapping[Target, Mapping[int, Histogram]],
    absent: str,
    which: str,
) -> Figure:
    names = [model.name for model in shown.models]
    down, across = style.grid(len(asked))
    page = style.figure(5.4 * across + 0.2, targets.height(len(names)) * down + 0.8, names)
    handles = [Line2D([], [], **style.line(look)) for look in shown.looks]
    for axes, target in targets.panels(page, asked):
        for row, each in histograms[target].items():
            _line(axes, each, shown.looks[row], bars=len(names) <= targets.MOST_BANDS)
        quoted = found[target]
        targets.legend_above(
            axes,
            [handles[row] for row in quoted],
            list(map(_text, quoted.values())),
            "Median, half 68 % width",
        )
        axes.set_xlabel(style.literal(Marked(f"Predicted - true {target.title}")))
        axes.set_ylabel("Fraction of events per unit")
    outside = max(each.outside for target in asked for each in histograms[target].values())
    style.title(page, f"Residuals on the test split{which}")
    style.footnote(
        page,
        shown.note,
        "Error bars and intervals: statistical uncertainty (68 %).",
        f"At most {100 * outside:.2g} % of the events of a model are beyond the axis." if outside > 0 else "",
        targets.not_quoted(len(names), "median and width"),
        absent,
    )
    style.legend_outside(page, handles, names)
    return page


def _line(axes: Axes, each: Histogram, look: int, *, bars: bool) -> None:
    # negative weights may make a sum negative, which is no density
    there = each.density > 0
    line = style.line(look)
    axes.stairs(np.where(there, each.density, 0), each.edges, **line | {"linewidth": 1.4})
    if bars:
        middle = (each.edges[:-1] + each.edges[1:])[there] / 2
        density, error = each.density[there], each.error[there]
        axes.vlines(
            middle, np.maximum(density - error, 0), density + error, color=line["color"], linewidth=0.8
        )


def _text(each: Residuals) -> str:
    if each.median is None or each.width is None:
        return "too few events"
    return f"{words.measured(each.median)}, {words.measured(each.width)}"
