"""Train points in processes of this machine."""

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol

from dlscan.batch import Job, LocalSlots, train_command
from dlscan.batch.ends import attempts_before, note_ends
from dlscan.config import BatchOptions
from dlscan.errors import DlscanError
from dlscan.record import PointPaths
from dlscan.scan.plan import Plan
from dlscan.scan.poll_timer import PollTimer
from dlscan.scan.processes import Others, known_driver
from dlscan.scan.space import Point
from dlscan.scan.status import PointStatus, point_status, scan_status, statuses_by_files


@dataclasses.dataclass(frozen=True)
class PointEnded:
    """What became of a point in this run: its state now, and how many points of the run have ended."""

    status: PointStatus
    ended: int
    total: int


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

    def under_way(self, states: Sequence[PointStatus]) -> None:
        """Take note, every few seconds, of how far the points of this run are."""


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
    ended, total = 0, sum(map(len, packs))
    slots, asking, asked = LocalSlots(batch), PollTimer(), -1

    def further(free: int) -> list[Job]:
        nonlocal plan, total, asked
        if more is None or (asked == ended and not asking.due):
            return []
        asked = ended
        with asking.looking():
            plan, packs = more(free)
        others.plan = plan
        trained.extend(point for points in packs for point in points)
        total = len(trained)
        return [job_for(plan, points) for points in packs]

    others = Others(plan, slots.slots, listener.line)
    trained = [point for points in packs for point in points]
    timer = PollTimer()
    # closed at once when an interrupt comes, so that jobs are stopped before anything else happens
    events_of = slots.run(jobs, others, None if more is None else further)
    with known_driver(plan), contextlib.closing(events_of) as events:
        for event in events:
            if event is None:
                if timer.due:
                    # how far they are is worth no training: a file server may be away for a moment
                    with timer.looking(), contextlib.suppress(DlscanError, OSError):
                        listener.under_way(statuses_by_files(plan, trained))
            elif isinstance(event, Job):
                points = [plan.paths(plan.point(number)) for number in event.points]
                before[event] = attempts_before(points)
            else:
                note_ends(before[event.job], event.code, event.job.log)
                for number in event.job.points:
                    ended += 1
                    try:
                        listener.ended(PointEnded(point_status(plan, plan.point(number)), ended, total))
                    except (DlscanError, OSError) as error:  # the others train on
                        listener.line(f"point {number} ended, and its state cannot be read: {error}")
    return scan_status(plan)
