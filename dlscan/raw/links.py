"""Other files that a raw file links to: where HDF5 finds them, whether they may be read, how they are now."""

import dataclasses
import os
import resource
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from dlscan.process import descriptors
from dlscan.raw.faults import RawError

# Files that other threads may open meanwhile
_SPARE_FILES = 64


@dataclasses.dataclass(frozen=True)
class LinkedFile:
    """A file that values of a raw file come from.

    Attributes
    ----------
    path : Path
        Absolute, as the link has it: symbolic links and `..` are left in.
    size : int
        Bytes; -1 if it is not there.
    mtime_ns : int
        Time of change; 0 if it is not there.
    """

    path: Path
    size: int
    mtime_ns: int

    @classmethod
    def at(cls, path: Path) -> "LinkedFile":
        """The file at `path` as it is now."""
        try:
            found = path.stat()
        except (OSError, ValueError):
            return cls(path, -1, 0)
        return cls(path, found.st_size, found.st_mtime_ns)

    @property
    def there(self) -> bool:
        """Whether there is one."""
        return self.size >= 0


def first_changed(files: Iterable[LinkedFile]) -> Path | None:
    """The first of some files that is not what it was."""
    return next((file.path for file in files if LinkedFile.at(file.path) != file), None)


def below(path: Path, raw: Path) -> str:
    """The name of a file in manifest and index: from the raw directory, if it is reached from there."""
    return str(path.relative_to(raw) if path.is_relative_to(raw) else path)


def may_link(place: Path, path: Path, roots: Sequence[Path] | None) -> bool:
    """Whether the raw file at `place` may link to `path`.

    It may where that really lies below one of some real directories or the one of the raw file; None stands
    for all of them.
    """
    return roots is None or any(
        path.resolve().is_relative_to(root) for root in (*roots, place.resolve().parent)
    )


def require_regular(path: Path) -> None:
    """Check that `path` is a file with an end: a pipe would block, and a device may go on for ever.

    Raises
    ------
    RawError
        If it is something else, or not there.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise RawError(error.strerror or str(error)) from error
    if stat.S_ISDIR(mode):
        raise RawError("a directory, not a file")
    if not stat.S_ISREG(mode):
        raise RawError("a pipe, a socket or a device, not a regular file")


def require_open_files(count: int) -> None:
    """Check that this process may open so many files more, and raise its limit if need be.

    HDF5 gives fill values for a part of a virtual dataset that it cannot open, for whatever reason.

    Raises
    ------
    RawError
        If it may not.
    """
    wanted = sum(1 for _ in descriptors().iterdir()) + count + _SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and wanted > soft:
        if hard != resource.RLIM_INFINITY and wanted > hard:
            raise RawError(
                f"its values lie in {count:,} files, but a process may open only {hard:,} here; raise that "
                "limit (ulimit -Hn), or write the values into fewer files"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def find_linked(place: Path, target: str, variable: str) -> LinkedFile:
    """Look for a file that an external link or a virtual dataset names, where HDF5 looks.

    Parameters
    ----------
    place : Path
        The file that names it.
    target : str
        The name.
    variable : str
        The environment variable with directories to look in first.

    Returns
    -------
    LinkedFile
        The first that is there, or else the one that was most likely meant.
    """
    if Path(target).is_absolute():
        # files that were moved together: HDF5 looks beside the link for the last part of the name
        choices = [Path(target), *_choices(place, Path(target).name, variable)]
        meant = Path(target)
    else:
        choices, meant = list(_choices(place, target, variable)), place.parent / target
    return next((found for path in choices if (found := LinkedFile.at(path)).there), LinkedFile.at(meant))


def find_external(place: Path, target: str) -> LinkedFile:
    """A file of external raw storage: HDF5 starts at the current directory unless it is told where."""
    prefix = os.environ.get("HDF5_EXTFILE_PREFIX", "")
    if prefix.startswith("${ORIGIN}"):
        prefix = f"{place.parent}{prefix.removeprefix('${ORIGIN}')}"
    return LinkedFile.at(Path.cwd() / prefix / target)


def _choices(place: Path, target: str, variable: str) -> Iterator[Path]:
    for prefix in filter(None, os.environ.get(variable, "").split(":")):
        yield Path.cwd() / prefix / target
    yield place.parent / target
    yield Path.cwd() / target
    yield place.resolve().parent / target
