"""Files that are written whole or not at all, and locks that die with their owner."""

import contextlib
import fcntl
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dlscan.errors import DlscanError


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; what is written there becomes `path` in one step.

    A reader sees the old content or the new one, never a part, and a kill at any moment leaves the old one.

    Parameters
    ----------
    path : Path
        The file to write; its directory exists.

    Yields
    ------
    Path
        Where to write. Its suffix is that of `path`, because some writers choose a format by it.
    """
    temporary = path.with_name(f".{path.stem}-{os.getpid()}-{secrets.token_hex(4)}{path.suffix}")
    try:
        yield temporary
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`, whole or not at all."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON to `path`, whole or not at all; nan and infinity are errors."""
    write_text(path, json.dumps(value, indent=1, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON from `path`; a damaged file is a `DlscanError` that names it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DlscanError(f"{path}: damaged, not JSON ({error})") from None


def sync(path: Path) -> None:
    """Push a file or a directory to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def is_locked(path: Path) -> bool:
    """Tell whether some live process holds `locked(path)`."""
    try:
        with path.open("rb") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextlib.contextmanager
def locked(path: Path, busy: DlscanError) -> Iterator[None]:
    """Hold a lock that the kernel gives back when this process ends, however it ends.

    Parameters
    ----------
    path : Path
        The lock file; it stays, empty, because removing it would let two owners in.
    busy : DlscanError
        Raised when somebody else holds the lock.
    """
    # `is_locked` holds a shared lock for an instant: only a lock that lasts is an owner
    patience = time.monotonic() + 0.5
    with path.open("ab") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > patience:
                    raise busy from None
                time.sleep(0.02)
        yield


@contextlib.contextmanager
def directory_whole(target: Path) -> Iterator[Path]:
    """Give an empty directory beside `target` that takes its place when the block ends without an error.

    The caller holds a lock on `target`. What a killed predecessor left is cleaned up, and if it was killed
    between the two renames, the old directory is put back first: see `recover_directory`.
    """
    building, old = _beside(target)
    recover_directory(target)
    building.mkdir()
    try:
        yield building
        if target.exists():
            target.rename(old)
        building.rename(target)
        sync(target.parent)
    finally:
        recover_directory(target)


def recover_directory(target: Path) -> None:
    """Undo what an unfinished `directory_whole` left: `target` is then the old one, the new one or absent."""
    building, old = _beside(target)
    if old.exists() and not target.exists():
        old.rename(target)
    for leftover in (building, old):
        if leftover.exists():
            shutil.rmtree(leftover)


def _beside(target: Path) -> tuple[Path, Path]:
    return target.with_name(f".{target.name}.building"), target.with_name(f".{target.name}.old")
