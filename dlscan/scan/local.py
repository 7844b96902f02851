"""Train points in processes of this machine."""

import contextlib
import dataclasses
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dlscan.attempts import last_attempt, last_number
from dlscan.batch import Ended, Job, LocalSlots
from dlscan.claims import note_end
from dlscan.config import Batch
from dlscan.errors import DlscanError
from dlscan.files import write_text
from dlscan.process import identity, lives
from dlscan.scan.plan import Plan
from dlscan.scan.space import Point
from dlscan.scan.status import PointStatus, point_status, scan_status


@dataclasses.dataclass(frozen=True)
class Report:
    """What became of a point in this run: its state now, and how many points of the run have ended."""

    status: PointStatus
    ended: int
    total: int


def local_slots(batch: Batch, jobs: int) -> int:
    """How many of `jobs` this machine runs at a time."""
    return min(len(LocalSlots(batch).slots), jobs)


def job_for(plan: Plan, points: Sequence[Point]) -> Job:
    """The job that trains `points`: a command that a person can run too."""
    numbers = tuple(point.number for point in points)
    words = tuple(map(str, numbers))
    command = (sys.executable, "-m", "dlscan", "train", str(plan.directory), "--point", *words)
    return Job(" ".join(words), command, plan.paths(points[0]).log, numbers)


def run_local(
    plan: Plan, packs: Sequence[tuple[Point, ...]], batch: Batch, report: Callable[[Report], None]
) -> list[PointStatus]:
    """Train points in processes of this machine, as many at a time as it has room for.

    A point that fails does not stop the others. Stopped by an interrupt, the points that ran keep their
    finished epochs.

    Parameters
    ----------
    plan : Plan
        Of the scan.
    packs : sequence of tuple of Point
        The points of each process.
    batch : Batch
        What each process may use.
    report : callable
        Gets what became of each point.

    Returns
    -------
    list of PointStatus
        Of every point of the plan, in the end.
    """
    jobs = [job_for(plan, points) for points in packs]
    before: dict[Job, dict[int, int]] = {}
    ended, total = 0, sum(map(len, packs))
    # closed at once when an interrupt comes, so that jobs are stopped before anything else happens
    with _known_driver(plan), contextlib.closing(LocalSlots(batch).run(jobs)) as events:
        for event in events:
            if not isinstance(event, Ended):
                before[event] = {number: _attempts(plan, number) for number in event.points}
                continue
            for number in event.job.points:
                ended += 1
                _note_end(plan, plan.point(number), event, before[event.job][number])
                report(Report(point_status(plan, plan.point(number)), ended, total))
    return scan_status(plan)


def _attempts(plan: Plan, number: int) -> int:
    return last_number(plan.paths(plan.point(number)))


def _note_end(plan: Plan, point: Point, end: Ended, attempts_before: int) -> None:
    """Write down the end of a job that could not do so itself."""
    paths = plan.paths(point)
    if end.code == 0 or paths.record.exists():
        return
    if last_number(paths) > attempts_before:
        with contextlib.suppress(DlscanError):  # a damaged attempt is the state of this point
            attempt = last_attempt(paths)
            if attempt is not None and attempt.outcome is not None:
                return
    # without an attempt it died before it began: no memory to import, no experiment file
    note_end(paths, "failed", _last_words(end))


def _last_words(end: Ended) -> str:
    if end.code < 0:
        return f"killed by signal {-end.code}{' (out of memory?)' if end.code == -9 else ''}"
    lines = end.job.log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line for line in reversed(lines) if line.strip()), f"exit code {end.code}")


@contextlib.contextmanager
def _known_driver(plan: Plan) -> Iterator[None]:
    """Let `cancel` find this process as long as it starts jobs."""
    file = _drivers(plan) / f"{socket.gethostname()}-{os.getpid()}"
    file.parent.mkdir(exist_ok=True)
    write_text(file, f"{identity() or ''}\n")
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def stop_drivers(plan: Plan, say: Callable[[str], None]) -> None:
    """Ask every `scan` that trains points of a plan on this machine to stop, jobs and all."""
    for file in sorted(_drivers(plan).glob("*-*")):
        who = file.read_text(encoding="utf-8").strip()
        host, _, pid = file.name.rpartition("-")
        living = lives(who) if who else None
        if living:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGTERM)
        elif living is None:
            say(f"a `dlscan scan` runs on {host}: stop process {pid} there, it starts jobs of its own")
        else:
            file.unlink(missing_ok=True)  # it was killed


def _drivers(plan: Plan) -> Path:
    return plan.directory / "drivers"
