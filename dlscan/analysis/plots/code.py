"""`code`: where events of each class are in the code of an autoencoder, in two directions."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from dlscan.analysis.labels import called
from dlscan.analysis.plots import Drawing, Options, choice, style
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.results import Floats, Predictions, predictions
from dlscan.errors import ScanError, UsageError

MOST_MODELS = 4
# Events of a class that are drawn: more are one blot.
MOST_EVENTS = 1500


class Plane(NamedTuple):
    """Codes in two directions, (N, 2), what each direction is called, and the events they are of."""

    places: Floats
    names: tuple[str, str]
    kept: Predictions


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """A page for each model."""
    if options.key is not None:
        raise UsageError("code has no --key: it shows the two directions in which codes differ most")
    shown = choice.choose(points, _read, options.most or MOST_MODELS)
    rows = [row for model in shown.models for row in _rows(model)]
    return Drawing("code", [_page(model, shown.note) for model in shown.models], rows, shown.left_out)


def _read(point: DonePoint) -> Plane:
    kept = predictions(point)
    codes = kept.kept["codes"].astype(np.float64)
    if not np.isfinite(codes).all():
        raise ScanError(f"{point.paths.predictions}: some codes are not finite")
    return Plane(*principal(codes), kept)


def principal(codes: Floats) -> tuple[Floats, tuple[str, str]]:
    """Codes (N, K) along the two directions in which they differ most, and what these are called.

    Codes of one or two numbers are shown as they are. The sign of a direction is such that its largest
    component is positive.
    """
    width = codes.shape[1]
    if width <= 2:
        places = np.column_stack([codes, np.zeros((len(codes), 2 - width))])
        return places, ("Code 1", "Code 2" if width == 2 else "")
    centred = codes - codes.mean(axis=0)
    values, axes = np.linalg.eigh(centred.T @ centred)
    values, axes = values[::-1], axes[:, ::-1][:, :2]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), [0, 1]])
    total = float(values.sum()) or 1.0
    first, second = (f"Component {n + 1} ({values[n] / total:.0%} of the variance)" for n in (0, 1))
    return centred @ axes, (first, second)


def _drawn(model: choice.Model[Plane]) -> list[tuple[int, str, Floats]]:
    """The places of the first events of each class."""
    plane = model.content
    return [
        (number, name, plane.places[plane.kept.labels == number][:MOST_EVENTS])
        for number, name in enumerate(plane.kept.classes)
    ]


def _rows(model: choice.Model[Plane]) -> list[dict[str, Any]]:
    own = {"scan": model.point.scan, "point": model.point.record.point, "model": model.name}
    return [
        own | {"class": name, "first": first, "second": second}
        for _, name, places in _drawn(model)
        for first, second in places.tolist()
    ]


def _page(model: choice.Model[Plane], note: str) -> Figure:
    page = style.figure(6.2, 5.6)
    axes = page.subplots()
    for number, name, places in _drawn(model):
        shown = style.short(called(name, model.point.labels))
        look = {"marker": style.marker(number)["marker"], "color": style.color(number)}
        axes.scatter(places[:, 0], places[:, 1], s=7, alpha=0.5, linewidth=0, label=shown, **look)
    first, second = model.content.names
    axes.set_xlabel(first)
    axes.set_ylabel(second)
    axes.legend(markerscale=2.5, fontsize=8)
    axes.set_title(style.label(model.name))
    style.title(page, "Codes of the test split")
    most = max(int((model.content.kept.labels == number).sum()) for number, _, _ in _drawn(model))
    few = f"The first {MOST_EVENTS:,} events of each class." if most > MOST_EVENTS else ""
    style.footnote(page, few, note)
    return page
