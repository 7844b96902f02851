"""A scan as a whole: how many points are in which state, and what is left."""

import dataclasses
import math
import statistics
from collections import Counter
from collections.abc import Sequence

from dlscan.point_state import CRASHED, OVER, STATES
from dlscan.scan.status import PointStatus


@dataclasses.dataclass(frozen=True)
class Totals:
    """A scan as a whole.

    Attributes
    ----------
    counts : dict of str to int
        Points by state, in the order of `STATES`; states without points are left out.
    epochs, epochs_wanted : int
        Sums over the points; a point that is done or pruned wants no more than it has.
    seconds_left : float or None
        Of training, at most, all jobs one after the other: what the points of a pack need together counts
        once. A point that has no epoch yet is taken to need what the others need. None if nothing is known of
        any.
    running, jobs : int
        Points that run now, and the jobs that they run in.
    events_per_second, model_events_per_second : float
        Of their streams, and of their networks: a stream of K points feeds K networks.
    """

    counts: dict[str, int]
    epochs: int
    epochs_wanted: int
    seconds_left: float | None
    running: int
    jobs: int
    events_per_second: float
    model_events_per_second: float

    @property
    def failed(self) -> int:
        """Points that failed, ran out of memory or diverged."""
        return sum(self.counts.get(state, 0) for state in CRASHED)


def totals(statuses: Sequence[PointStatus]) -> Totals:
    """Add up the states of points."""
    found = Counter(status.state for status in statuses)
    wanted = [item.epochs if item.state in OVER else item.epochs_wanted for item in statuses]
    own = [
        None if item.seconds_per_epoch is None else item.seconds_per_epoch / item.sharing for item in statuses
    ]
    paces = [pace for pace in own if pace is not None]
    left = None
    if paces:
        usual = statistics.median(paces)
        missing = [
            (max(0, epochs - item.epochs), pace)
            for item, epochs, pace in zip(statuses, wanted, own, strict=True)
        ]
        left = sum(epochs * (usual if pace is None else pace) for epochs, pace in missing)
    rates = [(item.events_per_second or 0.0, item.pack) for item in statuses if item.state == "running"]
    return Totals(
        {state: found[state] for state in STATES if found[state]},
        sum(item.epochs for item in statuses),
        sum(wanted),
        left,
        found["running"],
        math.ceil(sum(1 / item.pack for item in statuses if item.state == "running") - 1e-9),
        sum(rate / pack for rate, pack in rates),
        sum(rate for rate, _ in rates),
    )
