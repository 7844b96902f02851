"""`scores`: how the scores of signal and background are distributed, training over test, a page per model."""

import dataclasses
import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import NDArray

from dlscan.analysis.plots import Drawing, Options, choice, style, words
from dlscan.analysis.plots.events import bin_count
from dlscan.analysis.plots.questions import BinaryScores, Question, not_drawn, questions, require_drawn
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.results import Floats, Predictions, predictions
from dlscan.errors import ScanError
from dlscan.metrics import auc_estimate

log = logging.getLogger("dlscan")

MOST_MODELS = 4
PANELS_PER_PAGE = 6
BINS = 30

SIGNAL, BACKGROUND = style.COLORS[0], style.COLORS[6]
SIGNAL_AREA: Any = {"color": SIGNAL, "alpha": 0.3, "linewidth": 0, "fill": True}
BACKGROUND_AREA: Any = {"edgecolor": BACKGROUND, "hatch": "////", "linewidth": 1.0, "fill": False}
NO_TRAINING = "The scores of training events were not saved. Only the test split is shown."
NEGATIVE = "Bins whose sum of weights is below 0 are not drawn."


@dataclasses.dataclass(frozen=True)
class Density:
    """Events per unit of the score, as a fraction of all of their side, with its standard error, per bin."""

    value: Floats
    error: Floats


@dataclasses.dataclass(frozen=True)
class Splits:
    """The scores of a model; `train` is None where they are not on file."""

    test: Predictions
    train: Predictions | None


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """A page per model, a panel per question; with many models only the best by validation."""
    asked = questions(options.key, points)
    edges = np.linspace(0, 1, bin_count(options.bins, BINS) + 1)
    shown = choice.choose(points, _read, options.most or MOST_MODELS)
    missing = ", ".join(model.name for model in shown.models if model.content.train is None)
    remarks = (f"training split not drawn, because its scores were not saved: {missing}",) if missing else ()
    pages, rows = [], []
    for model in shown.models:
        reasons = {
            question: question.why_none(model.content.test)
            for question in asked
            if not _is_there(question, model.content)
        }
        drawn = [question for question in asked if question not in reasons]
        require_drawn(drawn, reasons)
        for part, which in style.paged(drawn, PANELS_PER_PAGE):
            pages.append(_page(model, part, edges, (shown.note, not_drawn(reasons)), which))
        rows += [row for question in asked for row in _rows(model, question, edges)]
    name = "scores" if options.key is None else f"scores-{'-'.join(question.name for question in asked)}"
    return Drawing(name, pages, rows, shown.left_out, remarks)


def _read(point: DonePoint) -> Splits:
    test = predictions(point)
    try:
        return Splits(test, predictions(point, "train"))
    except ScanError:
        # an older version kept none; the picture says so
        return Splits(test, None)


def _is_there(question: Question, content: Splits) -> bool:
    splits = (content.test, content.train)
    return any(scored is not None and question.events(scored) is not None for scored in splits)


def _density(events: BinaryScores, signal: bool, edges: Floats) -> Density:
    scores, positive, weights = events
    side = positive if signal else ~positive
    inside: NDArray[Any] = np.clip(scores[side], 0, 1)
    sums, _ = np.histogram(inside, edges, weights=weights[side])
    squares, _ = np.histogram(inside, edges, weights=weights[side] ** 2)
    scale = weights[side].sum() * np.diff(edges)
    return Density(sums / scale, np.sqrt(squares) / scale)


def _has_negative(content: Splits, asked: Sequence[Question], edges: Floats) -> bool:
    """Whether a bin has a sum of weights that a logarithmic axis does not show."""
    for scored in (content.test, content.train):
        if scored is None or not (scored.weights < 0).any():
            continue
        for question in asked:
            events = question.events(scored)
            if events is not None and any(
                (_density(events, signal, edges).value < 0).any() for signal in (True, False)
            ):
                return True
    return False


