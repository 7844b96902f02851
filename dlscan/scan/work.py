"""What is to be done of a scan."""

import contextlib
import dataclasses
from collections.abc import Callable, Collection, Iterable, Sequence

from dlscan.config import BatchOptions, Experiment
from dlscan.dataset import Manifest
from dlscan.errors import DataError
from dlscan.point_state import CRASHED, NEVER_RAN, SETTLED, UNDER_WAY
from dlscan.scan.changes import as_planned
from dlscan.scan.estimate import known_speed
from dlscan.scan.freeze import changed
from dlscan.scan.packs import pack
from dlscan.scan.plan import Plan
from dlscan.scan.resources import find_resources
from dlscan.scan.sources import at_planned_paths, with_sources
from dlscan.scan.space import Point, extended
from dlscan.scan.status import PointStatus, scan_status
from dlscan.scan.submit import Say
from dlscan.spelling import counted


@dataclasses.dataclass(frozen=True)
class Work:
    """What is to be done of a scan.

    Attributes
    ----------
    statuses : list of PointStatus
        Of every point of the plan.
    packs : list of tuple of Point
        The points to train, by jobs.
    """

    statuses: list[PointStatus]
    packs: list[tuple[Point, ...]]

    @property
    def points(self) -> list[Point]:
        """The points to train, in order."""
        return sorted((point for points in self.packs for point in points), key=lambda point: point.number)

    @property
    def done(self) -> int:
        """How many points are done."""
        return sum(status.state == "done" for status in self.statuses)

    @property
    def under_way(self) -> list[PointStatus]:
        """The points that are queued or running."""
        return [status for status in self.statuses if status.state in UNDER_WAY]

    @property
    def left_out(self) -> list[PointStatus]:
        """The points that crashed too often to be tried again."""
        wanted = {point.number for point in self.points}
        return [s for s in self.statuses if s.state not in SETTLED and s.point.number not in wanted]


def draft(experiment: Experiment, extend: bool = False, narrow: bool = False) -> tuple[Plan, Manifest | None]:
    """The plan of an experiment as it would be frozen, and its dataset if it is prepared; writes nothing.

    Raises
    ------
    ScanError
        If there is a plan, and it was made from another experiment than `extend` allows.
    """
    manifest: Manifest | None = None
    with contextlib.suppress(DataError):
        manifest = Manifest.of(experiment)
    if not (experiment.directory / "plan.json").exists():
        return Plan.of(experiment), manifest
    frozen = Plan.read(experiment.directory)
    experiment = at_planned_paths(frozen, experiment)
    frozen = with_sources(frozen, experiment)
    experiment = as_planned(frozen, experiment)
    if not changed(frozen, experiment, None if manifest is None else manifest.config_hash, extend, narrow):
        return frozen, manifest
    return Plan.of(experiment, extended(frozen.points, experiment)), manifest


def find_work(
    plan: Plan,
    batch: BatchOptions,
    manifest: Manifest | None,
    say: Say,
    retry: Collection[str] = (),
    rehearse: Callable[[Plan, Sequence[Point]], object] = lambda plan, points: None,
    without: Collection[int] = (),
) -> Work:
    """Find what is to be done of a scan: all that is neither done nor queued nor running.

    Parameters
    ----------
    plan : Plan
        Of the scan; it need not be on disk.
    batch : BatchOptions
        Where and how it runs.
    manifest : Manifest or None
        Of its dataset, by which packs are balanced.
    say : callable
        Gets a line for each batch system that does not answer.
    retry : collection of str
        States whose points are tried again however often they crashed.
    rehearse : callable
        Gets the plan and the points before they are packed, to measure what packs are made by.
    without : collection of int
        Numbers of points that are left out.
    """
    statuses = scan_status(plan, say=say)
    again = [one for one in to_submit(statuses, batch, retry) if one.point.number not in without]
    points: Sequence[Point] = [status.point for status in again]
    if not points:
        return Work(statuses, [])
    refused = [status for status in again if status.error.startswith(NEVER_RAN)]
    if refused:
        example = f"{refused[0].point.directory}: {refused[0].error}"
        say(f"Warning: {counted(len(refused), 'point')} whose last job could not run, such as {example}")
    rehearse(plan, points)
    known = None
    if batch.models_per_job == "auto":
        known = known_speed(plan, manifest, find_resources(batch))
    return Work(statuses, pack(plan, points, batch, manifest, known[0] if known else None))


def to_submit(
    statuses: Iterable[PointStatus], batch: BatchOptions, retry: Collection[str] = ()
) -> list[PointStatus]:
    """The points to submit: all that are not done, queued or running, nor crash again and again.

    Parameters
    ----------
    statuses : iterable of PointStatus
        Of a scan.
    batch : BatchOptions
        A point that crashed more than `retries` times is left out.
    retry : collection of str
        States whose points are submitted however often they crashed.
    """
    open_states = [status for status in statuses if status.state not in SETTLED]
    return [
        status
        for status in open_states
        if status.state not in CRASHED or status.crashes <= batch.retries or status.state in retry
    ]
