"""`generated`: observables of generated events beside those of real ones, a panel for each."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dlscan.analysis.lookup import find
from dlscan.analysis.plots import Drawing, Options, choice, style
from dlscan.analysis.plots.events import bin_count
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.results import Floats, Predictions, predictions
from dlscan.metrics.generation import observables_of

MOST_MODELS = 4
PANELS_PER_PAGE = 6
BINS = 30
# the middle of the real events that the axis holds, and how much of its width beyond that
MIDDLE, BEYOND = (0.005, 0.995), 0.25
GREY = "#bbbbbb"

Shown = choice.Shown[Predictions]


@dataclasses.dataclass(frozen=True)
class Panel:
    """What is drawn of an observable.

    Attributes
    ----------
    name : str
        Of the observable.
    column : int or None
        Which of its numbers is shown as a histogram; None for the means of all of them, a profile.
    """

    name: str
    column: int | None

    @property
    def title(self) -> str:
        """For a person."""
        return f"mean of {self.name}" if self.column is None else self.name


@dataclasses.dataclass(frozen=True)
class Line:
    """Numbers with their standard errors, at the middle of bins."""

    edges: Floats
    value: Floats
    error: Floats


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """A panel for each observable; real events in grey, a line per model."""
    count = bin_count(options.bins, BINS)
    shown = choice.choose(points, predictions, options.most or MOST_MODELS)
    first = shown.models[0].content
    panels = [
        Panel(name, None if first.kept[f"real_{name}"].shape[1] > 2 else 0)
        for name in _asked(observables_of(first.kept), options.key)
    ]
    lines = {panel: _lines(shown, panel, count) for panel in panels}
    pages = [_page(shown, part, lines, which) for part, which in style.paged(panels, PANELS_PER_PAGE)]
    rows = [row for panel in panels for row in _rows(panel, lines[panel])]
    return Drawing("generated", pages, rows, shown.left_out)


def _asked(names: Sequence[str], key: str | None) -> Sequence[str]:
    if key is None:
        return sorted(names, key=_as_counted)
    return [find(name.strip(), names, "observable") for name in key.split(",") if name.strip()]


def _as_counted(name: str) -> list[tuple[str, int]]:
    """What orders x_2 before x_10."""
    return [(text, int(number or 0)) for text, number in re.findall(r"(\D*)(\d*)", name)]


def _lines(shown: Shown, panel: Panel, count: int) -> dict[str, Line]:
    """By the name of the model; real events have no name."""
    real = shown.models[0].content
    samples: dict[str, tuple[Any, Any]] = {"": (real.kept[f"real_{panel.name}"], real.weights)}
    samples |= {
        model.name: (model.content.kept[f"generated_{panel.name}"], model.content.weights)
        for model in shown.models
        if f"generated_{panel.name}" in model.content.kept
    }
    if panel.column is None:
        return {name: _profile(*sample) for name, sample in samples.items()}
    low, high = np.quantile(samples[""][0][:, panel.column], MIDDLE)
    reach = BEYOND * (high - low) or 0.5
    edges = np.linspace(low - reach, high + reach, count + 1)
    return {
        name: _histogram(values[:, panel.column], weights, edges)
        for name, (values, weights) in samples.items()
    }


def _profile(values: Floats, weights: Floats) -> Line:
    share = (weights / weights.sum())[:, None].astype(np.float64)
    mean = np.sum(share * values, axis=0)
    error = np.sqrt(np.sum((share * (values - mean)) ** 2, axis=0))
    return Line(np.arange(values.shape[1] + 1) - 0.5, mean, error)


def _histogram(values: Floats, weights: Floats, edges: Floats) -> Line:
    counts = weights.astype(np.float64)
    sums, _ = np.histogram(values, edges, weights=counts)
    squares, _ = np.histogram(values, edges, weights=counts**2)
    scale = counts.sum() * np.diff(edges)
    return Line(edges, sums / scale, np.sqrt(squares) / scale)


def _page(
    shown: Shown, panels: Sequence[Panel], lines: Mapping[Panel, Mapping[str, Line]], which: str
) -> Figure:
    names = ["real events", *(model.name for model in shown.models)]
    down, across = style.grid(len(panels))
    page = style.figure(4.6 * across + 0.2, 3.4 * down + 0.8, names)
    for place, panel in enumerate(panels, 1):
        axes = page.add_subplot(down, across, place)
        _real(axes, lines[panel][""])
        for model, look in zip(shown.models, shown.looks, strict=True):
            if model.name in lines[panel]:
                _made(axes, lines[panel][model.name], look)
        axes.set_xlabel(style.literal("Layer" if panel.column is None else panel.name))
        axes.set_ylabel(style.literal(panel.title if panel.column is None else "Share of events per unit"))
    style.title(page, f"Generated and real events of the test split{which}")
    style.footnote(
        page,
        shown.note,
        "Error bars and the darker band: statistical uncertainty (68 %).",
        "Histograms leave out what lies far beyond the real events.",
    )
    handles = [
        Line2D([], [], color=GREY, linewidth=6),
        *(Line2D([], [], **style.line(look)) for look in shown.looks),
    ]
    style.legend_outside(page, handles, names)
    return page


def _real(axes: Axes, line: Line) -> None:
    axes.stairs(line.value, line.edges, fill=True, color=GREY, alpha=0.6)
    low, high = (np.append(ends, ends[-1]) for ends in (line.value - line.error, line.value + line.error))
    axes.fill_between(line.edges, low, high, step="post", color="#777777", alpha=0.5, linewidth=0)


def _made(axes: Axes, line: Line, look: int) -> None:
    axes.stairs(line.value, line.edges, **style.line(look))
    middle = (line.edges[1:] + line.edges[:-1]) / 2
    axes.vlines(
        middle, line.value - line.error, line.value + line.error, color=style.color(look), linewidth=1
    )


def _rows(panel: Panel, lines: Mapping[str, Line]) -> list[dict[str, Any]]:
    return [
        {
            "model": name or "real events",
            "observable": panel.name,
            "low": low,
            "high": high,
            "value": value,
            "error": error,
        }
        for name, line in lines.items()
        for low, high, value, error in zip(
            line.edges[:-1].tolist(),
            line.edges[1:].tolist(),
            line.value.tolist(),
            line.error.tolist(),
            strict=True,
        )
    ]