def _rows(model: choice.Model[Splits], question: Question, edges: Floats) -> list[dict[str, Any]]:
    rows = []
    for split, scored in (("train", model.content.train), ("test", model.content.test)):
        events = None if scored is None else question.events(scored)
        if events is None:
            continue
        for signal in (True, False):
            density = _density(events, signal, edges)
            own = {
                "scan": model.point.scan,
                "point": model.point.record.point,
                "model": model.name,
                "question": question.name,
                "split": split,
                "events": "signal" if signal else "background",
            }
            lines = zip(edges[:-1], edges[1:], density.value, density.error, strict=True)
            rows += [
                own | dict(zip(("low", "high", "density", "error"), map(float, line), strict=True))
                for line in lines
            ]
    return rows


def _page(
    model: choice.Model[Splits], asked: Sequence[Question], edges: Floats, notes: Sequence[str], which: str
) -> Figure:
    down, across = style.grid(len(asked))
    meanings = [
        "signal, training (sample)",
        "background, training (sample)",
        "signal, test",
        "background, test",
    ]
    page = style.figure(4.3 * across + 0.2, 3.6 * down + 0.8, meanings)
    for place, question in enumerate(asked, 1):
        _panel(page.add_subplot(down, across, place), question, model.content, edges)
    style.title(page, f"Scores of {style.cut(model.name)}{which}")
    style.footnote(
        page,
        "" if model.content.train is not None else NO_TRAINING,
        NEGATIVE if _has_negative(model.content, asked, edges) else "",
        *notes,
    )
    point: Any = {"marker": "o", "linestyle": "none", "markersize": 4}
    handles = [
        Patch(facecolor=SIGNAL, alpha=0.3),
        Patch(facecolor="none", edgecolor=BACKGROUND, hatch="////"),
        Line2D([], [], color=SIGNAL, **point),
        Line2D([], [], color=BACKGROUND, **point | {"marker": "s"}),
    ]
    kept = slice(None) if model.content.train is not None else slice(2, None)
    style.legend_outside(page, handles[kept], meanings[kept])
    return page


def _panel(axes: Axes, question: Question, content: Splits, edges: Floats) -> None:
    train = None if content.train is None else question.events(content.train)
    test = question.events(content.test)
    areas = []
    if train is not None:
        axes.stairs(_density(train, True, edges).value, edges, **SIGNAL_AREA)
        axes.stairs(_density(train, False, edges).value, edges, **BACKGROUND_AREA)
        areas.append(f"AUC training {_area(train)}")
    if test is not None:
        _points(axes, test, edges)
        areas.append(f"AUC test {_area(test)}")
    axes.set_xlim(0, 1)
    axes.set_xlabel(style.label(question.score))
    axes.set_ylabel("Fraction of events per unit")
    axes.set_title(style.label(question.title))
    look: Any = {"ha": "center", "va": "top", "transform": axes.transAxes}
    axes.text(0.5, 0.97, "\n".join(areas), fontsize=9, **look)
    if test is None:
        axes.text(0.5, 0.6, "no signal events\nor no background events", **look)


def _points(axes: Axes, test: BinaryScores, edges: Floats) -> None:
    middle = (edges[:-1] + edges[1:]) / 2
    lowest, highest = [], [1.0]
    for signal, color, marker in ((True, SIGNAL, "o"), (False, BACKGROUND, "s")):
        density = _density(test, signal, edges)
        there = density.value > 0
        look: Any = {"color": color, "marker": marker, "linestyle": "none", "markersize": 3.2}
        axes.errorbar(
            middle[there], density.value[there], density.error[there], elinewidth=1, zorder=3, **look
        )
        lowest += density.value[there].tolist()
        highest.append(float((density.value + density.error).max()))
    axes.set_yscale("log")
    # lines of text stand above everything
    bottom, top = min(lowest) / 2, max(highest)
    axes.set_ylim(bottom, top * (top / bottom) ** 0.28)
    axes.yaxis.set_major_locator(LogLocator(numticks=8))
    # every tick costs time, and there are many panels
    axes.yaxis.set_minor_locator(NullLocator())


def _area(events: BinaryScores) -> str:
    found = auc_estimate(*events)
    return "-" if found is None else words.estimate(found)
