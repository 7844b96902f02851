"""The tries of jobs at a point: `attempts/0001.json` and so on. Who may make one, `dlscan.claims` says."""

import dataclasses
import json
import os
import re
import socket
from pathlib import Path

from dlscan import clock, process
from dlscan.errors import DlscanError, ScanError
from dlscan.fields import fits, misfit
from dlscan.files import created, read_json, write_json
from dlscan.record import PointPaths

# How an attempt can end; `paused` is one at a rung of `scan.halving`, `lost` one that a batch system took.
OUTCOMES = ("done", "preempted", "timeout", "paused", "failed", "diverged", "oom", "lost")
_UNKNOWN = -1
# Scripts export the first: the id that the batch system gave at submission.
_JOB_ID_VARIABLES = ("DLSCAN_JOB", "SLURM_JOB_ID", "PBS_JOBID", "CONDOR_JOB_ID")
_NAME = re.compile(r"(\d+)\.json")


@dataclasses.dataclass(frozen=True)
class Attempt:
    """One try of a job at a point.

    Attributes
    ----------
    number : int
        From 1; the owner of a point is the attempt with the highest.
    host : str
        Where it runs.
    pid : int
        Of the process.
    job : str or None
        The batch system's number of the job, where there is one.
    started, ended : str or None
        ISO 8601, UTC; no end means that it runs, or was killed.
    outcome : str or None
        One of `OUTCOMES` once it has ended.
    error : str or None
        The last line of the error.
    resumed_after : int or None
        The epoch that it went on after, 0 for a start from scratch; None until it has come so far.
    process : str or None
        The process among all of all machines, see `dlscan.process.identity`.
    beat : float or None
        Seconds between its heartbeats; None for one that has none, as those of older versions.
    pack : int
        How many points its job trains together.
    exit_code : int or None
        What it ended with: 0 if it was done or stopped cleanly, negative if a signal killed it and somebody
        saw it. None if nobody did; `error` has the batch system's words then.
    """

    number: int
    host: str
    pid: int
    job: str | None
    started: str
    ended: str | None = None
    outcome: str | None = None
    error: str | None = None
    resumed_after: int | None = None
    process: str | None = None
    beat: float | None = None
    pack: int = 1
    exit_code: int | None = None


def new_attempt(number: int, beat: float | None = None, pack: int = 1) -> Attempt:
    """An attempt of this process; it is not on file yet."""
    host, pid, who = socket.gethostname(), os.getpid(), process.identity()
    return Attempt(number, host, pid, this_job(), clock.now(), process=who, beat=beat, pack=pack)


def ended(attempt: Attempt, outcome: str, error: str | None = None, exit_code: int | None = None) -> Attempt:
    """An attempt with its end."""
    return dataclasses.replace(attempt, ended=clock.now(), outcome=outcome, error=error, exit_code=exit_code)


def create_attempt(paths: PointPaths, attempt: Attempt) -> bool:
    """Write an attempt down; False if there is one of its number."""
    paths.attempts.mkdir(exist_ok=True)
    text = json.dumps(dataclasses.asdict(attempt), indent=1) + "\n"
    return created(attempt_file(paths, attempt.number), text)


def write_attempt(paths: PointPaths, attempt: Attempt) -> None:
    """Write down what is new of an attempt."""
    write_json(attempt_file(paths, attempt.number), dataclasses.asdict(attempt))


def attempt_file(paths: PointPaths, number: int) -> Path:
    """Where an attempt is written down."""
    return paths.attempts / f"{number:04d}.json"


def this_job() -> str | None:
    """The batch system's number of the job that this process is."""
    return next((os.environ[name] for name in _JOB_ID_VARIABLES if os.environ.get(name)), None)


def resumptions(paths: PointPaths) -> list[int | None]:
    """The epochs after which attempts went on; None for one of which the epoch is not on record.

    Older versions wrote no epochs down. An attempt that died before it could go on counts as none, and one
    that started from scratch makes those before it forgotten.
    """
    found: list[int | None] = []
    for number in attempt_numbers(paths)[1:]:
        try:
            epoch = dict(read_json(attempt_file(paths, number))).get("resumed_after", _UNKNOWN)
        except (DlscanError, OSError, TypeError, ValueError):
            epoch = _UNKNOWN
        if epoch == 0:
            found.clear()
        elif epoch is not None:
            found.append(epoch if fits(int, epoch) and epoch != _UNKNOWN else None)
    return found


def first_start(paths: PointPaths) -> str:
    """When the first attempt began, as far as it is on file."""
    for number in attempt_numbers(paths):
        try:
            return _read(attempt_file(paths, number)).started
        except (DlscanError, OSError):
            continue
    raise ScanError(f"{paths.attempts}: no readable attempt file; run the scan again, it is safe")


def last_number(paths: PointPaths) -> int:
    """The number of the latest attempt, 0 if there was none."""
    return max(attempt_numbers(paths), default=0)


def attempt_numbers(paths: PointPaths) -> list[int]:
    """The numbers of all attempts, in order, by one look into their directory."""
    try:
        names = os.listdir(paths.attempts)  # noqa: PTH208  status lists those of ten thousand points
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(match[1]) for name in names if (match := _NAME.fullmatch(name)))


def read_attempt(paths: PointPaths, number: int) -> Attempt:
    """The attempt with this number."""
    return _read(attempt_file(paths, number))


def last_attempt(paths: PointPaths) -> Attempt | None:
    """The latest attempt at a point, None if there was none.

    Raises
    ------
    DlscanError
        If its file is damaged; the next attempt goes on all the same.
    """
    number = last_number(paths)
    return _read(attempt_file(paths, number)) if number else None


def _read(file: Path) -> Attempt:
    value = read_json(file)
    known = {field.name for field in dataclasses.fields(Attempt)}
    wrong = misfit(Attempt, value)
    try:
        # a newer version may write down more than this one knows
        attempt = Attempt(**{name: item for name, item in value.items() if name in known})
        wrong = wrong or _wrong(attempt)
    except (TypeError, AttributeError) as error:
        wrong = wrong or str(error)
    if wrong:
        raise ScanError(f"{file}: damaged ({wrong}); run the scan again, it is safe")
    # the name is what was created by one alone
    return dataclasses.replace(attempt, number=int(file.stem))


def _wrong(attempt: Attempt) -> str:
    """What cannot be in an attempt, though its type is right; empty if nothing is."""
    for name in ("started", "ended"):
        text = getattr(attempt, name)
        try:
            if text is not None:
                clock.read(text)
        except ValueError:
            return f"{name} is {text!r}, which is not a time with its time zone"
    if attempt.beat is not None and attempt.beat <= 0:
        return f"beat is {attempt.beat}"
    return f"pack is {attempt.pack}" if attempt.pack < 1 else ""
