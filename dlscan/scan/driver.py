"""Run what is not done of a scan on this machine."""

import dataclasses
import sys
from collections.abc import Callable, Iterable

from dlscan.attempts import begin_attempt, end_attempt, last_attempt
from dlscan.batch import Ended, Job, LocalSlots
from dlscan.config import Experiment
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
    ended = 0
    for event in LocalSlots(experiment.batch).run(list(jobs)):
        if isinstance(event, Ended):
            ended += 1
            point = jobs[event.job]
            _note_end(plan, point, event)
            report(Report(point_status(plan, point), ended, len(points)))
    return scan_status(plan)


def _note_end(plan: Plan, point: Point, end: Ended) -> None:
    """Write down the end of a job that could not do so itself."""
    if end.code == 0:
        return
    paths = plan.paths(point)
    attempt = last_attempt(paths)
    if attempt is None or attempt.outcome == "done":
        attempt = begin_attempt(paths)  # it died before it began: a wrong argument, no back end
    if attempt.outcome is None:
        end_attempt(paths, attempt, "failed", _last_words(end))


def _last_words(end: Ended) -> str:
    if end.code < 0:
        return f"killed by signal {-end.code}{' (out of memory?)' if end.code == -9 else ''}"
    lines = end.job.log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line for line in reversed(lines) if line.strip()), f"exit code {end.code}")
