"""`history`: how one number of each model went over the epochs, a few models a page."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from dlscan.analysis.columns import distinct_names
from dlscan.analysis.lookup import find
from dlscan.analysis.plots import Drawing, Options, style
from dlscan.analysis.records import DonePoint
from dlscan.analysis.results import EPOCH, Floats, history
from dlscan.errors import ScanError

log = logging.getLogger("dlscan")

DEFAULT_KEY = "val_loss"
MOST_MARKED = 15

Curve = tuple[str, Floats, Floats]


class Limits(NamedTuple):
    """What all pages show: epochs up to `last`, values from `low` to `high`; `hidden` values lie outside."""

    last: float
    low: float
    high: float
    hidden: int


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """A line per model, `options.per_page` models a page, the same scales on every page."""
    histories = [(name, _history(point)) for name, point in zip(distinct_names(points), points, strict=True)]
    keys = dict.fromkeys(key for _, columns in histories for key in columns if key != EPOCH)
    if not keys:
        raise ScanError(f"{points[0].paths.history}: nor does any other point have a history to draw")
    key = find(options.key or DEFAULT_KEY, keys, "history key")
    curves = [(name, columns[EPOCH], columns[key]) for name, columns in histories if key in columns]
    pages = [curves[first : first + options.per_page] for first in range(0, len(curves), options.per_page)]
    limits = _limits(curves)
    return Drawing(
        f"history-{key}",
        [
            _page(page, key, limits, f" (page {number} of {len(pages)})" if len(pages) > 1 else "")
            for number, page in enumerate(pages, 1)
        ],
    )


def _history(point: DonePoint) -> dict[str, Floats]:
    try:
        return history(point)
    except ScanError as error:
        log.warning("left out: %s", error)
        return {}


def _page(curves: Sequence[Curve], key: str, limits: Limits, which: str) -> Figure:
    last, low, high, hidden = limits
    page = style.figure(7.2, 5.0, [name for name, _, _ in curves])
    axes = page.add_subplot()
    lines: list[Line2D] = []
    for number, (_, epochs, values) in enumerate(curves):
        # a point per epoch while they can be told apart: a single epoch has no line
        marker = style.marker(number) if len(epochs) <= MOST_MARKED else {}
        lines += axes.plot(epochs, values, **style.line(number), **marker)
    axes.set_ylim(low, high)
    axes.set_xlabel("Epoch")
    axes.set_xlim(0, last)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.set_ylabel(style.literal(key))
    if hidden:
        style.note(axes, f"{hidden} values lie outside the range that is shown")
    style.title(page, f"{key} over the epochs{which}")
    style.legend_outside(page, lines, [name for name, _, _ in curves])
    return page


def _limits(curves: Sequence[Curve]) -> Limits:
    """The range to show on all pages.

    A loss that explodes in one epoch of one model would press all other lines flat; it is cut off, and said.
    """
    last = 1.02 * max((float(epochs[-1]) for _, epochs, _ in curves))
    values = np.concatenate([values for _, _, values in curves])
    values = values[np.isfinite(values)]
    if not len(values):
        return Limits(last, 0.0, 1.0, 0)
    low, high = values.min(), values.max()
    inner_low, inner_high = np.quantile(values, [0.02, 0.98])
    if high - low > 4 * (inner_high - inner_low) > 0:
        low, high = inner_low, inner_high
    margin = 0.05 * (high - low) or 0.5
    low, high = float(low - margin), float(high + margin)
    return Limits(last, low, high, int(np.count_nonzero((values < low) | (values > high))))
