"""How numbers of several networks fluctuate together, because they are judged by the same events."""

import contextlib
import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np

from dlscan.analysis.columns.catalog import describe
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.results import SPLITS, Floats, Predictions, predictions
from dlscan.analysis.points.same_events import OtherEventsError, aligned
from dlscan.analysis.points.tasks import metrics_of
from dlscan.errors import DlscanError
from dlscan.many import ahead

# scores to rank altogether: some seconds. Of more, events are drawn at random.
MOST_SCORES, LEAST_EVENTS = 20_000_000, 1000
_LOSSES = ("test_loss", "best_val_loss")


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
    contents = ahead(functools.partial(_content, name), points)
    for number, (point, content) in enumerate(zip(points, contents, strict=True)):
        error = point.record.errors.get(name)
        half = None if error is None else sum(error) / 2
        if content is not None and _add(number, point, content, name, half, len(points), groups):
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


def _split(name: str, point: DonePoint) -> str:
    return describe(name, metrics_of([point])).about.split


def _content(name: str, point: DonePoint) -> bytes | None:
    """The file of a point's scores; None if it has none that tell of this number."""
    if _split(name, point) not in SPLITS:
        return None
    try:
        return point.paths.predictions.read_bytes()
    except OSError:
        return None


def _add(
    number: int,
    point: DonePoint,
    content: bytes,
    name: str,
    half: float | None,
    points: int,
    groups: list[_Group],
) -> bool:
    """Add the influence of each event to the group of these events; False where it cannot be known."""
    try:
        scored = predictions(point, _split(name, point), content)
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
    events = len(scored)
    most = max(MOST_SCORES // (points * max(scored.size // max(events, 1), 1)), LEAST_EVENTS)
    if events <= most:
        return scored, 1.0
    kept = np.sort(np.random.default_rng(1).choice(events, most, replace=False))
    return scored.take(kept), most / events


def _of_number(scored: Predictions, name: str) -> Floats | None:
    """The influence of each event on the number called `name`; None where the number is not defined."""
    if name not in _LOSSES:
        found = scored.influenced(name.removeprefix("val_"))
        return None if found is None else found.influence
    losses = scored.event_losses
    if losses is None:
        return None
    weighed = scored.weights.astype(np.float64) * losses
    return np.asarray(weighed - weighed.mean()) / len(weighed)
