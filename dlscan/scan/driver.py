"""Run what is not done of a scan on this machine."""

import contextlib
import dataclasses
import sys
from collections.abc import Callable, Iterable

from dlscan.attempts import begin_attempt, count_attempts, end_attempt, last_attempt
from dlscan.batch import Ended, Job, LocalSlots
from dlscan.config import Experiment
from dlscan.files import is_locked
from dlscan.scan.plan import Plan
from dlscan.scan.space import Point
from dlscan.scan.status import PointStatus, point_status, scan_status


@dataclasses.dataclass(frozen=True)
class Report:
    """What became of a point in this run: its state now, and how many points of the run have ended."""

    status: PointStatus
    ended: int
    total: int


def unfinished_points(plan: Plan) -> list[Point]:
    """The points that are neither done nor being trained by somebody."""
    return [status.point for status in scan_status(plan) if status.state not in ("done", "running")]


def local_slots(experiment: Experiment, points: int) -> int:
    """How many of `points` this machine trains at a time."""
    return min(len(LocalSlots(experiment.batch).slots), points)


def job_for(plan: Plan, points: Iterable[Point]) -> Job:
    """The job that trains `points`: a command that a person can run too."""
    points = list(points)
    numbers = [str(point.number) for point in points]
    command = (sys.executable, "-m", "dlscan", "train", str(plan.directory), "--point", *numbers)
    return Job(" ".join(numbers), command, plan.paths(points[0]).log)


def run_local(
    experiment: Experiment, plan: Plan, points: list[Point], report: Callable[[Report], None]
) -> list[PointStatus]:
    """Train `points` in processes of this machine, as many at a time as it has room for.

    A point that fails does not stop the others. Stopped by an interrupt, the points that ran keep their
    finished epochs.

    Returns
    -------
    list of PointStatus
        Of every point of the plan, in the end.
    """
    jobs = {job_for(plan, [point]): point for point in points}
    before: dict[Job, int] = {}
    ended = 0
    # closed at once when an interrupt comes, so that jobs are stopped before anything else happens
    with contextlib.closing(LocalSlots(experiment.batch).run(list(jobs))) as events:
        for event in events:
            if isinstance(event, Ended):
                ended += 1
                point = jobs[event.job]
                _note_end(plan, point, event, before[event.job])
                report(Report(point_status(plan, point), ended, len(points)))
            else:
                before[event] = count_attempts(plan.paths(jobs[event]))
    return scan_status(plan)


def _note_end(plan: Plan, point: Point, end: Ended, attempts_before: int) -> None:
    """Write down the end of a job that could not do so itself."""
    paths = plan.paths(point)
    if end.code == 0 or is_locked(paths.lock):
        return  # all is well, or somebody else trains the point: the attempt on file is theirs
    if count_attempts(paths) == attempts_before:
        attempt = begin_attempt(paths)  # it died before it began: no memory to import, no experiment file
    else:
        last = last_attempt(paths)
        if last is None or last.outcome is not None:
            return
        attempt = last
    end_attempt(paths, attempt, "failed", _last_words(end))


def _last_words(end: Ended) -> str:
    if end.code < 0:
        return f"killed by signal {-end.code}{' (out of memory?)' if end.code == -9 else ''}"
    lines = end.job.log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line for line in reversed(lines) if line.strip()), f"exit code {end.code}")
