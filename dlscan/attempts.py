"""The tries of jobs at a point: `attempts/0001.json` and so on."""

import dataclasses
import datetime
import os
import socket
from pathlib import Path

from dlscan.errors import DlscanError, ScanError
from dlscan.files import read_json, write_json
from dlscan.record import PointPaths

# How an attempt can end.
OUTCOMES = ("done", "preempted", "timeout", "failed", "diverged")
_UNKNOWN = -1
_JOB_ID_VARIABLES = ("SLURM_JOB_ID", "PBS_JOBID", "CONDOR_JOB_ID")


@dataclasses.dataclass(frozen=True)
class Attempt:
    """One try of a job at a point.

    Attributes
    ----------
    number : int
        From 1.
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


def begin_attempt(paths: PointPaths) -> Attempt:
    """Write down that this process tries a point."""
    paths.attempts.mkdir(exist_ok=True)
    job = next((os.environ[name] for name in _JOB_ID_VARIABLES if name in os.environ), None)
    attempt = Attempt(len(_files(paths)) + 1, socket.gethostname(), os.getpid(), job, _now())
    _write(paths, attempt)
    return attempt


def resume_attempt(paths: PointPaths, attempt: Attempt, epoch: int) -> None:
    """Write down after which epoch an attempt goes on; 0 for a start from scratch."""
    _write(paths, dataclasses.replace(attempt, resumed_after=epoch))


def end_attempt(paths: PointPaths, attempt: Attempt, outcome: str, error: str | None = None) -> None:
    """Write down how an attempt ended."""
    file = _file(paths, attempt)
    # what it wrote down on its way stays
    latest = _read(file) if file.exists() else attempt
    _write(paths, dataclasses.replace(latest, ended=_now(), outcome=outcome, error=error))


def resumptions(paths: PointPaths) -> list[int | None]:
    """The epochs after which attempts went on; None for one of which the epoch is not on record.

    Older versions wrote no epochs down. An attempt that died before it could go on counts as none, and one
    that started from scratch makes those before it forgotten.
    """
    found: list[int | None] = []
    for file in _files(paths)[1:]:
        try:
            epoch = dict(read_json(file)).get("resumed_after", _UNKNOWN)
        except (DlscanError, OSError, TypeError, ValueError):
            epoch = _UNKNOWN
        if epoch == 0:
            found.clear()
        elif epoch is not None:
            found.append(None if epoch == _UNKNOWN else int(epoch))
    return found


def first_start(paths: PointPaths) -> str:
    """When the first attempt began."""
    started: str = read_json(_files(paths)[0])["started"]
    return started


def count_attempts(paths: PointPaths) -> int:
    """How many attempts there were."""
    return len(_files(paths))


def last_attempt(paths: PointPaths) -> Attempt | None:
    """The latest attempt at a point, None if there was none."""
    files = _files(paths)
    if not files:
        return None
    return _read(files[-1])


def _read(file: Path) -> Attempt:
    value = read_json(file)
    known = {field.name for field in dataclasses.fields(Attempt)}
    try:
        # a newer version may write down more than this one knows
        return Attempt(**{name: item for name, item in value.items() if name in known})
    except (TypeError, AttributeError) as error:
        raise ScanError(f"{file}: damaged ({error}); remove it") from None


def _files(paths: PointPaths) -> list[Path]:
    return sorted(paths.attempts.glob("[0-9]*.json"))


def _write(paths: PointPaths, attempt: Attempt) -> None:
    write_json(_file(paths, attempt), dataclasses.asdict(attempt))


def _file(paths: PointPaths, attempt: Attempt) -> Path:
    return paths.attempts / f"{attempt.number:04d}.json"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
