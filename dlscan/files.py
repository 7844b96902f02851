"""Files that are written whole or not at all."""

import contextlib
import errno
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dlscan.errors import DlscanError

# Seconds after which a stamp of the clock is nobody's any more.
_ABANDONED = 60
# Bytes that are read at once: most JSON of ours is smaller.
_PIECE = 1 << 16


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Errors of a file that is open name it; of themselves they know no path, as in "Stale file handle"."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = os.fspath(path)
        raise


@contextlib.contextmanager
def written_whole(path: Path, safe: bool = True) -> Iterator[Path]:
    """Give a temporary path beside `path`; what is written there becomes `path` in one step.

    A reader sees the old content or the new one, never a part, and a kill at any moment leaves the old one.

    Parameters
    ----------
    path : Path
        The file to write; its directory exists.
    safe : bool
        Push it to the disk first, which takes some 10 ms: else it may be lost with the machine, though not
        with the process. For what can be made again.

    Yields
    ------
    Path
        Where to write. Its suffix is that of `path`, because some writers choose a format by it.
    """
    temporary = temporary_beside(path)
    try:
        yield temporary
        put_in_place(temporary, path, safe)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def temporary_beside(path: Path) -> Path:
    """A path in the directory of `path` that nobody else uses."""
    return path.with_name(f".{path.stem}-{os.getpid()}-{secrets.token_hex(4)}{path.suffix}")


def put_in_place(temporary: Path, path: Path, safe: bool = True) -> None:
    """Let a file that is written take the place of `path`, in one step."""
    if safe:
        sync(temporary)
    temporary.replace(path)
    if safe:
        sync(path.parent)


def write_text(path: Path, text: str, safe: bool = True) -> None:
    """Write `text` to `path`, whole or not at all."""
    with written_whole(path, safe) as temporary, naming(path):
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any, long: Mapping[str, Any] = {}) -> None:
    """Write `value` as indented JSON to `path`, whole or not at all; nan and infinity are errors.

    Keys of `long` follow behind those of `value`, a line for each: their lists may have millions of items.
    """
    text = json.dumps(value, indent=1, allow_nan=False)
    lines = (f',\n "{key}": {json.dumps(item, allow_nan=False)}' for key, item in long.items())
    if long:
        text = f"{text.removesuffix('}').rstrip()}{''.join(lines)}\n}}"
    write_text(path, text + "\n")


def read_json(path: Path) -> Any:
    """Read JSON from `path`; a damaged file is a `DlscanError` that names it."""
    return parse_json(path, read_whole(path)[0])


def parse_json(path: Path, content: bytes) -> Any:
    """The JSON in the `content` of `path`; errors as for `read_json`."""
    try:
        return json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # no JSON or no text, a number or a nesting without an end
        raise DlscanError(f"{path}: damaged, not JSON ({error})") from None


def read_whole(path: Path | str) -> tuple[bytes, os.stat_result]:
    """The bytes of a file and what the system said of it before, by few calls: many threads wait at each."""
    handle = os.open(path, os.O_RDONLY)
    try:
        with naming(Path(path)):
            status = os.fstat(handle)
            return b"".join(iter(lambda: os.read(handle, _PIECE), b"")), status
    finally:
        os.close(handle)


def checksum(path: Path) -> str:
    """Checksum of a file's bytes, in hexadecimal digits."""
    with naming(path), path.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def checksum_of(content: bytes) -> str:
    """That of a file with this content."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def sync(path: Path) -> None:
    """Push a file or a directory to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        with naming(path):
            os.fsync(handle)
    finally:
        os.close(handle)


def created(path: Path, text: str) -> bool:
    """Create a file with its content in one step; False if it exists.

    Of several processes on any machines, one creates it. Where the file system has no hard links, a kill or a
    full disk in the middle leaves a part of the text.
    """
    temporary = temporary_beside(path)
    try:
        with naming(path):
            temporary.write_text(text, encoding="utf-8")
        sync(temporary)
        linked = _linked(temporary, path)
        if linked is None:
            with path.open("x", encoding="utf-8") as handle:
                handle.write(text)
            linked = True
        sync(path.parent)
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    return linked


def server_time(directory: Path) -> float:
    """The time now by the clock that stamps the files of `directory`: on a network, that of the file server.

    Where nothing can be written, the time by the clock of this machine.

    Returns
    -------
    float
        Seconds since 1970, to compare with a file's time of modification.
    """
    stamp = directory / f".clock-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        with stamp.open("xb") as handle:
            now = os.fstat(handle.fileno()).st_mtime
        # one stays where its removal failed, or its process was killed in between
        for leftover in directory.glob(".clock-*"):
            if leftover != stamp and now - (modified(leftover) or now) > _ABANDONED:
                leftover.unlink(missing_ok=True)
        return now
    except OSError:
        return time.time()
    finally:
        with contextlib.suppress(OSError):
            stamp.unlink()


def modified(path: Path) -> float | None:
    """When a file was changed last, None if it cannot be read; opened, because NFS remembers old answers."""
    try:
        with path.open("rb") as handle:
            return os.fstat(handle.fileno()).st_mtime
    except OSError:
        return None


def _linked(source: Path, path: Path) -> bool | None:
    """Link `path` to `source`; False if it exists, None where there are no hard links."""
    try:
        path.hardlink_to(source)
    except OSError as error:
        # an answer of NFS may get lost, and the second request finds the link of the first
        if source.stat().st_nlink == 2:
            return True
        if isinstance(error, FileExistsError):
            return False
        if error.errno in (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK):
            return None
        raise
    return True


@contextlib.contextmanager
def directory_whole(target: Path, go_on: bool = False) -> Iterator[Path]:
    """Give a directory beside `target` that takes its place when the block ends without an error.

    The caller holds a lock on `target`. The directory is empty, unless `go_on` is set: then it has what an
    unfinished predecessor left, and after an error it stays for the next one. If the predecessor was killed
    between the two renames, the old directory is put back first: see `recover_directory`.
    """
    building, old = _beside(target)
    recover_directory(target, go_on)
    building.mkdir(exist_ok=True)
    try:
        yield building
        if target.exists():
            target.rename(old)
        building.rename(target)
        sync(target.parent)
    finally:
        recover_directory(target, go_on)


def recover_directory(target: Path, go_on: bool = False) -> None:
    """Undo what an unfinished `directory_whole` left: `target` is then the old one, the new one or absent.

    The directory that was not finished stays for who can `go_on` with it, unless it is empty.
    """
    building, old = _beside(target)
    if old.exists() and not target.exists():
        old.rename(target)
    for leftover in (old,) if go_on else (building, old):
        remove(leftover)
    with contextlib.suppress(OSError):
        building.rmdir()


def remove(path: Path) -> None:
    """Remove a file, a directory with all that is in it, or a link, not what it leads to."""
    if path.is_symlink() or path.is_file():
        path.unlink()  # which rmtree refuses, without a name
    elif path.exists():
        shutil.rmtree(path)


def _beside(target: Path) -> tuple[Path, Path]:
    return target.with_name(f".{target.name}.building"), target.with_name(f".{target.name}.old")
