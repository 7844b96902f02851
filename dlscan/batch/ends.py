"""Write down the ends of jobs that could not do so themselves."""

import contextlib
import logging
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from dlscan.attempts import last_attempt, last_number
from dlscan.claims import note_end
from dlscan.errors import DlscanError
from dlscan.record import PointPaths, is_done

messages = logging.getLogger("dlscan")
# who is told to end before it listens has not failed
_TOLD_TO_END = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)


def attempts_before(points: Sequence[PointPaths]) -> dict[PointPaths, int]:
    """The number of the last attempt at each point, to be taken before their job can have begun one."""
    return {paths: last_number(paths) for paths in points}


def note_ends(before: Mapping[PointPaths, int], code: int, log: Path) -> None:
    """Write down that the process of a job has ended, for points whose attempts do not say so.

    Parameters
    ----------
    before : mapping of PointPaths to int
        The job's points, with the number of the last attempt before it.
    code : int
        Its exit code; negative if a signal killed it.
    log : Path
        What it printed.
    """
    if code == 0:
        return
    for paths, number in before.items():
        try:
            _note_end(paths, number, code, log)
        except (DlscanError, OSError) as error:  # no reason to stop the jobs of other points
            messages.warning(f"{paths.directory}: cannot write down how its job ended: {error}")


def _note_end(paths: PointPaths, number: int, code: int, log: Path) -> None:
    if is_done(paths):
        return
    if last_number(paths) > number:
        with contextlib.suppress(DlscanError):  # a damaged attempt is the state of this point
            attempt = last_attempt(paths)
            if attempt is not None and attempt.outcome is not None:
                return
    # without an attempt it died before it began: no memory to import, no experiment file
    outcome = "preempted" if -code in _TOLD_TO_END else "failed"
    note_end(paths, outcome, _last_words(code, log), exit_code=code)


def _last_words(code: int, log: Path) -> str:
    if code < 0:
        return f"killed by signal {-code}{' (out of memory?)' if code == -9 else ''}"
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line for line in reversed(lines) if line.strip()), f"exit code {code}")
