"""Who trains a point: one owner at a time.

The owner is the attempt with the highest number. It has a heartbeat, and whoever wants the point waits
until there have been none for a while (`heartbeat.STALE_BEATS`). An owner that was silent for so long and
goes on all the same finds that a newer attempt has begun, and writes nothing more: its number is the fencing
token of distributed locks.

The point's lock file is held while an attempt begins and while its owner writes, so that looking who the
owner is and writing are one step. It holds the highest number too: NFS reads a file anew once it is locked, a
listing perhaps not. Where the file system has no locks, an attempt that begins in the instant between the
look and the writing goes unseen.
"""

import contextlib
import dataclasses
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

from dlscan import attempts, owner
from dlscan.attempts import Attempt
from dlscan.errors import FencedError, ScanError
from dlscan.files import modified, server_time
from dlscan.heartbeat import Heart, beat_file, beat_seconds
from dlscan.locks import locked
from dlscan.owner import alive
from dlscan.record import PointPaths

__all__ = ["Claim", "alive", "note_end"]

# Longer than any checkpoint takes to write: who holds the lock file for so long hangs.
_PATIENCE = 60.0
# Seconds after which nobody still writes a temporary file.
_LEFTOVER = 3600.0

# outcomes after which `dlscan train` exits with 0
_WELL = ("done", "paused", "preempted", "timeout")


