"""`roc`: for each class against all others, signal efficiency over background efficiency."""

import dataclasses
import logging
import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from dlscan.analysis.columns import distinct_names
from dlscan.analysis.lookup import find
from dlscan.analysis.plots import Drawing, Options, style
from dlscan.analysis.records import DonePoint
from dlscan.analysis.results import Floats, predictions
from dlscan.errors import ScanError
from dlscan.metrics import auc, roc_curve

log = logging.getLogger("dlscan")

MOST_MODELS = 12
CURVE_POINTS = 1000


@dataclasses.dataclass(frozen=True)
class Curve:
    """One model, one class."""

    background: Floats
    signal: Floats
    area: float


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """A panel per class, or only the class `options.key`; with many models only the best by `Mean_AUC`."""
    classes = list(dict.fromkeys(name for point in points for name in point.record.classes))
    if options.key is not None:
        classes = [find(options.key, classes, "class")]
    names = dict(zip((id(point) for point in points), distinct_names(points), strict=True))
    models: list[tuple[str, dict[str, Curve]]] = []
    for point in _best(points):
        try:
            models.append((names[id(point)], _curves(point, classes)))
        except ScanError as error:
            log.warning("left out: %s", error)
    if not models:
        raise ScanError(f"{points[0].paths.predictions}: nor does any other point have scores to draw")
    which = f"{len(models)} best of {len(points)} by Mean_AUC" if len(points) > MOST_MODELS else None
    return Drawing(f"roc-{classes[0]}" if options.key is not None else "roc", [_page(models, classes, which)])


def _best(points: Sequence[DonePoint]) -> list[DonePoint]:
    """At most `MOST_MODELS` points, in the order given."""
    if len(points) <= MOST_MODELS:
        return list(points)
    log.info("drawing the %d best of %d models by Mean_AUC", MOST_MODELS, len(points))
    ranked = sorted(points, key=lambda point: -(point.record.metrics.get("Mean_AUC") or 0.0))
    best = {id(point) for point in ranked[:MOST_MODELS]}
    return [point for point in points if id(point) in best]


def _curves(point: DonePoint, classes: Sequence[str]) -> dict[str, Curve]:
    """The curve of each class that the point knows and that has events on both sides."""
    scored = predictions(point)
    curves = {}
    for name in classes:
        if name not in scored.classes:
            continue
        number = scored.classes.index(name)
        scores, positive = scored.scores[:, number], scored.labels == number
        area = auc(scores, positive)
        if area is not None:
            signal, background, _ = roc_curve(scores, positive)
            kept = _thinned(signal, background)
            curves[name] = Curve(background[kept], signal[kept], area)
    return curves


def _thinned(signal: Floats, background: Floats) -> NDArray[np.int64]:
    """Positions of `CURVE_POINTS` points or fewer, even along the curve: a million would look no finer."""
    # both run from 0 to 1 and never fall, so their sum is the length so far, up to 2
    wanted = np.linspace(0, 2, CURVE_POINTS)
    found = np.searchsorted(signal + background, wanted)
    return np.unique(np.minimum(found, len(signal) - 1)).astype(np.int64)


def _page(
    models: Sequence[tuple[str, dict[str, Curve]]], classes: Sequence[str], which: str | None
) -> Figure:
    across = math.ceil(math.sqrt(len(classes)))
    down = math.ceil(len(classes) / across)
    names = [name for name, _ in models]
    page = style.figure(3.9 * across + 0.2, 3.9 * down + 0.4, names)
    panels = page.subplots(down, across, squeeze=False).flatten()
    for axes, name in zip(panels, classes, strict=False):
        _panel(axes, name, [curves.get(name) for _, curves in models])
    for axes in panels[len(classes) :]:
        axes.remove()
    style.title(page, "ROC, each class against the rest")
    handles = [Line2D([], [], **style.line(number)) for number in range(len(models))]
    style.legend_outside(page, handles, names, which)
    return page


def _panel(axes: Axes, name: str, curves: Sequence[Curve | None]) -> None:
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.8)
    handles, labels = [], []
    for number, curve in enumerate(curves):
        if curve is not None:
            handles += axes.plot(curve.background, curve.signal, **style.line(number))
            labels.append(f"{curve.area:.4f}")
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_xlabel("Background efficiency")
    axes.set_ylabel("Signal efficiency")
    axes.set_title(style.label(name))
    if handles:
        columns = 1 if len(handles) <= 6 else 2
        axes.legend(handles, labels, title="AUC", loc="lower right", ncols=columns, fontsize=8)
    else:
        axes.text(0.5, 0.4, "no event of this class,\nor none of another", ha="center")
