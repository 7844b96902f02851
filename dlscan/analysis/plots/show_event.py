"""`dlscan show event`: single events as they are."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from dlscan.analysis.events.read import Event, EventSet, without_single_axes
from dlscan.analysis.labels import NO_LABELS, Labels, Marked, called, literal
from dlscan.analysis.plots import style
from dlscan.analysis.plots.axes import cell_axes
from dlscan.dataset import ArraySpec

# the larger the darker, on white
COLORS = "viridis_r"
# cells with less than this share of the largest look like those with it
RANGE = 1e-4
MOST_CELLS = 4000
MOST_BARS = 30
ACROSS, DOWN = 5, 4
DISTANCE = "(value - mean) / standard deviation"
# where colours end, in standard deviations
FAR = 3

Image = NDArray[np.float32]


def draw(shown: EventSet, depth_axis: int = 3, labels: Labels = NO_LABELS) -> list[Figure]:
    """Draw events: a page for each that has an image of three axes, else as many on a page as fit.

    Parameters
    ----------
    shown : EventSet
        What to draw.
    depth_axis : {1, 2, 3}
        Which axis of images with three axes runs along the shower, counted from 1.
    labels : mapping of str to str
        `data.labels`.

    Returns
    -------
    list of Figure
        Images of three axes: three projections and the cells in space, on a logarithmic scale of colours;
        images of two axes as they are; vectors, and what has more axes, as bars.
    """
    shapes = [without_single_axes(column.shape) for column in shown.manifest.inputs.values()]
    if any(len(shape) == 3 for shape in shapes):
        return [_event_page(event, shown, depth_axis, labels) for event in shown.events]
    fit = ACROSS * max(1, DOWN // len(shapes))
    return [
        _overview(shown.events[first : first + fit], shown, labels)
        for first in range(0, len(shown.events), fit)
    ]


def _event_page(event: Event, shown: EventSet, depth_axis: int, labels: Labels) -> Figure:
    page = style.figure(13.0, 3.5 * len(event.inputs) + 0.5)
    parts = page.subfigures(len(event.inputs), 1, squeeze=False)[:, 0]
    for part, (name, values) in zip(parts, event.inputs.items(), strict=True):
        if shown.manifest.inputs[name].masked:
            _entries(part.add_subplot(), shown, name, values, labels)
            continue
        image = values.reshape(without_single_axes(values.shape))
        if image.ndim == 3:
            _volume(part, called(name, labels), image, depth_axis)
        else:
            _flat(part.add_subplot(), shown, name, image, labels)
    place = literal(f"{event.file}, {event.place} (split {shown.split})")
    style.title(page, Marked(f"{called(event.label, labels)}: {place}"))
    return page


def _overview(events: Sequence[Event], shown: EventSet, labels: Labels) -> Figure:
    """Events side by side, the inputs of each below one another."""
    names = list(shown.manifest.inputs)
    across = min(ACROSS, len(events))
    down = math.ceil(len(events) / across)
    # bars have a line of text each
    bars = max(_bars(column) for column in shown.manifest.inputs.values())
    tall = max(3.0, 0.23 * bars + 1.2)
    page = style.figure((3.4 if bars else 2.6) * across, tall * down * len(names) + 0.5)
    for number, event in enumerate(events):
        for row, name in enumerate(names):
            line = number // across * len(names) + row
            axes = page.add_subplot(down * len(names), across, line * across + number % across + 1)
            values = event.inputs[name]
            if shown.manifest.inputs[name].masked:
                _entries(axes, shown, name, values, labels)
            else:
                _flat(axes, shown, name, values.reshape(without_single_axes(values.shape)), labels)
            if not row:
                where = (called(event.label, labels), event.file, event.place)
                axes.set_title("\n".join(map(style.label, where)), fontsize=8)
    style.title(
        page, Marked(f"{', '.join(called(name, labels) for name in names)}: events of split {shown.split}")
    )
    return page


def _bars(column: ArraySpec) -> int:
    """How many values of an input are shown with their names."""
    is_vector = len(without_single_axes(column.shape)) < 2
    return column.size if is_vector and column.size <= MOST_BARS else 0


def _flat(axes: Axes, shown: EventSet, name: str, image: Image, labels: Labels) -> None:
    """An image of two axes, or the values of anything else as bars."""
    if image.ndim == 2:
        square = max(image.shape) < 8 * min(image.shape)
        axes.imshow(image, cmap="gray_r", aspect="equal" if square else "auto")
        axes.grid(visible=False)
        axes.set_xlabel(style.label(called(name, labels)))
        return
    axes.set_xlabel(style.label(called(name, labels)))
    if image.ndim > 2:
        _steps(axes, image.ravel())
        return
    values = image.ravel()
    distances = _distances(shown, name, values)
    words = DISTANCE
    if image.size > MOST_BARS:
        _steps(axes, distances)
        axes.set_ylabel(words, fontsize=8)
        return
    axes.barh(np.arange(image.size), distances, color=style.COLORS[0])
    pairs = zip(shown.features[name], values, strict=True)
    ticks = [f"{style.literal(called(label, labels))} = {value:.4g}" for label, value in pairs]
    axes.set_yticks(np.arange(image.size), ticks, fontsize=8)
    axes.invert_yaxis()
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel(words, fontsize=8)


def _distances(shown: EventSet, name: str, values: NDArray[Any]) -> NDArray[Any]:
    """Values of different units in one picture: how far each is from the mean of the training split."""
    measured = shown.manifest.statistics[name]
    spread = np.where(np.asarray(measured.std) > 0, measured.std, 1.0)
    distances: NDArray[Any] = (values - np.asarray(measured.mean)) / spread
    return distances


def _entries(axes: Axes, shown: EventSet, name: str, values: NDArray[Any], labels: Labels) -> None:
    """The entries of an event, a line for each, and a column for each of their numbers."""
    features = [style.literal(called(each, labels)) for each in shown.features[name]]
    axes.grid(visible=False)
    axes.set_xlabel(style.label(Marked(f"{called(name, labels)}: {len(values):,} entries")))
    axes.set_xticks(np.arange(len(features)), features, fontsize=8, rotation=90 if len(features) > 4 else 0)
    if not len(values):
        axes.set_yticks([])
        return
    drawn = axes.imshow(_distances(shown, name, values), cmap="coolwarm", aspect="auto", vmin=-FAR, vmax=FAR)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.figure.colorbar(drawn, ax=axes).set_label("Standard deviations from the mean", fontsize=8)


def _steps(axes: Axes, values: NDArray[Any]) -> None:
    """Very many values one after the other."""
    axes.stairs(values, np.arange(values.size + 1) - 0.5, fill=True, color=style.COLORS[0])
    axes.axhline(0, color="black", linewidth=0.8)


def _volume(part: SubFigure, name: Marked, image: Image, depth_axis: int) -> None:
    """Three projections and the cells in space."""
    axes = cell_axes(image.shape, depth_axis)
    first, second = (axis for axis in axes if axis != depth_axis)
    below = int(np.count_nonzero(image < 0))
    note = f"; {below:,} cells below zero are not shown" if below else ""
    heading = f"{name}: sum {image.sum(dtype=np.float64):.4g} in {np.count_nonzero(image):,} cells{note}"
    part.suptitle(style.literal(Marked(heading)), fontsize=10, x=0.02, ha="left")
    if not (image > 0).any():
        part.add_subplot().set_axis_off()
        return
    projections = {axis: image.sum(axis=axis - 1, dtype=np.float64) for axis in axes}
    highest = max(float(projection.max()) for projection in projections.values())
    norm = LogNorm(max(float(image[image > 0].min()), highest * RANGE), highest)
    grid = part.add_gridspec(1, 4, width_ratios=[1.2, 1.2, 1, 1.8])
    panels = [part.add_subplot(grid[place]) for place in range(3)]
    pairs = [(depth_axis, first), (depth_axis, second), (first, second)]
    for panel, (across, up) in zip(panels, pairs, strict=True):
        (summed,) = {1, 2, 3} - {across, up}
        projection = projections[summed]
        # rows go up: the axis with the smaller number is the row of the array
        projection = projection if up < across else projection.T
        projection = np.where(projection > 0, projection, np.nan)
        panel.imshow(projection, norm=norm, cmap=COLORS, origin="lower", aspect="auto")
        panel.grid(visible=False)
        panel.set(xlabel=axes[across], ylabel=axes[up])
    part.colorbar(ScalarMappable(norm, COLORS), ax=panels, label=f"Value of {style.literal(name)}", pad=0.01)
    _space(part.add_subplot(grid[3], projection="3d"), image, (depth_axis, first, second), norm)


def _space(space: Any, image: Image, order: tuple[int, int, int], norm: LogNorm) -> None:
    """The cells as points, the larger the more they hold; of very many the largest."""
    values = np.transpose(image, [axis - 1 for axis in order])
    places, held = np.argwhere(values > 0), values[values > 0]
    largest = np.sort(np.argsort(held)[-MOST_CELLS:])
    places, held = places[largest], held[largest]
    size = 3 + 80 * np.clip(norm(held), 0, 1) ** 3
    space.scatter(
        *places.T, c=held, s=size, norm=norm, cmap=COLORS, linewidth=0, alpha=0.85, depthshade=False
    )
    names = (("x", "Layer", -4), ("y", "x", -4), ("z", "y", -10))
    for (axis, name, pad), length in zip(names, values.shape, strict=True):
        getattr(space, f"set_{axis}lim")(-0.5, length - 0.5)
        getattr(space, f"set_{axis}label")(name, fontsize=8, labelpad=pad)
    space.tick_params(labelsize=7, pad=-2)
    space.set_box_aspect((1.7, 1, 1), zoom=1.15)
    space.view_init(elev=18, azim=-55)
