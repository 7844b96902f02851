"""Whether the one who trains a point still lives."""

import logging
import socket
import time
from pathlib import Path

from dlscan import attempts, process
from dlscan.attempts import Attempt
from dlscan.errors import DlscanError, HeldError
from dlscan.files import server_time
from dlscan.heartbeat import BEAT, beat_file, last_sign, stale_after
from dlscan.locks import is_locked
from dlscan.record import PointPaths

log = logging.getLogger("dlscan")
# The attempts of this very process that have not ended, by their files.
_own: set[Path] = set()


def alive(paths: PointPaths, attempt: Attempt, now: float | None = None) -> bool:
    """Tell whether the process of an attempt has a heartbeat.

    Parameters
    ----------
    paths : PointPaths
        The point.
    attempt : Attempt
        Its last attempt.
    now : float, optional
        The time by the file server's clock, from `dlscan.files.server_time`: asked once for many points.
    """
    if attempt.outcome is None and attempt.beat is None:
        # older versions give no signs, but lock the point as long as they train it
        return is_locked(paths.lock)
    return gives_signs(paths, attempt, now)


def gives_signs(paths: PointPaths, attempt: Attempt, now: float | None = None) -> bool:
    """As `alive`, for one who holds the point's lock: no process of an older version does."""
    if attempt.outcome is not None or attempt.beat is None:
        return False
    known = _lives(paths, attempt)
    if known is not None:
        return known
    sign = last_sign(paths, attempt)
    if sign is None:
        return False
    return (server_time(paths.attempts) if now is None else now) - sign < stale_after(attempt)


def last_owner(paths: PointPaths, at_least: int) -> Attempt | None:
    """The last attempt; if it cannot be read, one of which nothing is known but that it may live.

    Parameters
    ----------
    paths : PointPaths
        The point.
    at_least : int
        A number that an attempt has, though a listing may not show it yet; 0 if none is known.
    """
    number = max(attempts.last_number(paths), at_least)
    if not number:
        return None
    try:
        return attempts.read_attempt(paths, number)
    except (DlscanError, OSError):
        return Attempt(number, "an unknown host (the attempt file cannot be read)", 0, None, "", beat=BEAT)


def hold(paths: PointPaths, attempt: Attempt) -> None:
    """Remember that this process works at an attempt."""
    _own.add(_key(paths, attempt))


def let_go(paths: PointPaths, attempt: Attempt) -> None:
    """Remember that this process does not work at an attempt any more, whatever is on file."""
    _own.discard(_key(paths, attempt))


class Silence:
    """How long somebody who wants a point, and holds its lock, has to wait for the one who had it.

    Parameters
    ----------
    paths : PointPaths
        The point.
    """

    def __init__(self, paths: PointPaths) -> None:
        self._paths = paths
        self._number = 0
        self._sign: float | None = None
        self._since = 0.0

    def left(self, last: Attempt | None) -> float:
        """Seconds until the point is free, by what is known now; 0 if it is.

        Parameters
        ----------
        last : Attempt or None
            The last attempt at the point as it is now.

        Raises
        ------
        HeldError
            If it lives.
        """
        if last is None or last.outcome is not None or last.beat is None:
            return 0.0  # an owner of an older version would hold the lock
        known = _lives(self._paths, last)
        if known is False:
            return 0.0
        sign, first = last_sign(self._paths, last), last.number != self._number
        if known or not (first or sign == self._sign):
            raise _held(self._paths, last)
        if first:
            self._number, self._sign, self._since = last.number, sign, time.monotonic()
        left = stale_after(last) - (time.monotonic() - self._since)
        # without its file nobody knows since when it is silent
        if beat_file(self._paths, last.number).exists() and sign is not None:
            left = min(left, stale_after(last) - (server_time(self._paths.attempts) - sign))
        if first and left > 0:
            log.info(
                f"{self._paths.directory.name}: waiting up to {left:.0f} s for a heartbeat of attempt "
                f"{last.number} on {last.host}; without one, this job takes over the point"
            )
        return max(left, 0.0)


def _lives(paths: PointPaths, attempt: Attempt) -> bool | None:
    """Whether an attempt's process lives, None if it cannot be seen from here."""
    # copies of a virtual machine have its boot in common
    if attempt.process is None or attempt.host != socket.gethostname():
        return None
    if attempt.process == process.identity():
        return _key(paths, attempt) in _own
    return process.lives(attempt.process)


def _held(paths: PointPaths, attempt: Attempt) -> HeldError:
    job = f", job {attempt.job}" if attempt.job else ""
    return HeldError(
        f"{paths.directory}: attempt {attempt.number} is training this point on {attempt.host} (process "
        f"{attempt.pid}{job}); wait for it or cancel it"
    )


def _key(paths: PointPaths, attempt: Attempt) -> Path:
    return attempts.attempt_file(paths, attempt.number).absolute()
