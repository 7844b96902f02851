"""Train points in processes of this machine."""

import contextlib
import dataclasses
import os
import signal
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dlscan.batch import Ended, Job, LocalSlots, train_command
from dlscan.batch.ends import attempts_before, note_ends
from dlscan.config import Batch
from dlscan.files import write_text
from dlscan.process import identity, lives
from dlscan.record import PointPaths
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
    return min(LocalSlots(batch).slots, jobs)


def job_for(plan: Plan, points: Sequence[Point]) -> Job:
    """The job that trains `points`: a command that a person can run too."""
    numbers = tuple(point.number for point in points)
    name = " ".join(map(str, numbers))
    return Job(name, train_command(plan.directory, numbers), plan.paths(points[0]).log, numbers)


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
    before: dict[Job, dict[PointPaths, int]] = {}
    ended, total = 0, sum(map(len, packs))
    # closed at once when an interrupt comes, so that jobs are stopped before anything else happens
    with _known_driver(plan), contextlib.closing(LocalSlots(batch).run(jobs)) as events:
        for event in events:
            if not isinstance(event, Ended):
                points = [plan.paths(plan.point(number)) for number in event.points]
                before[event] = attempts_before(points)
                continue
            note_ends(before[event.job], event.code, event.job.log)
            for number in event.job.points:
                ended += 1
                report(Report(point_status(plan, plan.point(number)), ended, total))
    return scan_status(plan)


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


def parent(pid: int) -> int | None:
    """The parent of a process, None if it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # the name in the second field may hold spaces and parentheses
    return int(text.rpartition(")")[2].split()[1])


def ask_to_stop(pid: int) -> bool:
    """Send SIGTERM to a process; False if it is another user's."""
    try:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    except PermissionError:
        return False
    return True


def stop_drivers(plan: Plan, say: Callable[[str], None]) -> set[int]:
    """Ask every `scan` that trains points of a plan on this machine to stop, jobs and all; their numbers."""
    stopped = set()
    for file in sorted(_drivers(plan).glob("[!.]*-*")):
        try:
            who = file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            continue  # it has just ended
        host, _, pid = file.name.rpartition("-")
        living = lives(who) if who else None
        if living and ask_to_stop(int(pid)):
            stopped.add(int(pid))
        elif living is not False:
            say(f"a `dlscan scan` runs on {host}: stop process {pid} there, it starts jobs of its own")
        else:
            file.unlink(missing_ok=True)  # it was killed
    return stopped


def _drivers(plan: Plan) -> Path:
    return plan.directory / "drivers"
