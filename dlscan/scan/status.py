"""How far each point is: derived from what is on disk and what the batch systems say, never from memory."""

import dataclasses
import functools
import threading
from collections.abc import Collection, Sequence

from dlscan import clock
from dlscan.attempts import Attempt, read_attempt
from dlscan.claims import note_end
from dlscan.errors import DlscanError
from dlscan.files import server_time
from dlscan.heartbeat import last_sign
from dlscan.many import each
from dlscan.point_state import CRASHED, UNDER_WAY, Verdict
from dlscan.record import PointPaths
from dlscan.scan.halving import standing
from dlscan.scan.job_states import LatestJob, Look, ask_nobody, is_recent, look_at
from dlscan.scan.plan import Plan
from dlscan.scan.point_on_disk import PointOnDisk, read_anew, read_point
from dlscan.scan.space import Point
from dlscan.scan.states import Evidence, crashes, judge
from dlscan.scan.submit import Say


@dataclasses.dataclass(frozen=True)
class PointStatus:
    """The state of a point.

    Attributes
    ----------
    point : Point
        Which.
    state : str
        One of `dlscan.point_state.STATES`.
    epochs : int
        Epochs trained so far.
    epochs_wanted : int
        At most this many; early stopping may end it before.
    seconds_left : float or None
        Of training, at most, by its median epoch; None for a point that is done or has no epoch yet.
    error : str
        The last error line of a point that did not end well.
    seconds_per_epoch : float or None
        Median of its latest epochs, or of all if it is done.
    events_per_second : float or None
        Of the stream in its latest epoch.
    pack : int
        Points in the job of its latest attempt.
    sharing : int
        Networks that share `seconds_per_epoch`, this one among them.
    job : str or None
        The batch system's id of its latest job.
    host : str or None
        Where its latest attempt runs or ran.
    attempts : int
        How many jobs have tried it.
    crashes : int
        How many of them crashed since one of them last finished an epoch.
    silent_since : str or None
        For a running point that has no heartbeat: ISO 8601, UTC.
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
    seconds_per_epoch: float | None = None
    events_per_second: float | None = None
    pack: int = 1
    sharing: int = 1
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
        Called as `look(batch, jobs)` for each batch system with jobs of points that are neither done
        nor have a heartbeat, with the `batch` section that they were submitted by; gives what the system
        says of each, as `System.look` does, and raises `BatchError` if the system does not answer. By default
        the systems are asked.
    say : callable, optional
        Gets a line for each system that did not answer; the points of its jobs stay as they were.

    Raises
    ------
    ScanError
        If the list of submissions is damaged.
    """
    return _statuses(plan, plan.points, look, say)


def point_status(plan: Plan, point: Point, look: Look | None = None, say: Say = _say_nothing) -> PointStatus:
    """The state of one point, as `scan_status` has it."""
    return _statuses(plan, [point], look, say)[0]


def statuses_by_files(plan: Plan, points: Sequence[Point]) -> list[PointStatus]:
    """The states of points without a question to a batch system: its jobs are taken to be as they were."""
    return _statuses(plan, points, ask_nobody, _say_nothing)


def settle(plan: Plan, statuses: list[PointStatus], say: Say = _say_nothing) -> bool:
    """Write down how attempts ended that could not do so themselves, before the batch system forgets it.

    Retries are counted by what is written down, of jobs too that ended before they began. `say` gets a line
    for each point of which that could not be done, because a process that hangs holds its lock.

    Returns
    -------
    bool
        Whether anything was written down: then crashes have to be counted again.
    """
    written = False
    for status in statuses:
        if status.unwritten:
            outcome = "lost" if status.state == "preempted" else status.state
            job = status.job if status.unwritten == "job" else None
            try:
                written |= note_end(plan.paths(status.point), outcome, status.error, job)
            except DlscanError as error:
                say(str(error))
    return written


