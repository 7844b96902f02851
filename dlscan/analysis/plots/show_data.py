"""`dlscan show data`: what the events of each class look like, a page or two per input."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from dlscan.analysis.events.sample import Floats, InputSample, Sample
from dlscan.analysis.labels import NO_LABELS, Labels, Marked, called
from dlscan.analysis.plots import style
from dlscan.analysis.plots.axes import cell_axes
from dlscan.dataset.resampled import Resampled

BINS = 40
# Histograms of a vector: on a page, and in all
_PANELS, _MOST_PANELS = 12, 120
# of a histogram's range so much is cut off at either end if what lies there is far away
TAIL = 0.005
# a class this many times lower than another would lie flat on a linear axis
FLAT_HISTOGRAM, FLAT_PROFILE = 5, 20
# what a logarithmic axis shows at most, from its least to its largest value
RANGE = 1e-5


def draw(sample: Sample, depth_axis: int = 3, labels: Labels = NO_LABELS) -> list[Figure]:
    """Draw every input.

    Parameters
    ----------
    sample : Sample
        What to draw.
    depth_axis : {1, 2, 3}
        Which axis of images with three axes runs along the shower, counted from 1.
    labels : mapping of str to str
        `data.labels`.

    Returns
    -------
    list of Figure
        For images of two axes the mean of each class; for all images the spectrum of the sum, the occupancy
        and the mean profiles; for vectors a histogram of each value.
    """
    pages = []
    for part in sample.inputs:
        if part.is_vector:
            names = list(part.features)[:_MOST_PANELS]
            first = range(0, len(names), _PANELS)
            pages += [_vector_page(sample, part, names[start : start + _PANELS], labels) for start in first]
            continue
        if part.images is not None:
            pages.append(_mean_images(sample, part, labels))
        pages.append(_image_page(sample, part, depth_axis, labels))
    names = list(sample.targets)[:_MOST_PANELS]
    for start in range(0, len(names), _PANELS):
        shown = {name: sample.targets[name] for name in names[start : start + _PANELS]}
        pages.append(_histogram_page(sample, shown, "Targets", labels))
    if sample.manifest.resampled is not None:
        pages.append(_resampling_page(sample, sample.manifest.resampled, labels))
    return pages


def _resampling_page(sample: Sample, resampled: Resampled, labels: Labels) -> Figure:
    """How the training events of each class are spread over the bins of resampling, before and after."""
    rows = len(resampled.variables)
    names = [Marked(called(name, labels)) for name in sample.classes]
    page = style.figure(7.0, 2.5 * rows + 0.5, names)
    panels = page.subplots(rows, 2, squeeze=False)
    before = np.array(resampled.before)
    lengths = tuple(len(edges) - 1 for edges in resampled.edges)
    for column, sums in enumerate((before, before * np.array(resampled.factors))):
        for row, (name, edges) in enumerate(zip(resampled.variables, resampled.edges, strict=True)):
            others = tuple(axis for axis in range(1, rows + 1) if axis != row + 1)
            along = sums.reshape(-1, *lengths).sum(axis=others)
            axes = panels[row, column]
            for number, label in enumerate(sample.classes):
                own = along[sample.manifest.classes.index(label)]
                axes.stairs(own / own.sum(), edges, **style.line(number))
            axes.set_xlim(edges[0], edges[-1])
            axes.set_ylim(bottom=0)
            axes.set_xlabel(style.label(called(name, labels)))
            axes.set_title("resampled" if column else "as they are")
            if not column:
                axes.set_ylabel("Fraction of the class")
    style.title(page, Marked("Resampling: all training events, in bins"))
    style.legend_outside(page, [Line2D([], [], **style.line(number)) for number in range(len(names))], names)
    return page


def _image_page(sample: Sample, part: InputSample, depth_axis: int, labels: Labels) -> Figure:
    names = cell_axes(part.shape, depth_axis)
    page = style.figure(11.0, 6.4 if names else 3.6, _legend_names(sample, labels))
    grid = page.add_gridspec(2 if names else 1, 6)
    spectrum, filled = page.add_subplot(grid[0, :3]), page.add_subplot(grid[0, 3:])
    _histograms(spectrum, sample, part.sums, Marked(f"Sum over {called(part.name, labels)}"))
    _histograms(filled, sample, 100 * part.occupancy, "Non-zero cells (%)")
    # the axis along the shower comes first
    order = sorted(names, key=lambda axis: axis != depth_axis or len(names) < 3)
    width = 6 // max(len(names), 1)
    for place, axis in enumerate(order):
        panel = page.add_subplot(grid[1, place * width : (place + 1) * width])
        # across a shower what matters falls by orders of magnitude, along it by factors
        across = len(names) == 3 and axis != depth_axis
        _profile(panel, sample, part.profiles[axis - 1], across)
        panel.set_xlabel(names[axis])
        if not place:
            panel.set_ylabel("Mean sum over the other axes")
    events = f"{len(sample):,} events of split {sample.split}"
    style.title(page, Marked(f"{called(part.name, labels)}: {events}"))
    _legend(page, sample, labels, "bands: error of the mean" if names else None)
    return page


def _profile(axes: Axes, sample: Sample, profile: Floats, logarithmic: bool) -> None:
    """The mean of each class along an axis, and the error of that mean as a band."""
    # an extra bin, so that the last one has its width
    edges = np.arange(profile.shape[1] + 1) - 0.5
    means = []
    for number, chosen in enumerate(sample.classes.values()):
        mean = profile[chosen].mean(axis=0)
        error = profile[chosen].std(axis=0) / math.sqrt(chosen.sum())
        look = style.line(number)
        axes.stairs(mean, edges, baseline=None, **look)
        low, high = (np.append(bound, bound[-1]) for bound in (mean - error, mean + error))
        axes.fill_between(edges, low, high, step="post", color=look["color"], alpha=0.3, linewidth=0)
        means.append(mean)
    axes.set_xlim(edges[0], edges[-1])
    _set_scale(axes, means, FLAT_PROFILE, logarithmic)


def _histograms(axes: Axes, sample: Sample, values: Floats, name: str) -> None:
    """The distribution of each class, its area one; what lies far outside is left out, and said."""
    edges = _edges(values)
    hidden = int(np.count_nonzero((values < edges[0]) | (values > edges[-1])))
    shares = []
    for number, chosen in enumerate(sample.classes.values()):
        shares.append(np.histogram(values[chosen], edges)[0] / chosen.sum())
        axes.stairs(shares[-1], edges, **style.line(number))
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xlabel(style.label(name))
    axes.set_ylabel("Fraction of the class")
    _set_scale(axes, shares, FLAT_HISTOGRAM)
    if hidden:
        style.note(axes, f"{hidden:,} events lie outside" if hidden > 1 else "1 event lies outside")


def _set_scale(axes: Axes, curves: Sequence[Floats], flat: float, logarithmic: bool = False) -> None:
    """A logarithmic axis if asked, or if a class would lie flat on a linear one; from zero where it can."""
    lowest = min(float(curve.min()) for curve in curves)
    peaks = [float(curve.max()) for curve in curves]
    if lowest < 0:
        return
    if max(peaks) > 0 and (logarithmic or max(peaks) > flat * min(peaks)):
        above = min(float(curve[curve > 0].min()) for curve in curves if (curve > 0).any())
        axes.set_yscale("log")
        axes.set_ylim(max(above / 1.5, max(peaks) * RANGE), max(peaks) * 1.5)
    else:
        axes.set_ylim(bottom=0)


def _edges(values: Floats) -> NDArray[np.float64]:
    """Bins over the range of `values`; without its tails where they would press all else flat."""
    values = values[~np.isnan(values)]
    if not len(values):
        return np.linspace(0, 1, BINS + 1)
    low, high = float(values.min()), float(values.max())
    inner_low, inner_high = (float(value) for value in np.quantile(values, [TAIL, 1 - TAIL]))
    margin = 0.05 * (inner_high - inner_low)
    if margin > 0:
        low, high = max(low, inner_low - margin), min(high, inner_high + margin)
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, BINS + 1)


def _mean_images(sample: Sample, part: InputSample, labels: Labels) -> Figure:
    """The mean image of each class, all on one scale of colours."""
    assert part.images is not None
    classes = list(sample.classes)
    across = min(len(classes), 5)
    down = math.ceil(len(classes) / across)
    rows, columns = part.shape
    tall = min(max(rows / columns, 0.3), 3.0)
    page = style.figure(2.2 * across + 1.2, 2.2 * tall * down + 0.9)
    panels = page.subplots(down, across, squeeze=False).flatten()
    shown = part.images[[sample.manifest.classes.index(name) for name in classes]]
    low, high = min(0.0, float(shown.min())), float(shown.max())
    for axes, name, image in zip(panels, classes, shown, strict=False):
        drawn = axes.imshow(image, vmin=low, vmax=high, cmap="viridis", aspect="auto")
        axes.set_title(style.label(called(name, labels)))
        axes.grid(visible=False)
    for axes in panels[len(classes) :]:
        axes.remove()
    page.colorbar(drawn, ax=list(panels[: len(classes)]), label="Mean value", shrink=0.8)
    events = f"{len(sample):,} events of split {sample.split}"
    style.title(page, Marked(f"{called(part.name, labels)}: mean of each class, {events}"))
    return page


def _vector_page(sample: Sample, part: InputSample, names: Sequence[str], labels: Labels) -> Figure:
    size = math.prod(part.shape)
    first = list(part.features).index(names[0]) + 1
    which = f", values {first} to {first + len(names) - 1} of {size}" if size > len(names) else ""
    shown = {name: part.features[name] for name in names}
    return _histogram_page(sample, shown, called(part.name, labels), labels, which)


def _histogram_page(
    sample: Sample, shown: Mapping[str, Floats], title: str, labels: Labels, which: str = ""
) -> Figure:
    """A histogram of each value."""
    across = min(len(shown), 4)
    down = math.ceil(len(shown) / across)
    page = style.figure(3.0 * across + 0.3, 2.5 * down + 0.5, _legend_names(sample, labels))
    panels = page.subplots(down, across, squeeze=False).flatten()
    for number, (axes, (name, values)) in enumerate(zip(panels, shown.items(), strict=False)):
        _histograms(axes, sample, values, called(name, labels))
        if number % across:
            axes.set_ylabel("")
    for axes in panels[len(shown) :]:
        axes.remove()
    events = f"{len(sample):,} events of split {sample.split}"
    style.title(page, Marked(f"{title}: {events}{which}"))
    _legend(page, sample, labels, None)
    return page


def _legend_names(sample: Sample, labels: Labels) -> list[Marked]:
    return [Marked(f"{called(name, labels)} ({chosen.sum():,})") for name, chosen in sample.classes.items()]


def _legend(page: Figure, sample: Sample, labels: Labels, heading: str | None) -> None:
    names = _legend_names(sample, labels)
    style.legend_outside(
        page, [Line2D([], [], **style.line(number)) for number in range(len(names))], names, heading
    )
