"""`dlscan show generated`: single events, and such as a generator makes with the same condition."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure, SubFigure
from numpy.typing import NDArray

from dlscan.analysis.labels import NO_LABELS, Labels, called
from dlscan.analysis.plots import style
from dlscan.analysis.plots.show_reconstruction import COLORS, looked_at, name_axes, panel

PER_PAGE = 4
# of the largest cell: less is not told from nothing
LEAST = 1e-4

Floats = NDArray[Any]


class Pair(NamedTuple):
    """An event and one that was made: each input by its name, (...), and what is known of both, in words."""

    real: dict[str, Floats]
    made: dict[str, Floats]
    known: str


def draw(pairs: Sequence[Pair], title: str, depth_axis: int = 3, labels: Labels = NO_LABELS) -> list[Figure]:
    """Pages with a column for each pair, and two lines for each input: real events above generated ones.

    Parameters
    ----------
    pairs : sequence of Pair
        With the same inputs.
    title : str
        Of each page.
    depth_axis, labels
        As for `show_reconstruction.draw`.
    """
    pages = []
    for part, which in style.paged(pairs, PER_PAGE):
        names = list(part[0].real)
        page = style.figure(3.1 * len(part) + 0.6, 4.8 * len(names) + 1.0)
        figures = page.subfigures(len(names), 1, squeeze=False)[:, 0]
        for figure, name in zip(figures, names, strict=True):
            _input(figure, name, part, depth_axis, labels)
        style.title(page, f"{title}{which}")
        summed = any(own.ndim == 3 for own in part[0].real.values())
        style.footnote(
            page,
            "Both events of a column have one scale.",
            "Images of three axes are summed over one across the shower." if summed else "",
        )
        pages.append(page)
    return pages


def _input(figure: SubFigure, name: str, pairs: Sequence[Pair], depth_axis: int, labels: Labels) -> None:
    panels = figure.subplots(2, len(pairs), squeeze=False)
    for column, pair in zip(panels.T, pairs, strict=True):
        both = [looked_at(own[name], depth_axis) for own in (pair.real, pair.made)]
        norm = _norm(both)
        for axes, values, what in zip(column, both, ("real", "generated"), strict=True):
            panel(axes, values, norm, COLORS)
            axes.set_title(f"{what}, {pair.known}" if pair.known else what, fontsize=9)
    panels[0, 0].set_ylabel(style.literal(called(name, labels)))
    if pairs[0].real[name].ndim == 3:
        name_axes(panels[1, 0], pairs[0].real[name].shape, depth_axis)


def _norm(both: Sequence[Floats]) -> Normalize:
    """Logarithmic for images of what is not negative, whose cells differ by orders of magnitude."""
    least, most = (float(limit([limit(own) for own in both])) for limit in (np.min, np.max))
    if both[0].ndim < 2 or least < 0 or most <= 0:
        return Normalize(least, most)
    return LogNorm(LEAST * most, most, clip=False)
