"""`contour`: one number of the models over two parameters that are numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.tri import Triangulation

from dlscan.analysis.columns.cells import cell
from dlscan.analysis.columns.column import Column
from dlscan.analysis.labels import Marked
from dlscan.analysis.plots import Drawing, Options, matrix, style
from dlscan.analysis.plots.numbers import Numbers, chance_note, good_limits
from dlscan.analysis.plots.parameters import against, is_logarithmic, is_number, parameters, scale
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.results import Floats
from dlscan.errors import UsageError
from dlscan.spelling import counted

LEVELS = 12


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """The column `options.key` over the two parameters `options.by`."""
    found, columns, present = against(points, options)
    chosen = columns if options.by is not None else [column for column in columns if is_number(column)][:2]
    if len(chosen) != 2 or not all(map(is_number, chosen)):
        varying = columns if options.by is None else parameters(found.rows, None)
        names = ", ".join(column.name for column in varying if is_number(column)) or "none"
        raise UsageError(
            f"a contour needs two parameters that are numbers, such as --by A,B; numbers that vary: {names}"
        )
    across, up = chosen
    present = [row for row in present if None not in (across.values[row], up.values[row])]
    rows = [
        {
            **found.entries[row].identity,
            across.name: across.values[row],
            up.name: up.values[row],
            found.name: found.entries[row].value,
        }
        for row in present
    ]
    name = f"contour-{found.name}-{across.name}-{up.name}"
    return Drawing(name, [_page(found, across, up, present)], rows)


def _page(found: Numbers, across: Column, up: Column, present: Sequence[int]) -> Figure:
    x, y = (np.array([float(column.values[row]) for row in present]) for column in (across, up))
    values = np.array([float(found.entries[row].value or 0.0) for row in present])
    page = style.figure(6.6, 5.0)
    axes = page.add_subplot()
    levels = MaxNLocator(LEVELS).tick_values(*good_limits(values.tolist(), found.column.about))
    where, means = _averaged(x, y, values)
    triangles = _triangles(where, (is_logarithmic(x), is_logarithmic(y)))
    filled = axes.tricontourf(triangles, means, levels, cmap=matrix.VALUES, extend="both")
    # models at the edges of the range are drawn whole
    edge: Any = {"clip_on": False}
    axes.scatter(x, y, s=10, color="#ffffff", edgecolors="#000000", linewidths=0.5, zorder=2, **edge)
    best = max(range(len(values)), key=lambda n: found.column.about.goodness(float(values[n])))
    look: Any = {"marker": "D", "markersize": 8, "color": style.COLORS[6], "zorder": 3}
    axes.plot([x[best]], [y[best]], **look, **edge)
    scale(axes, "x", x)
    scale(axes, "y", y)
    axes.set_xlabel(style.short(across.name, 30))
    axes.set_ylabel(style.short(up.name, 30))
    page.colorbar(filled, ax=axes, label=style.literal(found.axis))
    style.title(page, Marked(f"{found.heading} over {across.name} and {up.name}"))
    entry = found.entries[present[best]]
    vary = {column.name for column in parameters(found.rows, None)}
    others = " Other parameters vary too." if vary - {across.name, up.name} else ""
    left = len(found.entries) - len(present)
    of_these = f"of the {counted(len(present), 'model')} drawn" if left else "of all"
    without = f" {counted(left, 'model')} without these numbers: not drawn." if left else ""
    style.footnote(
        page,
        f"Diamond: {style.cut(entry.name)}, {found.column.about.best_is} {of_these}: "
        f"{cell(entry.value, found.column)}.{without}",
        f"Between the models, drawn as points, linearly interpolated.{others}",
        chance_note(found),
    )
    return page


def _averaged(x: Floats, y: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Each place once, (M, 2), with the mean of the values there, (M,)."""
    places, index = np.unique(np.stack([x, y], axis=1), axis=0, return_inverse=True)
    index = index.ravel()
    return places, np.bincount(index, values) / np.bincount(index)


def _triangles(places: Floats, logarithmic: tuple[bool, bool]) -> Triangulation:
    """Triangles between the places, in coordinates that are alike to the eye."""
    seen = [np.log(places[:, n]) if log else places[:, n] for n, log in enumerate(logarithmic)]
    spans = [float(np.ptp(axis)) for axis in seen]
    try:
        if 0.0 in spans:
            raise ValueError("one value")
        found = Triangulation(*((axis - axis.min()) / span for axis, span in zip(seen, spans, strict=True)))
    except (ValueError, RuntimeError):
        raise UsageError("a contour needs models at three places at least that are not on one line") from None
    return Triangulation(places[:, 0], places[:, 1], found.triangles)
