"""Train points in processes of this machine."""

import contextlib
import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from dlscan.attempts import last_attempt
from dlscan.batch import Job, LocalSlots, train_command
from dlscan.batch.ends import attempts_before, note_ends
from dlscan.config import BatchOptions
from dlscan.errors import DlscanError
from dlscan.record import PointPaths
from dlscan.scan.halving import rungs
from dlscan.scan.plan import Plan
from dlscan.scan.poll_timer import PollTimer
from dlscan.scan.processes import Others, known_driver
from dlscan.scan.space import Point
from dlscan.scan.status import PointStatus, point_status, scan_status, statuses_by_files


@dataclasses.dataclass(frozen=True)
class PointEnded:
    """What became of a point in this run.

    Attributes
    ----------
    status : PointStatus
        Its state now.
    ended, total : int
        How many points of the run have ended, and how many there are.
    paused : bool
        It waits at a rung of `scan.halving`, or did until now: it may go on in another job.
    """

    status: PointStatus
    ended: int
    total: int
    paused: bool = False


def local_slots(batch: BatchOptions, jobs: int) -> int:
    """How many of `jobs` this machine runs at a time."""
    return min(LocalSlots(batch).slots, jobs)


def job_for(plan: Plan, points: Sequence[Point]) -> Job:
    """The job that trains `points`: a command that a person can run too."""
    numbers = tuple(point.number for point in points)
    name = " ".join(map(str, numbers))
    return Job(name, train_command(plan.directory, numbers), plan.paths(points[0]).log, numbers)


class TrainingListener(Protocol):
    """Who is told how a scan on this machine goes on."""

    def line(self, text: str) -> None:
        """Take note of something."""

    def ended(self, point: PointEnded) -> None:
        """Take note of what became of a point."""

    def continued(self, status: PointStatus) -> None:
        """Take note of a point that another job than the one that it began in trains on from a rung."""

    def under_way(self, states: Sequence[PointStatus]) -> None:
        """Take note, every few seconds, of how far the points of this run are."""


class _Ends:
    """Tells a listener which points of a run end, and which go on from a rung in the job of others."""

    def __init__(self, listener: TrainingListener, points: Iterable[Point]) -> None:
        self._listener, self._ended = listener, 0
        self.points = {point.number: point for point in points}
        # epochs of those that have paused; those that train on since
        self._paused: dict[int, int] = {}
        self._going: set[int] = set()

    @property
    def open(self) -> list[Point]:
        """The points that have paused, or that others train on."""
        return [self.points[number] for number in (*self._paused, *self._going)]

    def add(self, points: Iterable[Point]) -> None:
        """More points, or such that have paused and begin again in a job of their own."""
        for point in points:
            self.points[point.number] = point
            if self._paused.pop(point.number, None) is not None:
                self._ended -= 1

    def end(self, plan: Plan, status: PointStatus) -> None:
        """Tell what became of a point whose job has ended, or of one that has paused before."""
        number = status.point.number
        if status.state == "running" and status.epochs >= min(rungs(plan), default=math.inf):
            self._going.add(number)
            self._listener.continued(status)
            return
        paused = status.state == "paused"
        if status.state == "pending":
            attempt = last_attempt(plan.paths(status.point))
            paused = attempt is not None and attempt.outcome == "paused"
        if paused:
            self._paused[number] = status.epochs
        self._ended += 1
        self._listener.ended(PointEnded(status, self._ended, len(self.points), paused))

    def look(self, plan: Plan, statuses: Iterable[PointStatus]) -> None:
        """Tell what has changed of points that have paused, as their states are now."""
        for status in statuses:
            number = status.point.number
            if number in self._going and status.state != "running":
                self._going.remove(number)
                self.end(plan, status)
            elif number in self._paused and not self._waits(status):
                del self._paused[number]
                self._ended -= 1
                self.end(plan, status)

    def _waits(self, status: PointStatus) -> bool:
        waits = status.state in ("paused", "pending", "pruned")
        return waits and status.epochs == self._paused[status.point.number]


# For so many jobs that could start, the plan as it is then, and the points of each.
More = Callable[[int], tuple[Plan, Sequence[tuple[Point, ...]]]]


def run_local(
    plan: Plan,
    packs: Sequence[tuple[Point, ...]],
    batch: BatchOptions,
    listener: TrainingListener,
    more: More | None = None,
) -> list[PointStatus]:
    """Train points in processes of this machine, as many at a time as it has room for.

    Trainings of the scan that are there already, as when an earlier driver was killed, take slots too. A
    point that fails does not stop the others. Stopped by an interrupt, the points that ran keep their
    finished epochs.

    Parameters
    ----------
    plan : Plan
        Of the scan.
    packs : sequence of tuple of Point
        The points of each process.
    batch : BatchOptions
        What each process may use.
    listener : TrainingListener
        Gets what became of each point, and how far they are.
    more : callable, optional
        Of a search, asked for more when a process could start: whenever one has ended, and now and then.

    Returns
    -------
    list of PointStatus
        Of every point of the plan, in the end.
    """
    jobs = [job_for(plan, points) for points in packs]
    before: dict[Job, dict[PointPaths, int]] = {}
    ends = _Ends(listener, itertools.chain(*packs))
    slots, asking, ended, asked = LocalSlots(batch), PollTimer(), 0, -1

    def further(free: int) -> list[Job]:
        nonlocal plan, asked
        if more is None or (asked == ended and not asking.due):
            return []
        asked = ended
        with asking.looking():
            plan, packs = more(free)
        others.plan = plan
        ends.add(itertools.chain(*packs))
        return [job_for(plan, points) for points in packs]

    others = Others(plan, slots.slots, listener.line)
    timer = PollTimer()
    # closed at once when an interrupt comes, so that jobs are stopped before anything else happens
    events_of = slots.run(jobs, others, None if more is None else further)
    with known_driver(plan), contextlib.closing(events_of) as events:
        for event in events:
            if event is None:
                if timer.due:
                    # how far they are is worth no training: a file server may be away for a moment
                    with timer.looking(), contextlib.suppress(DlscanError, OSError):
                        statuses = statuses_by_files(plan, list(ends.points.values()))
                        ends.look(plan, statuses)
                        listener.under_way(statuses)
            elif isinstance(event, Job):
                points = [plan.paths(plan.point(number)) for number in event.points]
                before[event] = attempts_before(points)
            else:
                note_ends(before[event.job], event.code, event.job.log)
                for number in event.job.points:
                    ended += 1
                    try:
                        ends.end(plan, point_status(plan, plan.point(number)))
                    except (DlscanError, OSError) as error:  # the others train on
                        listener.line(f"point {number} ended, and its state cannot be read: {error}")
                if ends.open:
                    # the job may have trained them on
                    with contextlib.suppress(DlscanError, OSError):
                        ends.look(plan, statuses_by_files(plan, ends.open))
    return scan_status(plan)