def _statuses(plan: Plan, points: Sequence[Point], look: Look | None, say: Say) -> list[PointStatus]:
    one = threading.Lock()
    time_there = functools.cache(lambda: server_time(plan.directory))

    def now() -> float:
        with one:
            return time_there()

    disks = each(lambda point: read_point(plan, point, now), points)
    found = {point.number: disk for point, disk in zip(points, disks, strict=True)}
    asked = {number for number, disk in found.items() if disk.record is None and not disk.alive}
    latest_jobs = look_at(plan, asked, look, say)
    training = {disk.attempt.job for disk in found.values() if disk.alive and disk.attempt}

    def status_of(point: Point) -> PointStatus:
        status = _status(plan, point, found[point.number], latest_jobs, training)
        if status.unwritten or (status.submission and status.state == "pending"):
            # the job may have begun, or ended well, after its files were read and before its system was asked
            status = _status(plan, point, read_anew(plan, point), latest_jobs, training)
        return status

    return _as_ranked(plan, each(status_of, points))


def _as_ranked(plan: Plan, statuses: list[PointStatus]) -> list[PointStatus]:
    """With what the rungs say of points that have paused: one that may go on is to be trained."""
    if all(status.state != "paused" for status in statuses):
        return statuses
    found = standing(plan)
    now = {number: "pending" for number in found.promoted} | {number: "pruned" for number in found.pruned}
    return [
        dataclasses.replace(
            status,
            state=now.get(status.point.number, "paused"),
            error=found.reasons.get(status.point.number, ""),
            seconds_left=None,
        )
        if status.state == "paused"
        else status
        for status in statuses
    ]


def _status(
    plan: Plan,
    point: Point,
    disk: PointOnDisk,
    latest_jobs: dict[int, LatestJob],
    training: Collection[str | None],
) -> PointStatus:
    """The state of a point; `training` are the jobs with a living attempt at any point that was read."""
    wanted = plan.epochs(point)
    latest = latest_jobs.get(point.number, LatestJob())
    if disk.record is not None:
        record = disk.record
        status = PointStatus(point, "done", record.epochs, wanted, None, "", record.seconds_per_epoch)
        return dataclasses.replace(
            status, job=latest.job, host=record.host, attempts=record.attempts, sharing=record.pack
        )
    paths, attempt, job_state = plan.paths(point), disk.attempt, latest.job_state
    verdict = _judge(disk, latest, training)
    # an attempt that lives may be of another job than the latest
    own_job = attempt.job if attempt else None
    return PointStatus(
        point,
        verdict.state,
        disk.epochs,
        wanted,
        None if disk.seconds is None else disk.seconds * (wanted - disk.epochs),
        verdict.error,
        disk.seconds,
        events_per_second=disk.rate,
        pack=attempt.pack if attempt else 1,
        sharing=disk.networks or (attempt.pack if attempt else 1),
        job=own_job or latest.job if disk.alive else latest.job or own_job,
        host=(job_state.host if job_state else "") or (attempt.host if attempt else None),
        attempts=len(disk.numbers),
        crashes=_crashes(paths, disk) if verdict.state in CRASHED else 0,
        silent_since=_last_sign(paths, attempt) if verdict.silent and attempt else None,
        words=job_state.words if job_state else "",
        submission=latest.directory,
        unwritten=verdict.unwritten,
    )


def _judge(disk: PointOnDisk, latest: LatestJob, training: Collection[str | None]) -> Verdict:
    attempt = disk.attempt
    verdict = judge(
        Evidence(
            attempt=attempt,
            alive=disk.alive,
            submitted=latest.submitted,
            own=latest.is_own(attempt),
            job_state=latest.job_state,
            answered=latest.answered,
            recent=latest.recent,
            goes_on=attempt is not None and attempt.job is not None and attempt.job in training,
            fresh=attempt is not None and attempt.ended is not None and is_recent(attempt.ended),
        )
    )
    if disk.damage and verdict.state not in UNDER_WAY:
        return Verdict("failed", disk.damage)
    return verdict


def _crashes(paths: PointPaths, disk: PointOnDisk) -> int:
    try:
        earlier = [read_attempt(paths, number) for number in disk.numbers[:-1]]
    except (DlscanError, FileNotFoundError):
        return 0  # a damaged attempt must not keep the point from going on
    return crashes([*earlier, *([disk.attempt] if disk.attempt else [])], disk.epochs)


def _last_sign(paths: PointPaths, attempt: Attempt) -> str:
    """When an attempt last had a heartbeat."""
    time = last_sign(paths, attempt)
    if time is None:
        return attempt.started
    return clock.stamp(time)
