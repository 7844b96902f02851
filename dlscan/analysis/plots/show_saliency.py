"""`dlscan show saliency`: how the winning score of single events depends on each of their values."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LogNorm, Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from dlscan.analysis.events.read import Event, EventSet, without_single_axes
from dlscan.analysis.labels import NO_LABELS, Labels, Marked, called, literal
from dlscan.analysis.plots import style
from dlscan.analysis.plots.axes import cell_axes
from dlscan.analysis.plots.show_event import COLORS, DISTANCE, MOST_BARS, RANGE

# of gradients: both signs, and sizes alone
SIGNED, SIZES = "RdBu_r", "magma_r"
# colours end where one value in a thousand is beyond
_BEYOND = 99.9

Floats = NDArray[Any]


def draw(
    shown: EventSet,
    verdicts: Sequence[str],
    gradients: Mapping[str, Sequence[Floats]],
    depth_axis: int = 3,
    labels: Labels = NO_LABELS,
) -> list[Figure]:
    """Draw a page for each event: its values, and below or beside them the gradient.

    Parameters
    ----------
    shown : EventSet
        N events.
    verdicts : sequence of str
        What the network says of each, for its title.
    gradients : mapping of str to sequence of ndarray
        For the inputs that the network takes, one for each event, of the shape of its values.
    depth_axis : {1, 2, 3}
        Which axis of images with three axes runs along the shower, counted from 1.
    labels : mapping of str to str
        `data.labels`.
    """
    pages = []
    for number, (event, verdict) in enumerate(zip(shown.events, verdicts, strict=True)):
        own = {name: np.asarray(each[number], np.float64) for name, each in gradients.items()}
        pages.append(_page(event, shown, verdict, own, depth_axis, labels))
    return pages


def _page(
    event: Event,
    shown: EventSet,
    verdict: str,
    gradients: Mapping[str, Floats],
    depth_axis: int,
    labels: Labels,
) -> Figure:
    columns = shown.manifest.inputs
    ndims = {
        name: 2 if columns[name].masked else len(without_single_axes(columns[name].shape))
        for name in gradients
    }
    heights = [5.6 if ndims[name] == 3 else 3.6 for name in gradients]
    page = style.figure(12.0 if 3 in ndims.values() else 9.5, sum(heights) + 0.8)
    parts = page.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    for part, (name, gradient) in zip(parts, gradients.items(), strict=True):
        if shown.manifest.inputs[name].masked:
            part.suptitle(style.literal(called(name, labels)), fontsize=10, x=0.02, ha="left")
            _entries(part, shown, name, event.inputs[name], gradient, labels)
            continue
        image = event.inputs[name].reshape(without_single_axes(event.inputs[name].shape))
        gradient = gradient.reshape(image.shape)
        part.suptitle(style.literal(called(name, labels)), fontsize=10, x=0.02, ha="left")
        if image.ndim == 3:
            _volume(part, image, gradient, depth_axis)
        elif image.ndim == 2:
            _flat(part, image, gradient)
        else:
            _values(part, shown, name, image.ravel(), gradient.ravel(), labels)
    place = literal(f"{event.file}, row {event.row} (split {shown.split})")
    style.title(page, Marked(f"{called(event.label, labels)}, {verdict}: {place}"))
    return page


def _volume(part: SubFigure, image: Floats, gradient: Floats, depth_axis: int) -> None:
    """Projections of the event, and below them of the sizes of its gradient."""
    axes = cell_axes(image.shape, depth_axis)
    first, second = (axis for axis in axes if axis != depth_axis)
    pairs = [(depth_axis, first), (depth_axis, second), (first, second)]
    rows = part.subfigures(2, 1, squeeze=False)[:, 0]
    for row, values, name, colors in (
        (rows[0], np.maximum(image, 0), "Value", COLORS),
        (rows[1], np.abs(gradient), "|gradient|", SIZES),
    ):
        panels = row.subplots(1, 3, width_ratios=[1.2, 1.2, 1])
        summed = [values.sum(axis=6 - across - up - 1) for across, up in pairs]
        norm = (
            _norm(summed)
            if colors == COLORS
            else Normalize(0, max(float(each.max()) for each in summed) or 1)
        )
        for panel, (across, up), projection in zip(panels, pairs, summed, strict=True):
            # rows go up: the axis with the smaller number is the row of the array
            projection = projection if up < across else projection.T
            projection = np.where(projection > 0, projection, np.nan) if colors == COLORS else projection
            panel.imshow(projection, norm=norm, cmap=colors, origin="lower", aspect="auto")
            panel.grid(visible=False)
            panel.set(xlabel=axes[across], ylabel=axes[up])
        row.colorbar(ScalarMappable(norm, colors), ax=panels, label=f"{name}, summed", pad=0.01)


def _norm(projections: Sequence[Floats]) -> Normalize:
    highest = max(float(each.max()) for each in projections)
    if highest <= 0:
        return Normalize(0, 1)
    lowest = min(float(each[each > 0].min()) for each in projections if (each > 0).any())
    return LogNorm(max(lowest, highest * RANGE), highest) if lowest < highest else Normalize(0, highest)


def _entries(
    part: SubFigure, shown: EventSet, name: str, values: Floats, gradient: Floats, labels: Labels
) -> None:
    """A line for each entry that is there: its features, and what a change of each would do."""
    if not len(values):
        part.text(0.5, 0.5, "no entries", ha="center", fontsize=9)
        return
    measured = shown.manifest.statistics[name]
    spread = np.where(np.asarray(measured.std) > 0, measured.std, 1.0)
    distances = (values - np.asarray(measured.mean)) / spread
    label = "Gradient per\nstandard deviation"
    left, right = _flat(part, distances, gradient * spread, label)
    for panel in (left, right):
        panel.set(xlabel="Feature", ylabel="Entry")
        panel.yaxis.set_major_locator(MaxNLocator(integer=True))
        names = [style.literal(called(each, labels)) for each in shown.features[name]]
        if len(names) <= MOST_BARS:
            panel.set_xticks(np.arange(len(names)), names, fontsize=8, rotation=90)
    left.set_title(DISTANCE, fontsize=8)


def _flat(part: SubFigure, image: Floats, gradient: Floats, label: str = "Gradient") -> tuple[Axes, Axes]:
    """The image, and its gradient over it."""
    left, right = part.subplots(1, 2)
    square = max(image.shape) < 8 * min(image.shape)
    for panel in (left, right):
        panel.imshow(
            image, cmap="gray_r", aspect="equal" if square else "auto", alpha=1 if panel is left else 0.35
        )
        panel.grid(visible=False)
        panel.set(xlabel="Column (axis 2)", ylabel="Row (axis 1)")
    norm = _both_signs(gradient)
    # what matters little stays clear
    alpha = np.clip(np.abs(gradient) / norm.vmax, 0, 1) ** 0.5
    right.imshow(gradient, cmap=SIGNED, norm=norm, alpha=alpha, aspect="equal" if square else "auto")
    part.colorbar(ScalarMappable(norm, _colors()), ax=[left, right], label=label, pad=0.01)
    return left, right


def _colors() -> Colormap:
    import matplotlib

    return matplotlib.colormaps[SIGNED]


def _both_signs(gradient: Floats) -> Normalize:
    highest = float(np.percentile(np.abs(gradient), _BEYOND)) or float(np.abs(gradient).max()) or 1.0
    return Normalize(-highest, highest)


def _values(
    part: SubFigure, shown: EventSet, name: str, values: Floats, gradient: Floats, labels: Labels
) -> None:
    """The values of a vector, and what a change of each by its standard deviation would do."""
    measured = shown.manifest.statistics[name]
    spread = np.where(np.asarray(measured.std) > 0, measured.std, 1.0)
    if values.size <= MOST_BARS:
        left, right = part.subplots(1, 2, sharey=True)
        places = np.arange(values.size)
        left.barh(places, (values - np.asarray(measured.mean)) / spread, color=style.COLORS[0])
        _signed_bars(right, gradient * spread)
        pairs = zip(shown.features[name], values, strict=True)
        left.set_yticks(
            places,
            [f"{style.literal(called(each, labels))} = {value:.4g}" for each, value in pairs],
            fontsize=8,
        )
        left.invert_yaxis()
        left.set_xlabel(DISTANCE, fontsize=8)
        right.set_xlabel("Gradient per standard deviation", fontsize=8)
        return
    above, below = part.subplots(2, 1, sharex=True)
    edges = np.arange(values.size + 1) - 0.5
    above.stairs(values, edges, color=style.COLORS[0])
    above.set_ylabel("Value", fontsize=8)
    change = gradient * spread
    for sign, color in ((1, style.COLORS[6]), (-1, style.COLORS[0])):
        below.stairs(np.where(change * sign > 0, change, 0), edges, fill=True, color=color)
    below.axhline(0, color="black", linewidth=0.8)
    below.set_ylabel("Gradient per\nstandard deviation", fontsize=8)


def _signed_bars(axes: Axes, change: Floats) -> None:
    colors = [style.COLORS[6] if each > 0 else style.COLORS[0] for each in change]
    axes.barh(np.arange(change.size), change, color=colors)
    axes.axvline(0, color="black", linewidth=0.8)
