"""`energy`: how well models do in bins of a per-event variable, such as the energy."""

import dataclasses
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dlscan.analysis.labels import Marked, called, merged
from dlscan.analysis.plots import Drawing, Options, choice, style
from dlscan.analysis.plots.events import EventNumber, bin_edges, event_number, like_energy, variables
from dlscan.analysis.plots.questions import Question, not_drawn, questions, require_drawn
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.results import Floats, Predictions, predictions
from dlscan.errors import UsageError
from dlscan.metrics import (
    Estimate,
    auc_estimate,
    in_bins,
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
MOST_NAMED = 8


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
    """A panel per question: AUC, or signal efficiency at a cut, over the variable that `options.by` names.

    Without it, over the one that looks like an energy.
    """
    number = event_number(usual_number(points) if options.by is None else options.by)
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
    reasons = {
        question: question.why_none(shown.models[0].content.scored)
        for question in asked
        if not any(_has(found[question, row]) for row in range(len(shown.models)))
    }
    drawn = [question for question in asked if question not in reasons]
    require_drawn(drawn, reasons)
    pages = [
        _page(shown, part, found, number, options.efficiency, which, not_drawn(reasons))
        for part, which in style.paged(drawn, PANELS_PER_PAGE)
    ]
    value = "auc" if options.efficiency is None else "signal_efficiency"
    rows = [
        _row(shown.models[row], question, each, value)
        for (question, row), bins in found.items()
        for each in bins
    ]
    name = "energy" if options.key is None else f"energy-{'-'.join(question.name for question in asked)}"
    return Drawing(name, pages, rows, shown.left_out)


def usual_number(points: Sequence[DonePoint]) -> str:
    """What looks like an energy.

    Raises
    ------
    UsageError
        If nothing does, or several do; the message names what there is.
    """
    shown = choice.choose(points, predictions, 1).models[0]
    extras = shown.content.extras
    if not extras:
        raise UsageError(
            "this plot needs a per-event variable, but the scores have none; add one to data.extras, train "
            "again"
        )
    found = like_energy(extras, shown.point.labels)
    if found is not None:
        return found
    there = [
        f"{name} ({number.min():.4g} to {number.max():.4g})" for name, number in variables(extras).items()
    ]
    if not there:
        shapes = ", ".join(f"{name} {np.shape(extras[name])}" for name in extras)
        raise UsageError(
            f"this plot needs a per-event variable, but no extra looks like an energy; available: {shapes}. "
            "Name one with --by, such as --by 'target[:,0,1]'"
        )
    raise UsageError(
        f"against which variable? choose with --by: {', '.join(there[:MOST_NAMED])}"
        + (f" and {len(there) - MOST_NAMED} more" if len(there) > MOST_NAMED else "")
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
        "background": question.rest,
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
    absent: Marked,
) -> Figure:
    down, across = style.grid(len(asked))
    names = [model.name for model in shown.models]
    by = called(number.text, merged(model.point.labels for model in shown.models))
    page = style.figure(4.2 * across + 0.2, 3.4 * down + 0.8, names)
    for place, question in enumerate(asked, 1):
        axes = page.add_subplot(down, across, place)
        for row, look in enumerate(shown.looks):
            _line(axes, found[question, row], row, len(names), look)
        axes.set_title(style.label(question.title))
        axes.set_xlabel(style.literal(by))
        axes.set_ylabel("AUC" if efficiency is None else "Signal efficiency")
    what = (
        "AUC"
        if efficiency is None
        else f"Efficiency of the cut that passes {100 * efficiency:g} % of all signal,"
    )
    style.title(page, Marked(f"{what} in bins of {by}, test split{which}"))
    beside = " (models are shifted sideways)" if len(names) > MOST_BANDS else ""
    interval = f"Error bars{'' if beside else ' and bands'}: statistical uncertainty (68 %)."
    style.footnote(
        page, shown.note, f"Each point is at the mean of the events in its bin{beside}. {interval}", absent
    )
    handles = [Line2D([], [], **style.line(look), **style.marker(look)) for look in shown.looks]
    style.legend_outside(page, handles, names)
    return page


def _has(bins: Sequence[Bin]) -> bool:
    return any(each.found for each in bins)


def _line(axes: Axes, bins: Sequence[Bin], row: int, models: int, number: int) -> None:
    if not _has(bins):
        return
    look = style.line(number)
    # side by side within a third of the narrowest bin
    step = min(each.high - each.low for each in bins) / 3 / models if models > MOST_BANDS else 0.0
    places = [each.mean + step * (row - (models - 1) / 2) for each in bins]
    value = np.array([np.nan if each.found is None else each.found.value for each in bins])
    down = np.array([np.nan if each.found is None else each.found.down for each in bins])
    up = np.array([np.nan if each.found is None else each.found.up for each in bins])
    axes.plot(places, value, **look, **style.marker(number))
    axes.vlines(places, value - down, value + up, color=look["color"], linewidth=1)
    if models <= MOST_BANDS:
        axes.fill_between(places, value - down, value + up, color=look["color"], alpha=0.15, linewidth=0)
