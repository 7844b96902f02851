"""`response`: prediction / truth in bins of the truth, its median and its middle 68 %, a panel per target."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dlscan.analysis.labels import Marked
from dlscan.analysis.plots import Drawing, Options, style, targets
from dlscan.analysis.plots.targets import MOST_BANDS, Shown, Target
from dlscan.analysis.points.done import DonePoint
from dlscan.metrics import TruthBin

MOST_MODELS = 6

Bins = Mapping[int, Sequence[TruthBin]]


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """A panel per target, a line per model: the median, with the band of 68 % of the events where few are."""
    shown, asked = targets.read(points, options, MOST_MODELS)
    bins = {target: targets.binned(shown, target, options.bins) for target in asked}
    drawn = [target for target in asked if _is_there(bins[target])]
    absent = targets.require_drawn(
        drawn, [target for target in asked if target not in drawn], targets.NO_RATIO
    )
    return Drawing(
        targets.drawing_name("response", options, asked),
        [
            _page(shown, part, bins, absent, which)
            for part, which in style.paged(drawn, targets.PANELS_PER_PAGE)
        ],
        [row for target in asked for row in targets.rows(shown, target, bins[target])],
        shown.left_out,
    )


def _is_there(bins: Bins) -> bool:
    return any(each.median is not None for found in bins.values() for each in found)


def _page(
    shown: Shown, asked: Sequence[Target], bins: Mapping[Target, Bins], absent: str, which: str
) -> Figure:
    names = [model.name for model in shown.models]
    down, across = style.grid(len(asked))
    page = style.figure(5.0 * across + 0.2, 3.8 * down + 0.8, names)
    for axes, target in targets.panels(page, asked):
        axes.axhline(1, color="#999999", linewidth=0.9, linestyle=(0, (4, 2)))
        for row, found in bins[target].items():
            _line(axes, found, row, len(names), shown.looks[row])
        axes.set_xlabel(style.literal(Marked(f"True {target.title}")))
        axes.set_ylabel("Prediction / truth")
    style.title(page, f"Response on the test split{which}")
    many = len(names) > MOST_BANDS
    style.footnote(
        page,
        shown.note,
        "Each point is the median, at the mean of the events in its bin. "
        "Error bars: statistical uncertainty (68 %).",
        f"Models are shifted sideways. Bands are drawn for at most {MOST_BANDS} models."
        if many
        else "Bands hold the middle 68 % of the events.",
        targets.holes([each.median for target in asked for found in bins[target].values() for each in found]),
        absent,
    )
    handles = [Line2D([], [], **style.line(look), **style.marker(look)) for look in shown.looks]
    style.legend_outside(page, handles, names)
    return page


def _line(axes: Axes, bins: Sequence[TruthBin], row: int, models: int, look: int) -> None:
    places = np.array([each.mean for each in bins]) + targets.beside(row, models, bins)
    targets.points(axes, places, [each.median for each in bins], look)
    if models <= MOST_BANDS:
        low, high = np.transpose([(np.nan, np.nan) if each.band is None else each.band for each in bins])
        axes.fill_between(places, low, high, color=style.color(look), alpha=0.08, linewidth=0)
        for end in (low, high):
            axes.plot(places, end, color=style.color(look), linewidth=0.8, alpha=0.8)