class Claim:
    """A point that this process trains, until `end`.

    Attributes
    ----------
    attempt : Attempt
        As it is on file.
    """

    def __init__(self, paths: PointPaths, attempt: Attempt) -> None:
        self.attempt = attempt
        self._paths = paths
        self._turn = threading.RLock()
        self._inside = False
        self._heart = Heart(paths, attempt)
        with _plainly(paths):
            self._heart.beat()
            # open as long as this lasts: so anybody can tell that this process works at this point
            self._open: int | None = os.open(paths.lock, os.O_RDONLY)
        self._heart.start()
        owner.hold(paths, attempt)

    @classmethod
    def take(cls, paths: PointPaths, pack: int = 1, wait: Callable[[float], object] = time.sleep) -> "Claim":
        """Make this process the owner of a point.

        An owner of which it is not known whether it lives is waited for: until it has a heartbeat, or
        long enough to know that there is none.

        Parameters
        ----------
        paths : PointPaths
            The point.
        pack : int
            How many points the job trains together.
        wait : callable
            Waits so many seconds, or raises what is to end the waiting.

        Raises
        ------
        HeldError
            If another process owns the point, and lives, or may live when it is `stopped`.
        ScanError
            If the point's directory cannot be written.
        ConfigError
            If `DLSCAN_HEARTBEAT` is not a number of seconds.
        """
        beat = beat_seconds()
        silence = owner.Silence(paths)
        while True:
            with _locked(paths) as handle, _plainly(paths):
                last = owner.last_owner(paths, _number(handle))
                left = silence.left(last)
                if not left:
                    attempt = attempts.new_attempt(last.number + 1 if last else 1, beat, pack)
                    # False where there are no locks, for the slower of two
                    if attempts.create_attempt(paths, attempt):
                        _fence(handle, attempt.number)
                        _sweep(paths, attempt)
                        return cls(paths, attempt)
            wait(min(left, 1.0) or 0.1)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Write to the point's directory inside of this: nobody else takes the point or writes meanwhile.

        It may be nested.

        Raises
        ------
        FencedError
            If a newer attempt has begun; nothing must be written then.
        ScanError
            If the lock file cannot be had.
        """
        with self._turn:
            if self._inside:
                yield
                return
            with _locked(self._paths) as handle:
                with _plainly(self._paths):
                    self._check(max(_number(handle), attempts.last_number(self._paths)))
                self._inside = True
                try:
                    yield
                finally:
                    self._inside = False

    def resumed(self, epoch: int) -> None:
        """Write down after which epoch the attempt goes on; 0 for a start from scratch."""
        with self.writing(), _plainly(self._paths):
            self._update(dataclasses.replace(self.attempt, resumed_after=epoch))

    def end(self, outcome: str, error: str | None = None, exit_code: int | None = None) -> None:
        """Write down how the attempt ended, and give the point free; writes nothing if somebody else has it.

        Parameters
        ----------
        outcome : str
            One of `dlscan.attempts.OUTCOMES`.
        error : str, optional
            The last line of the error.
        exit_code : int, optional
            What the process is about to end with; by default 0 if all went well or it was stopped, else 1.
        """
        if self.attempt.outcome is not None:
            return
        code = int(outcome not in _WELL) if exit_code is None else exit_code
        try:
            # what somebody else took over is theirs
            with contextlib.suppress(FencedError), self.writing(), _plainly(self._paths):
                self._update(attempts.ended(self.attempt, outcome, error, code))
        finally:
            self._heart.stop()
            owner.let_go(self._paths, self.attempt)
            if self._open is not None:
                os.close(self._open)
                self._open = None

    def _update(self, attempt: Attempt) -> None:
        attempts.write_attempt(self._paths, attempt)
        self.attempt = attempt

    def _check(self, newest: int) -> None:
        if newest > self.attempt.number:
            raise FencedError(
                f"{self._paths.directory}: attempt {newest} took over this point because attempt "
                f"{self.attempt.number} had no heartbeat; attempt {self.attempt.number} writes nothing "
                "more"
            )


def note_end(
    paths: PointPaths,
    outcome: str,
    error: str | None = None,
    job: str | None = None,
    exit_code: int | None = None,
) -> bool:
    """Write down the end of a job that could not do so itself; nothing if the point's owner lives.

    Parameters
    ----------
    paths : PointPaths
        The point.
    outcome, error
        As in `Claim.end`.
    job : str, optional
        The job that has ended: if the last attempt is of another, an attempt is written down for it.
    exit_code : int, optional
        Of its process, negative if a signal killed it; None if nobody saw it.

    Returns
    -------
    bool
        Whether it was written down.
    """
    with _locked(paths) as handle, _plainly(paths):
        last = owner.last_owner(paths, _number(handle))
        if last is not None and last.outcome is None:
            if owner.gives_signs(paths, last):
                return False
            if last.started and job in (None, last.job):
                attempts.write_attempt(paths, attempts.ended(last, outcome, error, exit_code))
                return True
        attempt = dataclasses.replace(attempts.new_attempt(last.number + 1 if last else 1), job=job)
        created = attempts.create_attempt(paths, attempts.ended(attempt, outcome, error, exit_code))
        if created:
            _fence(handle, attempt.number)
        return created


@contextlib.contextmanager
def _locked(paths: PointPaths) -> Iterator[BinaryIO]:
    busy = ScanError(
        f"{paths.lock}: locked for {_PATIENCE:.0f} s by a process that hangs or runs an older version of "
        "dlscan; end that process"
    )
    with contextlib.ExitStack() as stack:
        with _plainly(paths):
            handle = stack.enter_context(locked(paths.lock, busy, _PATIENCE, needed=False))
        yield handle


@contextlib.contextmanager
def _plainly(paths: PointPaths) -> Iterator[None]:
    """Say in a line that something cannot be written."""
    try:
        yield
    except OSError as error:
        place, reason = error.filename or paths.directory, error.strerror or error
        raise ScanError(
            f"{place}: cannot be written ({reason}); the job that trains this point needs write access"
        ) from error


def _number(handle: BinaryIO) -> int:
    """The highest number of an attempt by the lock file, 0 if there was none."""
    handle.seek(0)
    text = handle.read().strip()
    return int(text) if text.isdigit() else 0


def _fence(handle: BinaryIO, number: int) -> None:
    handle.truncate(0)
    handle.write(f"{number}\n".encode())
    handle.flush()


def _sweep(paths: PointPaths, attempt: Attempt) -> None:
    """Remove heartbeats of earlier attempts, and what killed processes left half-written."""
    for beat in paths.attempts.glob("*.beat"):
        if beat.stem < beat_file(paths, attempt.number).stem:
            beat.unlink(missing_ok=True)
    long_ago = server_time(paths.attempts) - _LEFTOVER
    for leftover in paths.attempts.glob(".*"):
        written = modified(leftover)
        if written is not None and written < long_ago:
            leftover.unlink(missing_ok=True)
