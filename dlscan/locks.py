"""Locks that end with their owner, also where the file system has none.

A lock is `flock`, which the kernel gives back when a process ends, however it ends. Where the file system has
no locks (NFS without a lock service, Lustre mounted without `flock`), the owner is who creates a file of a
certain name. It may outlive its owner: it says who that was, so that it is removed where the owner can be
seen to have ended, and named to the user elsewhere.
"""

import contextlib
import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from dlscan import process
from dlscan.errors import DlscanError
from dlscan.files import created

# what `flock` says where files cannot be locked
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


def is_locked(path: Path) -> bool:
    """Tell whether some live process holds `flock` on a file; where there are no locks, none does."""
    try:
        with path.open("rb") as handle:
            return not _flocked(handle, path, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def locked(path: Path, busy: DlscanError, patience: float = 0.5, needed: bool = True) -> Iterator[BinaryIO]:
    """Hold a lock.

    Parameters
    ----------
    path : Path
        The lock file; it stays, because removing it would let two owners in.
    busy : DlscanError
        Raised when somebody else holds the lock.
    patience : float
        Seconds to wait for it: `is_locked` holds it for an instant, and that is no owner.
    needed : bool
        Without it, work goes on unlocked on a file system that has no locks.

    Yields
    ------
    file
        The lock file, to read and to append to: what one owner wrote there the next one reads, on NFS too.

    Raises
    ------
    OSError
        If the file cannot be written or locked; with its name.
    """
    until = time.monotonic() + patience
    with path.open("a+b") as handle, contextlib.ExitStack() as stack:
        while (taken := _flocked(handle, path, fcntl.LOCK_EX)) is False:
            if time.monotonic() > until:
                raise busy
            time.sleep(0.02)
        if taken is None and needed:
            stack.enter_context(_owned(path.with_name(f"{path.name}.owner"), busy))
        yield handle


def _flocked(handle: BinaryIO, path: Path, kind: int) -> bool | None:
    """Lock an open file; False if somebody else has, None where the file system has no locks."""
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return None
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    return True


@contextlib.contextmanager
def _owned(mark: Path, busy: DlscanError) -> Iterator[None]:
    """Be the one whose file `mark` is."""
    own = f"process {os.getpid()} on {socket.gethostname()}\n{process.identity()}\n"
    if not created(mark, own):
        _remove_dead(mark, busy)
        if not created(mark, own):
            raise _held(mark, busy)
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def _remove_dead(mark: Path, busy: DlscanError) -> None:
    """Remove the file of an owner that has ended; one at a time, so that it is not that of a successor."""
    turn = mark.with_name(f"{mark.name}.turn")
    if not created(turn, ""):
        raise _held(turn, busy)
    try:
        with contextlib.suppress(FileNotFoundError):
            _, _, identity = mark.read_text(encoding="utf-8").partition("\n")
            if process.lives(identity.strip()) is not False:
                raise _held(mark, busy)
            mark.unlink()
    finally:
        turn.unlink(missing_ok=True)


def _held(mark: Path, busy: DlscanError) -> DlscanError:
    """`busy`, with the owner and how to go on without it."""
    try:
        owner = mark.read_text(encoding="utf-8").partition("\n")[0] or "another process"
    except OSError:
        owner = "another process"
    return type(busy)(f"{busy}; this file system has no locks: if {owner} has ended, remove {mark}")
