"""`energy`: how well models do in bins of a number of each event, such as its energy."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dlscan.analysis.plots import Drawing, Options, choice, style
from dlscan.analysis.plots.events import EventNumber, bin_edges, event_number, in_bins
from dlscan.analysis.plots.questions import Question, questions
from dlscan.analysis.records import DonePoint
from dlscan.analysis.results import Floats, Predictions, predictions
from dlscan.errors import UsageError
from dlscan.metrics import (
    Estimate,
    auc_estimate,
    roc_curve,
    share_estimate,
    weight_sum,
    weighted_mean,
)

MOST_MODELS = 6
PANELS_PER_PAGE = 6
BINS = 8
# more bands than these hide each other
MOST_BANDS = 4


@dataclasses.dataclass(frozen=True)
class Scored:
    """The scores of a model with the number that they are binned in."""

    scored: Predictions
    number: Floats


@dataclasses.dataclass(frozen=True)
class Bin:
    """The events of a bin: what is measured on them, their mean number, and how many there are."""

    low: float
    high: float
    mean: float
    events: int
    found: Estimate | None


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """A panel per question: AUC, or signal efficiency at a cut, over the number that `options.by` names."""
    if options.by is None:
        raise UsageError(_hint(points))
    number = event_number(options.by)
    asked = questions(options.key, points)

    def read(point: DonePoint) -> Scored:
        scored = predictions(point)
        return Scored(scored, number.take(scored.extras))

    shown = choice.choose(points, read, options.most or MOST_MODELS)
    edges = bin_edges(options.bins, np.concatenate([model.content.number for model in shown.models]), BINS)
    found = {
        (question, row): _bins(question, model.content, edges, options.efficiency)
        for question in asked
        for row, model in enumerate(shown.models)
    }
    pages = [
        _page(shown, part, found, number, options.efficiency, which)
        for part, which in style.paged(asked, PANELS_PER_PAGE)
    ]
    value = "auc" if options.efficiency is None else "signal_efficiency"
    rows = [
        _row(shown.models[row], question, each, value)
        for (question, row), bins in found.items()
        for each in bins
    ]
    name = "energy" if options.key is None else f"energy-{'-'.join(question.name for question in asked)}"
    return Drawing(name, pages, rows)


def _hint(points: Sequence[DonePoint]) -> str:
    shown = choice.choose(points, predictions, 1).models[0]
    extras = shown.content.extras
    if not extras:
        return "energy needs an extra of the events, and the scores have none; name some in data.extras"
    shapes = {name: np.shape(extras[name])[1:] for name in extras}
    name, shape = next(iter(shapes.items()))
    example = f"{name}[{','.join([':', *('0' for _ in shape)])}]" if shape else name
    there = ", ".join(
        f"{name} (events{''.join(f', {size}' for size in shape)})" for name, shape in shapes.items()
    )
    return (
        f"energy needs to know which number of an event to go by; there is {there}: such as --by '{example}'"
    )


def _bins(question: Question, content: Scored, edges: Floats, efficiency: float | None) -> list[Bin]:
    events = question.events(content.scored)
    here = question.selection(content.scored)
    if events is None or here is None:
        return []
    scores, positive, weights = events
    number = content.number[here]
    # a cut says nothing of how the background is distributed: its efficiency is that of signal alone
    counted = np.ones(len(scores), bool) if efficiency is None else positive
    passed = (
        np.zeros(0, bool) if efficiency is None else scores >= _cut(scores, positive, weights, efficiency)
    )
    place = in_bins(number, edges)
    made = []
    for row, (low, high) in enumerate(itertools.pairwise(edges)):
        inside = (place == row) & counted
        if efficiency is None:
            found = auc_estimate(scores[inside], positive[inside], weights[inside]) if inside.any() else None
        else:
            found = share_estimate(passed[inside], weights[inside])
        there = weight_sum(weights[inside]) > 0
        mean = weighted_mean(number[inside], weights[inside]) if there else (low + high) / 2
        made.append(Bin(float(low), float(high), float(mean), int(inside.sum()), found))
    return made


def _cut(scores: Floats, positive: Any, weights: Floats, efficiency: float) -> float:
    """The cut that `efficiency` of all signal passes, whatever its number."""
    signal, _, thresholds = roc_curve(scores, positive, weights)
    return float(thresholds[np.searchsorted(signal, efficiency)])


def _row(model: choice.Model[Scored], question: Question, each: Bin, value: str) -> dict[str, Any]:
    found = each.found
    return {
        "scan": model.point.scan,
        "point": model.point.record.point,
        "model": model.name,
        "signal": question.signal,
        "background": question.background or "rest",
        "low": each.low,
        "high": each.high,
        "mean": each.mean,
        "events": each.events,
        value: None if found is None else found.value,
        f"{value}_down": None if found is None else found.down,
        f"{value}_up": None if found is None else found.up,
    }


def _page(
    shown: choice.Shown[Scored],
    asked: Sequence[Question],
    found: dict[tuple[Question, int], list[Bin]],
    number: EventNumber,
    efficiency: float | None,
    which: str,
) -> Figure:
    down, across = style.grid(len(asked))
    names = [model.name for model in shown.models]
    page = style.figure(4.2 * across + 0.2, 3.4 * down + 0.8, names)
    for place, question in enumerate(asked, 1):
        axes = page.add_subplot(down, across, place)
        for row in range(len(names)):
            _line(axes, found[question, row], row, len(names))
        axes.set_title(style.label(question.title))
        axes.set_xlabel(style.literal(number.text))
        axes.set_ylabel("AUC" if efficiency is None else "Signal efficiency")
        if not axes.lines:
            text = "no event of signal\nor none of background"
            axes.text(0.5, 0.5, text, ha="center", transform=axes.transAxes)
    what = (
        "AUC"
        if efficiency is None
        else f"Efficiency of the cut that passes {100 * efficiency:g} % of all signal,"
    )
    style.title(page, f"{what} in bins of {number.text}, test split{which}")
    beside = " (several side by side)" if len(names) > MOST_BANDS else ""
    interval = f"bars{'' if beside else ' and bands'}: 68 % interval from the number of events"
    style.footnote(page, shown.note, f"Points at the mean of the events in the bin{beside}; {interval}.")
    handles = [Line2D([], [], **style.line(row), **style.marker(row)) for row in range(len(names))]
    style.legend_outside(page, handles, names)
    return page


def _line(axes: Axes, bins: Sequence[Bin], row: int, models: int) -> None:
    if not any(each.found for each in bins):
        return
    look = style.line(row)
    # side by side within a third of the narrowest bin
    step = min(each.high - each.low for each in bins) / 3 / models if models > MOST_BANDS else 0.0
    places = [each.mean + step * (row - (models - 1) / 2) for each in bins]
    value = np.array([np.nan if each.found is None else each.found.value for each in bins])
    down = np.array([np.nan if each.found is None else each.found.down for each in bins])
    up = np.array([np.nan if each.found is None else each.found.up for each in bins])
    axes.plot(places, value, **look, **style.marker(row))
    axes.vlines(places, value - down, value + up, color=look["color"], linewidth=1)
    if models <= MOST_BANDS:
        axes.fill_between(places, value - down, value + up, color=look["color"], alpha=0.15, linewidth=0)
