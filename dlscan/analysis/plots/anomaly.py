"""`anomaly`: how far events of each class are off their reconstruction, and how well that tells anomalies."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from dlscan.analysis.labels import Marked, called
from dlscan.analysis.plots import Drawing, Options, choice, style
from dlscan.analysis.plots.events import bin_count
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.results import Floats, Predictions, predictions
from dlscan.errors import ScanError, UsageError
from dlscan.metrics import anomaly_area, is_normal, roc_curve

MOST_MODELS = 4
BINS = 40
# Of an event, what the axis says of it, and what the file is called.
KEYS = {
    "errors": "Mean squared error of the reconstruction",
    "distances": "Distance of the code from those of training",
}


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """A page for each model: the distribution of each class, and the ROC curve of each anomaly."""
    key = (options.key or "errors").casefold()
    if key not in KEYS:
        raise UsageError(f"anomaly draws --key {' or '.join(KEYS)}, got {options.key!r}")
    bins = bin_count(options.bins, BINS)

    def read(point: DonePoint) -> Predictions:
        kept = predictions(point)
        if not (np.isfinite(kept.kept[key]) & (kept.kept[key] >= 0)).all():
            raise ScanError(f"{point.paths.predictions}: some {key} are not finite")
        return kept

    shown = choice.choose(points, read, options.most or MOST_MODELS)
    pages, rows = [], []
    for model in shown.models:
        page, own = _page(model, key, bins, shown.note)
        pages.append(page)
        rows += own
    return Drawing("anomaly" if key == "errors" else f"anomaly-{key}", pages, rows, shown.left_out)


def _page(
    model: choice.Model[Predictions], key: str, bins: int, note: str
) -> tuple[Figure, list[dict[str, Any]]]:
    kept = model.content
    (task,) = (each for each in kept.metrics if each.kind == "reconstruct")
    anomalies = task.names
    page = style.figure(10.4 if anomalies else 5.6, 4.6)
    panels = page.subplots(1, 2 if anomalies else 1, squeeze=False)[0]
    rows = _densities(panels[0], model, key, bins)
    if anomalies:
        rows += _curves(panels[1], model, key)
    panels[0].set_title(style.label(model.name))
    style.title(page, "Anomalies on the test split" if anomalies else "Reconstruction of the test split")
    train_on = [name for name in kept.classes if name not in anomalies]
    seen = ", ".join(style.short(called(name, model.point.labels)) for name in train_on)
    style.footnote(
        page,
        Marked(
            f"Trained on {seen}; all other classes are anomalies." if anomalies else f"Trained on {seen}."
        ),
        "Bands: statistical uncertainty (68 %).",
        note,
    )
    return page, rows


def _own(model: choice.Model[Predictions], curve: str, name: str) -> dict[str, Any]:
    record = model.point.record
    return {
        "scan": model.point.scan,
        "point": record.point,
        "model": model.name,
        "curve": curve,
        "class": name,
    }


def _densities(axes: Axes, model: choice.Model[Predictions], key: str, bins: int) -> list[dict[str, Any]]:
    kept, rows = model.content, []
    values = kept.kept[key].astype(np.float64)
    edges = _edges(values, bins)
    for number, name in enumerate(kept.classes):
        here = kept.labels == number
        weights = kept.weights[here].astype(np.float64)
        if not here.any() or weights.sum() <= 0:
            continue
        sums, _ = np.histogram(values[here].clip(edges[0], edges[-1]), edges, weights=weights)
        squares, _ = np.histogram(values[here].clip(edges[0], edges[-1]), edges, weights=weights**2)
        share, error = sums / weights.sum(), np.sqrt(squares) / weights.sum()
        look = style.line(number)
        shown = style.short(called(name, model.point.labels))
        axes.stairs(share, edges, label=shown, **look)
        axes.stairs(share + error, edges, baseline=share - error, fill=True, color=look["color"], alpha=0.2)
        rows += [
            _own(model, "distribution", name) | {"low": low, "high": high, "share": part, "error": half}
            for low, high, part, half in zip(
                *(each.tolist() for each in (edges[:-1], edges[1:], share, error)), strict=True
            )
        ]
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(bottom=0)
    axes.set_xlabel(KEYS[key])
    axes.set_ylabel("Fraction of events")
    axes.legend(fontsize=8)
    return rows


def _edges(values: Floats, bins: int) -> Floats:
    """Of equal width in the logarithm; the outermost hold the tails."""
    there = values[values > 0]
    if not len(there):
        return np.geomspace(0.1, 1.0, bins + 1)
    low, high = np.quantile(there, [0.001, 0.999])
    return np.geomspace(low, max(high, low * 1.01), bins + 1)


def _curves(axes: Axes, model: choice.Model[Predictions], key: str) -> list[dict[str, Any]]:
    kept, rows = model.content, []
    (task,) = (each for each in kept.metrics if each.kind == "reconstruct")
    values, weights = kept.kept[key].astype(np.float64), kept.weights.astype(np.float64)
    train_on = [name for name in kept.classes if name not in task.names]
    normal = is_normal(kept.labels, kept.classes, train_on)
    for name in task.names:
        number = kept.classes.index(name)
        found = anomaly_area(values, kept.labels, number, normal, weights)
        if found is None:
            continue
        ours = normal | (kept.labels == number)
        signal, background, _ = roc_curve(values[ours], kept.labels[ours] == number, weights[ours])
        estimate = found.estimate
        shown = style.short(called(name, model.point.labels))
        text = f"{shown}: AUC {estimate.value:.3f} -{estimate.down:.3f} +{estimate.up:.3f}"
        axes.plot(background, signal, label=text, **style.line(number))
        rows += [
            _own(model, "roc", name) | {"normal": x, "anomaly": y}
            for x, y in zip(background.tolist(), signal.tolist(), strict=True)
        ]
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=0.9, linestyle=(0, (4, 2)))
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("Fraction of normal events above the cut")
    axes.set_ylabel("Fraction of anomalies above the cut")
    axes.legend(loc="lower right", fontsize=8)
    return rows
