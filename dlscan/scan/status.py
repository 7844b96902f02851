"""How far each point is: derived from what is on disk and what the batch systems say, never from memory."""

import dataclasses
import datetime
import functools
import statistics
from collections.abc import Callable
from pathlib import Path

from dlscan.attempts import Attempt, attempt_numbers, read_attempt
from dlscan.claims import alive, note_end
from dlscan.errors import DlscanError
from dlscan.files import server_time
from dlscan.heartbeat import last_sign
from dlscan.record import PointPaths, Record
from dlscan.scan.plan import Plan
from dlscan.scan.sights import Look, Place, Say, look_at
from dlscan.scan.space import Point
from dlscan.scan.states import CRASHED, Evidence, Verdict, crashes, judge

# the pace of a point is that of its latest epochs: a history can have thousands
_EPOCHS_READ = 20


@dataclasses.dataclass(frozen=True)
class PointStatus:
    """The state of a point.

    Attributes
    ----------
    point : Point
        Which.
    state : str
        One of `dlscan.scan.states.STATES`.
    epochs : int
        Epochs trained so far.
    epochs_wanted : int
        At most this many; early stopping may end it before.
    seconds_left : float or None
        Of training, at most, by its median epoch; None for a point that is done or has no epoch yet.
    error : str
        The last error line of a point that did not end well.
    job : str or None
        The batch system's id of its latest job.
    host : str or None
        Where its latest attempt runs or ran.
    attempts : int
        How many jobs have tried it.
    crashes : int
        How many of them crashed since one of them last finished an epoch.
    silent_since : str or None
        For a running point that shows no sign of life: ISO 8601, UTC.
    words : str
        The batch system's own words on its job.
    submission : str
        Name of the directory of the submission that its latest job is of, empty without one.
    unwritten : {"", "attempt", "job"}
        Its latest attempt, or its latest job before it made one, ended and could not write that down. See
        `settle`.
    """

    point: Point
    state: str
    epochs: int
    epochs_wanted: int
    seconds_left: float | None
    error: str
    job: str | None = None
    host: str | None = None
    attempts: int = 0
    crashes: int = 0
    silent_since: str | None = None
    words: str = ""
    submission: str = ""
    unwritten: str = ""


def _say_nothing(text: str) -> None:
    pass


def scan_status(plan: Plan, look: Look | None = None, say: Say = _say_nothing) -> list[PointStatus]:
    """The state of every point of a scan.

    Parameters
    ----------
    plan : Plan
        Of the scan.
    look : callable, optional
        Called as `look(batch, ids of jobs)` for each batch system with jobs that may be under way, with the
        `batch` section that they were submitted by; gives what the system says of each, as `System.look`
        does, and raises `BatchError` if the system does not answer. By default the systems are asked.
    say : callable, optional
        Gets a line for each system that did not answer; the points of its jobs stay as they were.

    Raises
    ------
    ScanError
        If the list of submissions is damaged.
    """
    found = {point.number: _read_point(plan, point) for point in plan.points}
    unfinished = {number for number, disk in found.items() if disk.record is None}
    places = look_at(plan, unfinished, look, say)
    now = functools.cache(lambda: server_time(plan.directory))
    return [_status(plan, point, found[point.number], places, now) for point in plan.points]


def point_status(plan: Plan, point: Point, look: Look | None = None, say: Say = _say_nothing) -> PointStatus:
    """The state of one point, as `scan_status` has it."""
    disk = _read_point(plan, point)
    places = look_at(plan, {point.number} if disk.record is None else set(), look, say)
    return _status(plan, point, disk, places, lambda: server_time(plan.directory))


def settle(plan: Plan, statuses: list[PointStatus]) -> None:
    """Write down how attempts ended that could not do so themselves, before the batch system forgets it.

    Retries are counted by what is written down, of jobs too that ended before they began.
    """
    for status in statuses:
        if status.unwritten:
            outcome = "lost" if status.state == "preempted" else status.state
            job = status.job if status.unwritten == "job" else None
            note_end(plan.paths(status.point), outcome, status.error, job)


