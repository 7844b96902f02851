"""`roc`: for each class against all others, or for pairs, background rejection over signal efficiency."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from dlscan.analysis.columns.names import distinct_names
from dlscan.analysis.labels import Marked, literal
from dlscan.analysis.plots import Drawing, Options, choice, style, words
from dlscan.analysis.plots.curves import Curve, banded_curve, plain_curve
from dlscan.analysis.plots.questions import Question, not_drawn, questions, require_drawn
from dlscan.analysis.points.done import DonePoint, point_of
from dlscan.analysis.points.results import Floats, predictions
from dlscan.metrics import Estimate

MOST_MODELS = 8
PANELS_PER_PAGE = 6

# a logarithmic axis that ends below has more than powers of ten at its ticks
SHORT = 200

Curves = dict[Question, Curve]


@dataclasses.dataclass(frozen=True)
class Models:
    """What all panels show.

    Attributes
    ----------
    models : list of Model
        With the curve of each question that the model can answer.
    reference : int or None
        The position of the model that the others are divided by.
    note : str
        On models that are not shown.
    left_out : dict of str to str
        The models that could not be read, and why.
    """

    models: list[choice.Model[Curves]]
    reference: int | None
    note: str
    left_out: dict[str, str]

    @property
    def looks(self) -> list[int]:
        """What each model looks like, on every page."""
        return choice.looks([model.point for model in self.models])


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """A panel per class, or those that `options.key` names; with many models only the best by validation."""
    asked = questions(options.key, points)
    curve = plain_curve if options.plain else banded_curve

    def read(point: DonePoint) -> Curves:
        scored = predictions(point)
        found = ((question, curve(question, scored)) for question in asked)
        return {question: each for question, each in found if each is not None}

    shown = _chosen(points, read, options)
    panels, absent = _panels(shown, asked, options.plain)
    pages = style.paged(panels, PANELS_PER_PAGE)
    name = "roc" if options.key is None else f"roc-{'-'.join(question.name for question in asked)}"
    return Drawing(
        f"{name}-plain" if options.plain else name,
        [_page(shown, page, options.plain, which, absent) for page, which in pages],
        [row for model in shown.models for question in asked for row in _rows(shown, model, question)],
        shown.left_out,
    )


def _panels(shown: Models, asked: Sequence[Question], plain: bool) -> tuple[list[Question], Marked]:
    """The questions that have curves to draw, and what to say of the others."""
    reasons: dict[Question, str] = {}
    for question in asked:
        curves = [model.content[question] for model in shown.models if question in model.content]
        if not curves:
            reasons[question] = question.why_none(predictions(shown.models[0].point))
        elif not plain and all(curve.hardly_starts for curve in curves):
            best = max((curve.area for curve in curves), key=lambda area: area.value)
            reasons[question] = f"almost no background passes; AUC up to {words.estimate(best)}"
    kept = [question for question in asked if question not in reasons]
    if not kept:
        # a page without any panel would be worse than a panel with little in it
        kept = [question for question in asked if any(question in model.content for model in shown.models)]
        require_drawn(kept, reasons)
    return kept, not_drawn({each: reason for each, reason in reasons.items() if each not in kept})


def _chosen(points: Sequence[DonePoint], read: Any, options: Options) -> Models:
    most = options.most or MOST_MODELS
    shown = choice.choose(points, read, most)
    if options.reference is None:
        alone = len(shown.models) == 1 or options.plain
        return Models(shown.models, None if alone else shown.best, shown.note, shown.left_out)
    wanted = point_of(points, options.reference, "--reference")
    models = list(shown.models)
    if not any(model.point is wanted for model in models):
        # the reference is on the picture, however good it is
        name = distinct_names(points)[[point is wanted for point in points].index(True)]
        models.insert(0, choice.Model(wanted, name, read(wanted)))
    position = next(number for number, model in enumerate(models) if model.point is wanted)
    return Models(models, position, shown.note, shown.left_out)


def _rows(shown: Models, model: choice.Model[Curves], question: Question) -> list[dict[str, Any]]:
    curve = model.content.get(question)
    if curve is None:
        return []
    columns = {"signal_efficiency": curve.signal, "background_efficiency": curve.background}
    if len(curve.low):
        columns |= {"background_efficiency_low": curve.low, "background_efficiency_high": curve.high}
        columns["rejection"] = curve.rejection
        columns |= dict(zip(("rejection_low", "rejection_high"), curve.band, strict=True))
    divided = _ratio(shown, model, question)
    if divided is not None:
        columns["ratio"] = divided
    own = {
        "scan": model.point.scan,
        "point": model.point.record.point,
        "model": model.name,
        "signal": question.signal,
        "background": question.rest,
        "auc": curve.area.value,
        "auc_down": curve.area.down,
        "auc_up": curve.area.up,
    }
    lines = zip(*(values.tolist() for values in columns.values()), strict=True)
    return [own | dict(zip(columns, line, strict=True)) for line in lines]


def _ratio(shown: Models, model: choice.Model[Curves], question: Question) -> Floats | None:
    """The rejection of a model over that of the reference."""
    if shown.reference is None:
        return None
    curve, other = model.content.get(question), shown.models[shown.reference].content.get(question)
    if curve is None or other is None:
        return None
    # where the reference is a few events and not drawn, there is nothing to divide by
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(other.drawn, curve.rejection / other.rejection, np.nan)


def _has_reference(shown: Models, question: Question) -> bool:
    curve = None if shown.reference is None else shown.models[shown.reference].content.get(question)
    return curve is not None and curve.is_line


def _page(shown: Models, asked: Sequence[Question], plain: bool, which: str, absent: Marked) -> Figure:
    down, across = style.grid(len(asked))
    names = [model.name for model in shown.models]
    high = 3.9 if plain else 4.1 if shown.reference is None else 5.0
    page = style.figure(3.9 * across + 0.2, high * down + 0.6, names)
    places = page.add_gridspec(down, across)
    for number, question in enumerate(asked):
        place = places[number // across, number % across]
        if plain:
            _plain_panel(page.add_subplot(place), shown, question)
        else:
            _panel(page, place, shown, question)
    style.title(page, f"ROC on the test split{which}")
    band = "" if plain else "Bands: statistical uncertainty (68 %); curves end where it exceeds 50 %."
    compared = ""
    if shown.reference is not None and any(_has_reference(shown, question) for question in asked):
        compared = f"Ratio: rejection divided by that of {style.cut(names[shown.reference])}."
    invisible = Marked("") if plain else _invisible(shown, asked)
    style.footnote(page, shown.note, " ".join(filter(None, [band, compared])), absent, invisible)
    handles = [Line2D([], [], **style.curve(look)) for look in shown.looks]
    style.legend_outside(page, handles, names)
    return page


def _invisible(shown: Models, asked: Sequence[Question]) -> Marked:
    """What to say of models that have an AUC in a panel and no line."""
    said = []
    for question in asked:
        curves = {each.name: each.content[question] for each in shown.models if question in each.content}
        names = [literal(style.cut(name)) for name, curve in curves.items() if not curve.is_line]
        # where no model has a line, the panel itself says why
        if 0 < len(names) < len(curves):
            said.append(f"{question.title}: no curve of {', '.join(names)} (almost no background passes)")
    return Marked("; ".join(said) + "." if said else "")


def _plain_panel(axes: Axes, shown: Models, question: Question) -> None:
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8)
    areas = {}
    for look, model in zip(shown.looks, shown.models, strict=True):
        curve = model.content.get(question)
        if curve is not None:
            (line,) = axes.plot(curve.background, curve.signal, **style.curve(look))
            areas[line] = curve.area
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_xlabel("Background efficiency")
    axes.set_ylabel("Signal efficiency")
    axes.set_title(style.label(question.title))
    _areas(axes, areas, "lower right")


def _panel(page: Figure, place: SubplotSpec, shown: Models, question: Question) -> None:
    if not _has_reference(shown, question):
        axes, below = page.add_subplot(place), None
    else:
        parts = place.subgridspec(2, 1, height_ratios=(3, 1), hspace=0.04)
        axes = page.add_subplot(parts[0])
        below = page.add_subplot(parts[1], sharex=axes)
        axes.tick_params(labelbottom=False)
    areas = {}
    for number, (look, model) in enumerate(zip(shown.looks, shown.models, strict=True)):
        curve = model.content.get(question)
        if curve is not None:
            areas[_rejection(axes, curve, look)] = curve.area
            divided = _ratio(shown, model, question)
            if below is not None and divided is not None:
                _below(below, curve, divided, look, number == shown.reference)
    axes.set_yscale("log")
    tops = [10.0, *(float(np.nanmax(line.get_ydata(), initial=1.0)) for line in areas)]
    starts = [float(np.min(line.get_xdata(), initial=1.0)) for line in areas]
    # of a curve that begins late the empty part is not shown
    axes.set(xlim=(max(math.floor(10 * min(starts) - 1) / 10, 0), 1), ylim=(1, (2 * max(tops)) ** 1.05))
    if max(tops) < SHORT:
        axes.yaxis.set_major_locator(style.log_ticks())
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:g}" if value < 1e5 else f"{value:.0e}")
    )
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_ylabel("Background rejection")
    axes.set_title(style.label(question.title))
    if all(model.content[question].hardly_starts for model in shown.models if question in model.content):
        axes.text(0.5, 0.2, "almost no background passes", ha="center", transform=axes.transAxes)
    # the curves leave one of the two corners free: which one, their quality decides
    _areas(axes, areas, "best")
    (axes if below is None else below).set_xlabel("Signal efficiency")
    if below is not None:
        _ratio_axis(below)


def _rejection(axes: Axes, curve: Curve, number: int) -> Line2D:
    look, drawn = style.curve(number), curve.drawn
    (line,) = axes.plot(curve.signal[drawn], curve.rejection[drawn], **look)
    low, high = (np.where(drawn, end, np.nan) for end in curve.band)
    axes.fill_between(curve.signal, low, high, color=look["color"], alpha=0.18, linewidth=0)
    return line


def _below(axes: Axes, curve: Curve, divided: Floats, number: int, reference: bool) -> None:
    look, drawn = style.curve(number), curve.drawn
    values = np.where(drawn, divided, np.nan)
    axes.plot(curve.signal, values, **look)
    if reference:
        # the fluctuation of the denominator, which all others are seen against
        low, high = (np.where(drawn, end / curve.rejection, np.nan) for end in curve.band)
        axes.fill_between(curve.signal, low, high, color=look["color"], alpha=0.18, linewidth=0)


def _ratio_axis(axes: Axes) -> None:
    values = np.concatenate(
        [np.asarray(line.get_ydata(), dtype=np.float64) for line in axes.lines] or [np.ones(1)]
    )
    values = values[np.isfinite(values) & (values > 0)]
    low, high = np.quantile(values, [0.02, 0.98]) if len(values) else (1.0, 1.0)
    low, high = min(float(low), 0.95), max(float(high), 1.05)
    if high / low > 4:
        axes.set_yscale("log")
        axes.set_ylim(max(low, 0.01) / 1.2, high * 1.3)
        if high / low < 20:
            axes.yaxis.set_major_locator(style.log_ticks())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(low - 0.15 * (high - low), high + 0.15 * (high - low))
    axes.set_ylabel("Ratio")


def _areas(axes: Axes, areas: dict[Line2D, Estimate], where: Literal["best", "lower right"]) -> None:
    labels = [words.estimate(area) for area in areas.values()]
    axes.legend(list(areas), labels, title="AUC", loc=where, fontsize=8, labelspacing=0.35)
