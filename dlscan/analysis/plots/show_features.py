"""`dlscan show features`: the filters of first convolutions, and what they make of an event."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dlscan.analysis.labels import NO_LABELS, Labels, Marked, called
from dlscan.analysis.plots import style

MOST, ACROSS = 24, 8
FILTERS, MAPS = "RdBu_r", "Blues"

Floats = NDArray[Any]


@dataclasses.dataclass(frozen=True)
class Layer:
    """A convolution that comes first, and an event.

    Attributes
    ----------
    name : str
        Of the layer.
    inputs : tuple of str
        What it takes.
    kernel : ndarray, (*size, channels, filters)
        Its filters, over one to three axes.
    maps : ndarray, (*space, filters)
        What it makes of the event.
    event : ndarray or None
        What it takes, where that is one input: the raw values.
    """

    name: str
    inputs: tuple[str, ...]
    kernel: Floats
    maps: Floats
    event: Floats | None


def draw(
    layers: Sequence[Layer], title: Marked, depth_axis: int = 3, labels: Labels = NO_LABELS
) -> list[Figure]:
    """Draw a page for each layer: the event, then each filter above its feature map.

    Parameters
    ----------
    layers : sequence of Layer
        Of one network and one event.
    title : Marked
        Of the pages: which event.
    depth_axis : {1, 2, 3}
        Which of three axes runs along the shower, counted from 1. Filters and maps of three axes are summed
        over one of the others.
    labels : mapping of str to str
        `data.labels`.
    """
    return [_page(layer, title, depth_axis, labels) for layer in layers]


def _page(layer: Layer, title: Marked, depth_axis: int, labels: Labels) -> Figure:
    count = min(layer.kernel.shape[-1], MOST)
    across = min(ACROSS, count)
    down = math.ceil(count / across)
    page = style.figure(1.55 * across + 2.6, max(2.6 * down, 2.8) + 0.9)
    left, right = page.subfigures(1, 2, squeeze=False, width_ratios=[2.6, 1.55 * across])[0]
    # of several channels the mean
    filters = [_looked_at(layer.kernel[..., n].mean(axis=-1), depth_axis) for n in range(count)]
    maps = [_looked_at(layer.maps[..., n], depth_axis) for n in range(count)]
    panel, up = left.subplots(), layer.kernel.ndim == 5
    names = ", ".join(called(name, labels) for name in layer.inputs)
    if layer.event is None or layer.event.ndim not in (layer.maps.ndim - 1, layer.maps.ndim):
        panel.set_axis_off()
    else:
        shown = layer.event if layer.event.ndim < layer.maps.ndim else layer.event.mean(axis=-1)
        _show(panel, _looked_at(shown, depth_axis), "gray_r" if shown.ndim == 2 else MAPS, None, up)
    panel.set_title(style.literal(Marked(names)), fontsize=9)
    widest = max(float(np.abs(each).max()) for each in filters) or 1.0
    lowest, highest = min(float(each.min()) for each in maps), max(float(each.max()) for each in maps)
    panels = right.subplots(2 * down, across, squeeze=False, height_ratios=[1, 2] * down)
    for axes in panels.flat:
        axes.set_axis_off()
    for number in range(count):
        row, column = 2 * (number // across), number % across
        _show(panels[row, column], filters[number], FILTERS, Normalize(-widest, widest), up)
        _show(panels[row + 1, column], maps[number], MAPS, Normalize(lowest, highest or 1.0), up)
        panels[row, column].set_title(str(number + 1), fontsize=8)
    style.title(page, Marked(f"{style.literal(layer.name)}: {title}"))
    size = "×".join(map(str, layer.kernel.shape[:-2]))
    style.footnote(page, *_remarks(layer, size, count, widest, (lowest, highest)))
    return page


def _remarks(layer: Layer, size: str, count: int, widest: float, limits: tuple[float, float]) -> list[str]:
    filters, channels = layer.kernel.shape[-1], layer.kernel.shape[-2]
    left_out = f"; the first {count} are shown" if count < filters else ""
    summed = " Three axes are summed over one across the shower." if layer.kernel.ndim == 5 else ""
    mean = f" Filters are means over {channels} channels." if channels > 1 else ""
    return [
        f"{filters} filters of {size}{left_out}, each above its feature map of the event.{mean}{summed}",
        f"Filters: red is positive, blue negative, up to {widest:.3g}. Maps: from {limits[0]:.3g} (light) to "
        f"{limits[1]:.3g} (dark), after the activation.",
    ]


def _looked_at(values: Floats, depth_axis: int) -> Floats:
    """An image as it is drawn: of three axes the second across the shower is summed, the depth runs right."""
    if values.ndim != 3:
        return values
    first, second = (axis for axis in (0, 1, 2) if axis != depth_axis - 1)
    summed: Floats = values.sum(axis=second)
    return summed if first < depth_axis - 1 else summed.T


def _show(axes: Axes, values: Floats, colors: str, norm: Normalize | None, up: bool) -> None:
    """An image, whose rows go up as in pictures of showers or down, or a line."""
    axes.set_axis_on()
    axes.grid(visible=False)
    axes.set_xticks([])
    axes.set_yticks([])
    if values.ndim == 1:
        axes.stairs(values, np.arange(values.size + 1), color=style.COLORS[0], linewidth=1.0)
        axes.axhline(0, color="#999999", linewidth=0.6)
        if norm is not None:
            span = float(norm.vmax or 0) - float(norm.vmin or 0)
            axes.set_ylim(float(norm.vmin or 0) - 0.05 * span, float(norm.vmax or 0) + 0.05 * span)
        return
    if values.ndim != 2:
        axes.set_axis_off()
        return
    for side in axes.spines.values():
        side.set(visible=True, color="#bbbbbb", linewidth=0.6)
    square = max(values.shape) < 4 * min(values.shape)
    axes.imshow(
        values,
        cmap=colors,
        norm=norm,
        aspect="equal" if square else "auto",
        interpolation="nearest",
        origin="lower" if up else "upper",
    )