@dataclasses.dataclass(frozen=True)
class _Disk:
    """What the directory of a point holds."""

    record: Record | None = None
    attempt: Attempt | None = None
    numbers: tuple[int, ...] = ()
    epochs: int = 0
    seconds: float | None = None
    damage: str = ""


def _read_point(plan: Plan, point: Point) -> _Disk:
    """Read what decides the state, and no more: thousands of points are looked at, on a shared disk.

    Of a point that is done that is its record, which is read whole: a damaged one must be noticed.
    """
    paths = plan.paths(point)
    damage = ""
    try:
        record = Record.read(paths.record)
        return _Disk(record, epochs=record.epochs)
    except FileNotFoundError:
        pass
    except DlscanError as error:
        damage = str(error)
    numbers = attempt_numbers(paths)
    if not numbers:
        return _Disk(damage=damage)
    attempt = None
    try:
        attempt = read_attempt(paths, numbers[-1])
    except DlscanError as error:
        damage = damage or str(error)
    return _Disk(None, attempt, tuple(numbers), *_epochs(paths.history), damage=damage)


def _status(
    plan: Plan, point: Point, disk: _Disk, places: dict[int, Place], now: Callable[[], float]
) -> PointStatus:
    wanted = point.params.get("train.epochs", plan.config["train"]["epochs"])
    place = places.get(point.number, Place())
    if disk.record is not None:
        status = PointStatus(point, "done", disk.epochs, wanted, None, "")
        record = disk.record
        return dataclasses.replace(status, job=place.job, host=record.host, attempts=record.attempts)
    paths, attempt = plan.paths(point), disk.attempt
    verdict = _judge(paths, disk, place, now)
    sight = place.sight
    return PointStatus(
        point,
        verdict.state,
        disk.epochs,
        wanted,
        None if disk.seconds is None else disk.seconds * (wanted - disk.epochs),
        verdict.error,
        job=place.job or (attempt.job if attempt else None),
        host=(sight.host if sight else "") or (attempt.host if attempt else None),
        attempts=len(disk.numbers),
        crashes=_crashes(paths, disk) if verdict.state in CRASHED else 0,
        silent_since=_last_sign(paths, attempt) if verdict.silent and attempt else None,
        words=sight.words if sight else "",
        submission=place.directory,
        unwritten=verdict.unwritten,
    )


def _judge(paths: PointPaths, disk: _Disk, place: Place, now: Callable[[], float]) -> Verdict:
    attempt = disk.attempt
    verdict = judge(
        Evidence(
            attempt=attempt,
            alive=attempt is not None and attempt.outcome is None and alive(paths, attempt, now()),
            submitted=place.submitted,
            own=place.is_own(attempt),
            sight=place.sight,
            answered=place.answered,
            recent=place.recent,
        )
    )
    if disk.damage and verdict.state not in ("queued", "running"):
        return Verdict("failed", disk.damage)
    return verdict


def _crashes(paths: PointPaths, disk: _Disk) -> int:
    try:
        return crashes([read_attempt(paths, number) for number in disk.numbers], disk.epochs)
    except (DlscanError, FileNotFoundError):
        return 0  # a damaged attempt is reported as such, and must not keep the point from going on


def _last_sign(paths: PointPaths, attempt: Attempt) -> str:
    """When an attempt last showed a sign of life."""
    time = last_sign(paths, attempt)
    if time is None:
        return attempt.started
    return datetime.datetime.fromtimestamp(time, datetime.UTC).isoformat(timespec="seconds")


def _epochs(history: Path) -> tuple[int, float | None]:
    """Epochs in a history, and the median seconds of the latest."""
    try:
        lines = history.read_text(encoding="utf-8").splitlines()
        column = lines[0].split(",").index("seconds")
        rows = lines[1:]
        seconds = [float(row.split(",")[column]) for row in rows[-_EPOCHS_READ:]]
    except (OSError, ValueError, IndexError):
        return 0, None  # not there yet; or damaged, and then training writes it anew from the checkpoint
    return len(rows), statistics.median(seconds) if seconds else None
