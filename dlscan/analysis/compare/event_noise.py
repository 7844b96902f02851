"""How numbers of several networks fluctuate together, because they are judged by the same events."""

import contextlib
import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlscan.analysis.columns.catalog import about_metric, metric_kind
from dlscan.analysis.compare.areas import areas
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.results import Floats, Predictions, predictions
from dlscan.analysis.points.same_events import OtherEventsError, aligned
from dlscan.errors import DlscanError
from dlscan.metrics import event_losses, weight_sum

# scores to rank altogether: some seconds. Of more, events are drawn at random.
MOST_SCORES, LEAST_EVENTS = 20_000_000, 1000
_LOSSES = ("test_loss", "best_val_loss")
_ACCURACIES = ("test_accuracy", "val_kept_accuracy")
_LOG_LOSS = "test_log_loss"


@dataclasses.dataclass(frozen=True)
class EventNoise:
    """The noise that the finite number of events gives to a number of several networks.

    Attributes
    ----------
    covariance : ndarray, shape (N, N)
        In the order of the points.
    apart : int
        Networks of which the interval alone is known. They are taken as independent of the others.
    unknown : int
        Networks of which nothing is known.
    """

    covariance: Floats
    apart: int
    unknown: int


def event_noise(points: Sequence[DonePoint], name: str) -> EventNoise:
    """The noise of the column `name` of a record.

    Each event has an influence on each network's number: of an area that of DeLong, of a mean how far the
    event is from it. Their products add up to the covariance. Networks of other events are independent.

    Parameters
    ----------
    points : sequence of DonePoint
        Finished points.
    name : str
        `val_Mean_AUC`, `test_accuracy` ...
    """
    covariance = np.zeros((len(points), len(points)))
    groups: list[_Group] = []
    apart = unknown = 0
    for number, point in enumerate(points):
        error = point.record.errors.get(name)
        half = None if error is None else sum(error) / 2
        if _add(number, point, name, half, len(points), groups):
            continue
        if half is not None:
            covariance[number, number] = half**2
            apart += 1
        else:
            unknown += 1
    for group in groups:
        numbers, rows = [*group.influences], np.stack([*group.influences.values()])
        covariance[np.ix_(numbers, numbers)] = rows @ rows.T
    return EventNoise(covariance, apart, unknown)


@dataclasses.dataclass(eq=False)
class _Group:
    """Networks of the same events: the first of them, and the influence of each event in its order."""

    reference: DonePoint
    base: Predictions
    influences: dict[int, Floats] = dataclasses.field(default_factory=dict)


def _add(
    number: int, point: DonePoint, name: str, half: float | None, points: int, groups: list[_Group]
) -> bool:
    """Add the influence of each event to the group of these events; False where it cannot be known."""
    if metric_kind(name) != "auc" and name not in (*_LOSSES, *_ACCURACIES, _LOG_LOSS):
        return False
    try:
        scored = predictions(point, about_metric(name).split)
        group, scored = _placed(point, scored, groups)
        some, part = _thinned(scored, points)
        found = _of_number(some, name)
    except DlscanError:
        # whoever draws the scores says so
        return False
    if found is None:
        return False
    # fewer events fluctuate more
    found = found * math.sqrt(part)
    if name in _LOSSES and half is not None and (length := float(np.linalg.norm(found))) > 0:
        # the weights of classes are not on file, which change how large it is
        found = found * (half / length)
    if group not in groups:
        groups.append(group)
    group.influences[number] = found
    return True


def _placed(point: DonePoint, scored: Predictions, groups: Sequence[_Group]) -> tuple[_Group, Predictions]:
    """The group of a point's events, which may be a new one, and its scores in the order of that group."""
    for group in groups:
        with contextlib.suppress(OtherEventsError):
            return group, aligned(point, scored, group.reference, group.base)
    return _Group(point, scored), scored


def _thinned(scored: Predictions, points: int) -> tuple[Predictions, float]:
    """Some of the events, the same ones for all points, if all would take long, and how large a part."""
    most = max(MOST_SCORES // (points * max(len(scored.classes), 1)), LEAST_EVENTS)
    events = len(scored.labels)
    if events <= most:
        return scored, 1.0
    kept = np.sort(np.random.default_rng(1).choice(events, most, replace=False))
    some = dataclasses.replace(
        scored,
        scores=scored.scores[kept],
        labels=scored.labels[kept],
        weights=scored.weights[kept],
        extras={},
        sources=None if scored.sources is None else scored.sources[kept],
        losses=None if scored.losses is None else scored.losses[kept],
        cross_entropies=None if scored.cross_entropies is None else scored.cross_entropies[kept],
    )
    return some, most / events


def _of_number(scored: Predictions, name: str) -> Floats | None:
    """The influence of each event on the number called `name`; None where the number is not defined."""
    weights = scored.weights.astype(np.float64)
    if metric_kind(name) == "auc":
        return next((each.influence for each in areas(scored, [name.removeprefix("val_")]).values()), None)
    if name in _LOSSES:
        losses = weights * _losses(scored, scored.losses)
        return np.asarray(losses - losses.mean()) / len(losses)
    total = weight_sum(weights)
    if total <= 0:
        return None
    if name == _LOG_LOSS:
        values = _losses(scored, scored.entropies)
    else:
        values = (scored.scores.argmax(axis=1) == scored.labels).astype(np.float64)
    return np.asarray(weights * (values - np.sum(weights * values) / total) / total)


def _losses(scored: Predictions, known: NDArray[np.float32] | None) -> Floats:
    """The losses that are `known`, or cross-entropies from scores: files of older versions have no others."""
    return event_losses(scored.scores, scored.labels) if known is None else known.astype(np.float64)
