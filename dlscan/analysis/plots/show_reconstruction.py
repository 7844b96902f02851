"""`dlscan show reconstruction`: an event, what an autoencoder gives back, and the difference."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from dlscan.analysis.labels import NO_LABELS, Labels, Marked, called
from dlscan.analysis.plots import style
from dlscan.analysis.plots.axes import cell_axes

COLORS, DIFFERENCE = "Blues", "RdBu_r"
COLUMNS = ("Event", "Reconstruction", "Reconstruction - event")

Floats = NDArray[Any]


class Image(NamedTuple):
    """An input of an event in scaled units, and what an autoencoder makes of it, (...) each."""

    name: str
    event: Floats
    given: Floats


def draw(images: Sequence[Image], title: Marked, depth_axis: int = 3, labels: Labels = NO_LABELS) -> Figure:
    """A page with a line for each input: the event, its reconstruction on the same scale, the difference.

    Parameters
    ----------
    images : sequence of Image
        The inputs of one event.
    title : Marked
        Of the page.
    depth_axis : {1, 2, 3}
        Which of three axes runs along the shower, counted from 1: images of three axes are summed over one
        of the others.
    labels : mapping of str to str
        `data.labels`.
    """
    page = style.figure(10.5, 2.9 * len(images) + 0.9)
    parts = page.subfigures(len(images), 1, squeeze=False)[:, 0]
    for part, image in zip(parts, images, strict=True):
        _line(part, image, depth_axis, labels)
    style.title(page, title)
    summed = any(image.event.ndim == 3 for image in images)
    style.footnote(
        page,
        "Values are those of the scaled inputs.",
        "Images of three axes are summed over one across the shower." if summed else "",
    )
    return page


def _line(part: SubFigure, image: Image, depth_axis: int, labels: Labels) -> None:
    event, given = (looked_at(values, depth_axis) for values in (image.event, image.given))
    panels = part.subplots(1, 3)
    low, high = min(event.min(), given.min()), max(event.max(), given.max())
    widest = float(np.abs(given - event).max()) or 1.0
    name = style.literal(called(image.name, labels))
    norms = [Normalize(low, high), Normalize(low, high), Normalize(-widest, widest)]
    for axes, heading, values, norm in zip(
        panels, COLUMNS, (event, given, given - event), norms, strict=True
    ):
        axes.set_title(f"{name}: {heading.lower()}" if heading == COLUMNS[0] else heading, fontsize=9)
        panel(axes, values, norm, DIFFERENCE if heading == COLUMNS[2] else COLORS)
    if image.event.ndim == 3:
        name_axes(panels[0], image.event.shape, depth_axis)


def name_axes(axes: Axes, shape: tuple[int, ...], depth_axis: int) -> None:
    """Say what the axes of a projection of an image of this shape are."""
    names = cell_axes(shape, depth_axis)
    first = next(axis for axis in names if axis != depth_axis)
    axes.set(xlabel=names[depth_axis], ylabel=names[first])


def looked_at(values: Floats, depth_axis: int) -> Floats:
    """An image of up to two axes: of three one across the shower is summed, of more they are one line."""
    if values.ndim == 3:
        first, second = (axis for axis in (0, 1, 2) if axis != depth_axis - 1)
        summed: Floats = values.sum(axis=second)
        return summed if first < depth_axis - 1 else summed.T
    return values if values.ndim <= 2 else values.ravel()


def panel(axes: Axes, values: Floats, norm: Normalize, colors: str) -> None:
    """An image in these colours, or a row of numbers between the limits of the norm."""
    axes.grid(visible=False)
    if values.ndim < 2:
        axes.stairs(np.atleast_1d(values), np.arange(values.size + 1) - 0.5, color=style.COLORS[0])
        axes.axhline(0, color="#999999", linewidth=0.6)
        low, high = float(norm.vmin or 0), float(norm.vmax or 0)
        room = 0.05 * (high - low) or 1.0
        axes.set_ylim(low - room, high + room)
        return
    square = max(values.shape) < 4 * min(values.shape)
    drawn = axes.imshow(
        values, cmap=colors, norm=norm, aspect="equal" if square else "auto", interpolation="nearest",
        origin="lower",
    )  # fmt: skip
    axes.figure.colorbar(drawn, ax=axes, shrink=0.85)
