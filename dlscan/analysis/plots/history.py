"""`history`: how one number of each model went over the epochs, a few models a page."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from dlscan.analysis.lookup import find
from dlscan.analysis.plots import Drawing, Options, choice, style
from dlscan.analysis.plots.stopped import StoppedCurve, stopped_histories, stopped_rows
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.losses import different_losses, is_loss, losses_of
from dlscan.analysis.points.results import EPOCH, Floats, history
from dlscan.analysis.points.tasks import metrics_of
from dlscan.attempts import resumptions
from dlscan.errors import ScanError
from dlscan.spelling import counted

DEFAULT_KEY = "loss"
VALIDATION = "val_"
_TITLES = {
    "seconds": "time per epoch [s]",
    "events_per_second": "training events per second [1/s]",
}
MOST_MARKED = 15
# 25 pages of the usual number of models
MOST_MODELS = 100
STOPPED: Any = {"color": "#bbbbbb", "linewidth": 0.8, "linestyle": "-", "zorder": 1}

DASHED = (0, (4, 1.5))
BEST: Any = {"marker": "*", "markersize": 11, "markeredgecolor": "white", "markeredgewidth": 0.7, "zorder": 4}
RESUMED: Any = {"marker": "|", "markersize": 13, "markeredgewidth": 1.8, "zorder": 3}


class Limits(NamedTuple):
    """What all pages show: epochs `first` to `last`, values `low` to `high`; `hidden` values lie outside."""

    first: float
    last: float
    low: float
    high: float
    hidden: int


@dataclasses.dataclass(frozen=True)
class Curve:
    """The history of a model.

    Attributes
    ----------
    values : dict of str to ndarray
        For each key that is drawn, a value per epoch.
    best : int
        The epoch whose weights were kept.
    resumed : tuple of int
        The epochs after which another attempt went on.
    unknown : bool
        Whether an attempt went on after an epoch that was not recorded.
    """

    name: str
    point: DonePoint
    epochs: Floats
    values: dict[str, Floats]
    best: int
    resumed: tuple[int, ...]
    unknown: bool


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """Lines for each model, `options.per_page` models a page, the same scales on every page.

    Of more than `MOST_MODELS`, the best by validation.

    `options.key` is drawn for training and validation, or, as `val_loss`, for validation alone.
    """
    shown = choice.choose(points, history, MOST_MODELS)
    known = dict.fromkeys(key for model in shown.models for key in model.content if key != EPOCH)
    if not known:
        raise ScanError(f"{points[0].paths.history}: no epoch to draw, and none in any other point")
    key = find(
        options.key or (DEFAULT_KEY if DEFAULT_KEY in known else next(iter(known))), known, "history key"
    )
    keys = [name for name in (key, VALIDATION + key) if name in known]
    curves = [_curve(model, keys) for model in shown.models if set(keys) & set(model.content)]
    early = stopped_histories(points, keys)
    pages = [
        (page, _limits(own), what)
        for what, own in _comparable(curves, key).items()
        for page in (own[first : first + options.per_page] for first in range(0, len(own), options.per_page))
    ]
    figures = []
    for number, (page, limits, what) in enumerate(pages, 1):
        which = f" (page {number} of {len(pages)})" if len(pages) > 1 else ""
        figures.append(_page(page, [] if what else early, keys, limits, f"{what}{which}"))
    rows = [row for curve in curves for row in _rows(curve)]
    remarks = (shown.note,) if shown.note else ()
    return Drawing(f"history-{key}", figures, [*rows, *stopped_rows(early)], shown.left_out, remarks)


def _comparable(curves: Sequence[Curve], key: str) -> dict[str, list[Curve]]:
    """The curves that may share an axis, with what to add to the title: losses of one kind."""
    points = [curve.point for curve in curves]
    if not (is_loss(key) and different_losses(points)):
        return {"": list(curves)}
    groups: dict[str, list[Curve]] = {}
    for curve, loss in zip(curves, losses_of(points), strict=True):
        groups.setdefault(f": {loss}", []).append(curve)
    return groups


def _title(key: str, points: Sequence[DonePoint]) -> str:
    """What a person calls a column of the history: `loss (validation)`."""
    bare = key.removeprefix(VALIDATION)
    titles = {name: title for task in metrics_of(points) for name, title in task.curves.items()} | _TITLES
    title = titles.get(bare, bare)
    return title if bare == key else f"{title} (validation)"


def _curve(model: choice.Model[dict[str, Floats]], keys: Sequence[str]) -> Curve:
    epochs = model.content[EPOCH]
    found = resumptions(model.point.paths)
    # an attempt that began after the last epoch had nothing left to train
    resumed = sorted({epoch for epoch in found if epoch is not None and epoch < epochs[-1]})
    values = {key: model.content[key] for key in keys if key in model.content}
    best = model.point.record.best_epoch
    return Curve(model.name, model.point, epochs, values, best, tuple(resumed), None in found)


def _rows(curve: Curve) -> list[dict[str, Any]]:
    return [
        {
            "scan": curve.point.scan,
            "point": curve.point.record.point,
            "model": curve.name,
            "epoch": int(epoch),
            **{key: values[number] for key, values in curve.values.items()},
            "best": int(epoch) == curve.best,
            "resumed_after": int(epoch) in curve.resumed,
        }
        for number, epoch in enumerate(curve.epochs)
    ]


def _page(
    curves: Sequence[Curve], early: Sequence[StoppedCurve], keys: Sequence[str], limits: Limits, which: str
) -> Figure:
    names = [curve.name for curve in curves]
    page = style.figure(7.2, 5.0, [*names, *keys, "best", "resumed"])
    axes = page.add_subplot()
    looks = choice.looks([curve.point for curve in curves])
    handles = [_lines(axes, curve, number, keys) for number, curve in zip(looks, curves, strict=True)]
    for each in early:
        if keys[-1] in each.values:
            axes.plot(each.epochs, each.values[keys[-1]], **STOPPED)
    axes.set_ylim(limits.low, limits.high)
    axes.set_xlabel("Epoch")
    axes.set_xlim(limits.first, limits.last)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    heading = _title(keys[0], [curve.point for curve in curves])
    axes.set_ylabel(style.literal(heading))
    if limits.hidden:
        style.note(axes, f"{limits.hidden} values lie outside the range shown")
    style.title(page, f"{heading[:1].upper()}{heading[1:]} over the epochs{which}")
    unknown = sum(curve.unknown for curve in curves)
    if unknown:
        models = counted(unknown, "model")
        style.footnote(page, f"{models} continued in another attempt after an epoch that was not recorded.")
    marks, meanings = _marks(curves, keys)
    if early:
        marks.append(Line2D([], [], **STOPPED))
        meanings.append("paused or stopped by scan.halving")
    style.legend_outside(page, [*handles, *marks], [*names, *meanings])
    return page


def _lines(axes: Axes, curve: Curve, number: int, keys: Sequence[str]) -> Line2D:
    """Draw the lines of a model and give one for the legend."""
    both = len(keys) > 1
    # dashes tell validation from training, so that symbols must tell many models apart
    look: dict[str, Any] = style.curve(number) if not both else {"color": style.color(number)}
    few = len(curve.epochs) <= MOST_MARKED
    symbol = style.marker(number) if few or (both and number % style.LOOKS >= len(style.COLORS)) else {}
    if symbol and not few:
        symbol |= {"markevery": max(len(curve.epochs) // 10, 1)}
    for key, values in curve.values.items():
        dashes: dict[str, Any] = {"linestyle": DASHED if key == keys[1] else "-"} if both else {}
        axes.plot(curve.epochs, values, **look | symbol | dashes)
    last = list(curve.values.values())[-1]
    place = dict(zip(curve.epochs.astype(int).tolist(), last.tolist(), strict=True))
    marked: dict[str, Any] = {"color": look["color"], "linestyle": "none"}
    # between the last epoch of one attempt and the first of the next
    ends = [(epoch + 0.5, _between(place, epoch)) for epoch in curve.resumed]
    if ends:
        axes.plot(*zip(*ends, strict=True), **marked, **RESUMED)
    if curve.best in place:
        axes.plot([curve.best], [place[curve.best]], **marked, **BEST)
    symbol.pop("markevery", None)
    return Line2D([], [], **look | symbol)


def _between(place: dict[int, float], epoch: int) -> float:
    return (place.get(epoch, np.nan) + place.get(epoch + 1, np.nan)) / 2


def _marks(curves: Sequence[Curve], keys: Sequence[str]) -> tuple[list[Line2D], list[str]]:
    """What line styles and symbols mean, for the legend."""
    grey: Any = {"color": "#555555"}
    marks: list[Line2D] = []
    meanings: list[str] = []
    if len(keys) > 1:
        marks += [Line2D([], [], **grey), Line2D([], [], linestyle=DASHED, **grey)]
        meanings += ["training", "validation"]
    marks.append(Line2D([], [], linestyle="none", **grey, **BEST))
    meanings.append("epoch whose weights were kept")
    if any(curve.resumed for curve in curves):
        marks.append(Line2D([], [], linestyle="none", **grey, **RESUMED))
        meanings.append("continued in another attempt")
    return marks, meanings


def _limits(curves: Sequence[Curve]) -> Limits:
    """The range to show on all pages.

    A loss that explodes in one epoch of one model would press all other lines flat; it is cut off, and said.
    """
    first = min(float(curve.epochs[0]) for curve in curves)
    last = max(float(curve.epochs[-1]) for curve in curves)
    beside = 0.03 * (last - first) or 0.5
    first, last = first - beside, last + beside
    values = np.concatenate([values for curve in curves for values in curve.values.values()])
    values = values[np.isfinite(values)]
    if not len(values):
        return Limits(first, last, 0.0, 1.0, 0)
    low, high = values.min(), values.max()
    inner_low, inner_high = np.quantile(values, [0.02, 0.98])
    if high - low > 4 * (inner_high - inner_low) > 0:
        low, high = inner_low, inner_high
    margin = 0.05 * (high - low) or 0.5
    low, high = float(low - margin), float(high + margin)
    return Limits(first, last, low, high, int(np.count_nonzero((values < low) | (values > high))))
