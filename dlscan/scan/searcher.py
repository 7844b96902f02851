"""The search of a scan, as a driver or a job asks it for points."""

from collections.abc import Sequence

from dlscan.config import BatchOptions, Experiment
from dlscan.dataset import Manifest
from dlscan.point_state import CRASHED, OVER
from dlscan.scan.growth import Grown, grow, in_flight, pack_of
from dlscan.scan.objective import targets_of
from dlscan.scan.plan import Plan
from dlscan.scan.resources import find_resources
from dlscan.scan.space import Point
from dlscan.scan.status import PointStatus
from dlscan.search.space import Trial


class Searcher:
    """Asks the search of a scan for points.

    Parameters
    ----------
    plan : Plan
        Of the scan, which has a search.
    experiment : Experiment
        That of the plan, with how its points run now.
    batch : BatchOptions
        How they run.
    manifest : Manifest
        Of the dataset.
    stays : bool
        Whether somebody will ask again when points are done: this process, or the jobs.

    Attributes
    ----------
    plan : Plan
        As it was after the last question.
    over : bool
        Whether there will be no more points.

    Raises
    ------
    ConfigError
        If what is to become good is no number to search by.
    """

    def __init__(
        self, plan: Plan, experiment: Experiment, batch: BatchOptions, manifest: Manifest, stays: bool
    ) -> None:
        self.plan, self.over = plan, False
        self._experiment, self._batch = experiment, batch
        self._targets = targets_of(plan.experiment, manifest.classes)
        self._stays = stays

    @classmethod
    def of(
        cls, plan: Plan, experiment: Experiment, batch: BatchOptions, manifest: Manifest, stays: bool
    ) -> "Searcher | None":
        """That of a plan; None where all points were listed from the start."""
        if plan.experiment.scan.search is None:
            return None
        return cls(plan, experiment, batch, manifest, stays)

    def fill(self) -> list[Point]:
        """As many new points as there is room for, beside those that wait or run."""
        at_once = self._at_once

        def room(known: Sequence[Trial]) -> int:
            return at_once - sum(trial.state == "running" for trial in known)

        return self._grown(grow(self.plan, self._experiment, self._targets, self._batch, room))

    def more(self, points: int | None = None, jobs: int = 1) -> list[Point]:
        """New points: so many, or as many as so many jobs train together."""
        wanted = jobs * pack_of(self._batch) if points is None else points
        many = max(1, wanted // self.plan.trainings)
        return self._grown(grow(self.plan, self._experiment, self._targets, self._batch, lambda _: many))

    def has_room(self, statuses: Sequence[PointStatus]) -> bool:
        """Whether it is worth asking for more, with these states of the points: a job could start."""
        idle = (*OVER, *CRASHED, "paused")
        busy = sum(status.state not in idle for status in statuses)
        pack = max(1, pack_of(self._batch) // self.plan.trainings)
        return not self.over and busy // self.plan.trainings + pack <= max(self._at_once, pack)

    @property
    def _at_once(self) -> int:
        slots = find_resources(self._batch).slots
        return in_flight(self.plan, self._batch, slots, not self._stays)

    def _grown(self, grown: Grown) -> list[Point]:
        self.plan, self.over = grown.plan, grown.state == "stop"
        return grown.points
