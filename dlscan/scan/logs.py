"""What the jobs of a point printed, wherever it went."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from dlscan.attempts import Attempt, last_attempt
from dlscan.errors import DlscanError
from dlscan.files import modified
from dlscan.point_state import UNDER_WAY
from dlscan.scan.plan import Plan
from dlscan.scan.space import Point
from dlscan.scan.status import PointStatus, point_status
from dlscan.scan.submissions import Submission, Submissions
from dlscan.scan.submit import Say

_READ_SECONDS = 0.5
# each look at the state asks the batch system
_STATE_SECONDS = 5.0


def log_file(plan: Plan, point: Point) -> Path | None:
    """The file with the output of the latest job of a point; None if no job printed anything.

    That of training goes to the `log.txt` of the first point of a job. Where there is none since the job was
    submitted, it is what the job's script said, in the submission's directory: a job may end before it begins
    to train.
    """
    attempt = _attempt(plan, point)
    submission, index = _job(plan, point, attempt)
    places = [plan.paths(point).log]
    if submission is not None:
        first = plan.point(submission.jobs[index][0])
        if first != point:
            # of a job with several points this one's own is that of another time, when it was alone
            together = attempt is not None and attempt.pack > 1
            places.insert(0 if together else 1, plan.paths(first).log)
        directory = Submissions(plan.directory).directory(submission.number)
        places.append(directory / f"{index + 1}.log")
        submitted = modified(directory / "jobs.txt") or 0.0
        places.sort(key=lambda place: (modified(place) or 0.0) < submitted)  # those of earlier jobs last
    elif attempt is not None and attempt.pack > 1:
        places = [*_companions(plan, attempt), *places]
    return next((place for place in places if _has_content(place)), None)


def last_lines(file: Path, lines: int | None) -> bytes:
    """The last lines of a file, or all of it."""
    with file.open("rb") as handle:
        return handle.read() if lines is None else b"".join(deque(handle, maxlen=lines))


def follow(
    plan: Plan, point: Point, lines: int | None, say: Say, sleep: Callable[[float], None] = time.sleep
) -> Iterator[bytes]:
    """Give the output of a point's jobs as it comes, from one job to the next, until the point has ended.

    Parameters
    ----------
    plan, point
        Whose output.
    lines : int or None
        Begin with so many of the lines that are there already; None for all.
    say : callable
        Gets a line when another file begins, when the batch system does not answer, and the state in the end.
    sleep : callable
        Waits for so many seconds.
    """
    current: Path | None = None
    positions: dict[Path, int] = {}  # a point may come back to a file
    looked, idle = -_STATE_SECONDS, 0
    silence: list[str] = []
    while True:
        file = log_file(plan, point)
        if file is not None and file != current:
            say(f"==> {file}")
            if current is None and lines is not None:
                positions[file] = file.stat().st_size
                yield last_lines(file, lines)
            current = file
        if current is not None:
            new, positions[current] = _read_from(current, positions.get(current, 0))
            if new:
                yield new
        if idle == 2:
            return
        if time.monotonic() - looked >= _STATE_SECONDS or idle:
            status, silence = _look(plan, point, silence, say)
            looked = time.monotonic()
            over = status.state == "done" or not status.submission
            # else twice, because a requeued job is for a moment neither running nor queued
            idle = 0 if status.state in UNDER_WAY else 2 if over else idle + 1
            if idle == 2:
                say(f"{point.directory} is {status.state}{f': {status.error}' if status.error else ''}")
                continue
        sleep(_READ_SECONDS if not idle else _STATE_SECONDS)


def _look(plan: Plan, point: Point, before: list[str], say: Say) -> tuple[PointStatus, list[str]]:
    words: list[str] = []
    status = point_status(plan, point, say=words.append)
    if words != before:
        for line in words:
            say(line)
    return status, words


def _read_from(file: Path, position: int) -> tuple[bytes, int]:
    try:
        with file.open("rb") as handle:
            if handle.seek(0, 2) < position:
                position = 0  # somebody emptied it
            handle.seek(position)
            content = handle.read()
    except OSError:
        return b"", position  # the file server is away for a moment
    return content, position + len(content)


def _attempt(plan: Plan, point: Point) -> Attempt | None:
    try:
        return last_attempt(plan.paths(point))
    except DlscanError:
        return None  # a damaged one says nothing; `dlscan status` says that


def _job(plan: Plan, point: Point, attempt: Attempt | None) -> tuple[Submission | None, int]:
    """The submission and the place in it of the job that tried the point last, or that is to try it.

    That is the latest, unless its script has said nothing yet and an attempt is of an earlier one.
    """
    latest: tuple[Submission | None, int] = (None, 0)
    tried: tuple[Submission | None, int] = (None, 0)
    submissions = Submissions(plan.directory)
    for submission in submissions.read():
        for index, points in enumerate(submission.jobs):
            if point.number in points:
                latest = (submission, index)
                ids = submission.ids or ()
                if attempt is not None and index < len(ids) and ids[index] == attempt.job:
                    tried = latest
    if latest[0] is None or tried[0] is None:
        return latest
    script = submissions.directory(latest[0].number) / f"{latest[1] + 1}.log"
    return latest if _has_content(script) else tried


def _companions(plan: Plan, attempt: Attempt) -> list[Path]:
    """The logs of the points that the same process tried."""
    tries = [(plan.paths(other).log, _attempt(plan, other)) for other in plan.points]
    return [log for log, other in tries if other and other.process == attempt.process and other.pack > 1]


def _has_content(file: Path) -> bool:
    try:
        return file.stat().st_size > 0
    except OSError:
        return False
