"""What a dask worker does for a job: run the command that every batch system runs, and look after it."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from dlscan.attempts import last_attempt
from dlscan.batch.ends import attempts_before, note_ends
from dlscan.batch.jobs import train_command
from dlscan.claims import alive
from dlscan.errors import DlscanError
from dlscan.record import PointPaths

_LOOK_SECONDS = 0.5
# What was told to stop ends its epoch or its step; more than this is a hang.
_STOP_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1
# found before the fork: little may be done after it, in a process of many threads
_libc = ctypes.CDLL(None)


def run_job(
    name: str, scan: str, points: tuple[int, ...], environment: dict[str, str], seconds: float | None
) -> int:
    """Train points in a process of its own, and stop it when nobody wants the task any more.

    Parameters
    ----------
    name : str
        The key of the task: the job's id.
    scan : str
        The scan's directory.
    points : tuple of int
        Their numbers.
    environment : dict of str to str
        Variables beside those of the worker.
    seconds : float or None
        How long it may take; then it is asked to stop.

    Returns
    -------
    int
        The exit code of the process.
    """
    paths = [_paths(Path(scan), number) for number in points]
    _wait_for_predecessor(name, paths)
    before = attempts_before(paths)
    # the worker's own Python: it imports dlscan, or it would not be here
    with paths[0].log.open("ab") as log:
        process = subprocess.Popen(
            train_command(scan, points),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **environment, "DLSCAN_JOB": name},
            start_new_session=True,
            preexec_fn=_end_with_worker,  # one system call, which nothing else offers
        )
    code = _attend(process, _wanted(name), seconds)
    note_ends(before, code, paths[0].log)
    return code


def _paths(scan: Path, number: int) -> PointPaths:
    return PointPaths(next((scan / "points").glob(f"{number:04d}-*")))


def _wait_for_predecessor(name: str, points: list[PointPaths]) -> None:
    """Let the process of this same task on a worker that was lost come to its end."""
    until = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < until and any(_lives_on(name, paths) for paths in points):
        time.sleep(_LOOK_SECONDS)


def _lives_on(name: str, paths: PointPaths) -> bool:
    try:
        attempt = last_attempt(paths)
        return attempt is not None and attempt.job == name and not attempt.outcome and alive(paths, attempt)
    except DlscanError:
        return False


def _end_with_worker() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _wanted(name: str) -> Callable[[], bool]:
    """Whether the scheduler still wants the task; dask ends no thread of a task that was cancelled."""
    from distributed import get_worker

    state = get_worker().state

    def wanted() -> bool:
        task = state.tasks.get(name)
        return task is not None and task.state == "executing"

    return wanted


def _attend(process: "subprocess.Popen[bytes]", wanted: Callable[[], bool], seconds: float | None) -> int:
    deadline = None if seconds is None else time.monotonic() + seconds
    while True:
        try:
            return process.wait(_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            if not wanted() or (deadline is not None and time.monotonic() > deadline):
                break
    process.terminate()
    try:
        return process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()
