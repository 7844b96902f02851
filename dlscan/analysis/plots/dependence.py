"""`dependence`: scores in bins of a nuisance, a page per model: their distributions and efficiencies."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from dlscan.analysis.plots import Drawing, Options, choice, style
from dlscan.analysis.plots.energy import usual_number
from dlscan.analysis.plots.events import bin_edges, event_number
from dlscan.analysis.plots.questions import Question, questions
from dlscan.analysis.points.adversaries import nuisance
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.results import Floats, Predictions, predictions
from dlscan.errors import UsageError
from dlscan.metrics import Estimate, in_bins, share_estimate

MOST_MODELS = 4
BINS, SCORE_BINS = 5, 25
EFFICIENCY = 0.5
SIDES = (("signal", True, "-", "o"), ("background", False, "--", "s"))


@dataclasses.dataclass(frozen=True)
class Scored:
    """The scores of a model with the nuisance, of the events of a question."""

    scores: Floats
    positive: NDArray[np.bool_]
    weights: Floats
    number: Floats

    def cut(self, efficiency: float) -> float:
        """The cut that this share of all signal passes."""
        return float(np.quantile(self.scores[self.positive], 1 - efficiency))


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """A page per model for the first question, or for that of `options.key`."""
    question, by = questions(options.key, points)[0], options.by
    if by is None and not all(nuisance(point) for point in points):
        by = usual_number(points)

    def read(point: DonePoint) -> Scored:
        return _scored(question, predictions(point), by)

    shown = choice.choose(points, read, options.most or MOST_MODELS)
    numbers = np.concatenate([model.content.number for model in shown.models])
    edges = bin_edges(options.bins, numbers, BINS)
    efficiency = EFFICIENCY if options.efficiency is None else options.efficiency
    called = by or nuisance(shown.models[0].point)
    pages = [_page(model, question, edges, efficiency, called, shown.note) for model in shown.models]
    rows = [row for model in shown.models for row in _rows(model, edges, efficiency)]
    return Drawing("dependence", pages, rows, shown.left_out)


def _scored(question: Question, scored: Predictions, by: str | None) -> Scored:
    events, selection = question.events(scored), question.selection(scored)
    if events is None or selection is None:
        raise UsageError(f"dependence: {question.why_none(scored)}")
    if by is not None:
        number = event_number(by).take(scored.extras)
    else:
        number = scored.kept["nuisance"][:, 0].astype(np.float64)
    return Scored(*events, number[selection])


def _passing(content: Scored, signal: bool, edges: Floats, efficiency: float) -> list[Estimate | None]:
    """The share of a side that passes the cut, in each bin."""
    place, passed = in_bins(content.number, edges), content.scores >= content.cut(efficiency)
    inside = [(place == row) & (content.positive == signal) for row in range(len(edges) - 1)]
    return [share_estimate(passed[own], content.weights[own]) if own.any() else None for own in inside]


def _rows(model: choice.Model[Scored], edges: Floats, efficiency: float) -> list[dict[str, Any]]:
    rows = []
    for name, signal, *_ in SIDES:
        found = _passing(model.content, signal, edges, efficiency)
        for (low, high), each in zip(itertools.pairwise(edges), found, strict=True):
            numbers = dict.fromkeys(("value", "down", "up")) if each is None else vars(each)
            own = {"scan": model.point.scan, "point": model.point.record.point, "model": model.name}
            rows.append(
                own
                | {"events": name, "low": float(low), "high": float(high)}
                | {f"efficiency_{key}" if key != "value" else "efficiency": v for key, v in numbers.items()}
            )
    return rows


def _page(
    model: choice.Model[Scored], question: Question, edges: Floats, efficiency: float, by: str, note: str
) -> Figure:
    names = [f"{by} {low:.3g} to {high:.3g}" for low, high in itertools.pairwise(edges)]
    sides = ["signal", "background"]
    page = style.figure(9.4, 4.4, [*names, *sides])
    left, right = page.add_subplot(1, 2, 1), page.add_subplot(1, 2, 2)
    _distributions(left, model.content, edges)
    _efficiencies(right, model.content, edges, efficiency)
    left.set_xlabel(style.label(question.score))
    left.set_ylabel("Fraction of events per unit")
    right.set_xlabel(style.literal(by))
    right.set_ylabel("Efficiency")
    left.set_title(style.label(question.title))
    style.title(page, f"Scores in bins of {by}: {style.cut(model.name)}")
    style.footnote(
        page,
        f"Right: the cut that {100 * efficiency:g} % of all signal passes. Error bars: statistical "
        "uncertainty (68 %). Test split.",
        note,
    )
    handles = [Line2D([], [], color=style.color(row)) for row in range(len(names))]
    looks: list[Any] = [{"linestyle": dash, "marker": mark} for _, _, dash, mark in SIDES]
    handles += [Line2D([], [], color=style.INK, **look) for look in looks]
    style.legend_outside(page, handles, [*names, *sides])
    return page


def _distributions(axes: Axes, content: Scored, edges: Floats) -> None:
    place, bins = in_bins(content.number, edges), np.linspace(0, 1, SCORE_BINS + 1)
    for row in range(len(edges) - 1):
        for _, signal, dash, _ in SIDES:
            own = (place == row) & (content.positive == signal)
            total = content.weights[own].sum()
            if total > 0:
                counts, _ = np.histogram(content.scores[own], bins, weights=content.weights[own])
                look: Any = {"color": style.color(row), "linestyle": dash, "linewidth": 1.2}
                axes.stairs(counts / total * SCORE_BINS, bins, **look)
    axes.set_xlim(0, 1)


def _efficiencies(axes: Axes, content: Scored, edges: Floats, efficiency: float) -> None:
    place = in_bins(content.number, edges)
    for _, signal, dash, mark in SIDES:
        found = _passing(content, signal, edges, efficiency)
        there = [
            (content.number[place == row].mean(), each) for row, each in enumerate(found) if each is not None
        ]
        ends = np.array([(each.down, each.up) for _, each in there]).reshape(-1, 2).T
        look: Any = {"color": style.INK, "linestyle": dash, "marker": mark, "markersize": 5}
        axes.errorbar([x for x, _ in there], [each.value for _, each in there], ends, **look)
    axes.set_ylim(0, 1)
