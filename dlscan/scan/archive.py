"""A scan in one file: what tables, plots and models need, without what only training needs."""

import tarfile
from pathlib import Path
from typing import Any, NamedTuple

from dlscan.errors import ScanError, UsageError
from dlscan.files import written_whole
from dlscan.record import PointPaths
from dlscan.scan.plan import Plan

_COMPRESSIONS = {".gz": "gz", ".tgz": "gz", ".bz2": "bz2", ".xz": "xz"}
# Those of a machine, or of an unfinished training.
_LEFT_OUT = ("last", "lock", "drivers", "jobs")


class Packed(NamedTuple):
    """What an archive holds.

    Attributes
    ----------
    points, planned : int
        Finished points, which are in it, and those of the plan.
    files : int
        Files.
    """

    points: int
    planned: int
    files: int


def pack_up(directory: Path, target: Path, replace: bool = False) -> Packed:
    """Write the finished points of a scan, its plan and its pictures to a tar file.

    Parameters
    ----------
    directory : Path
        Of the scan.
    target : Path
        The file; with `.gz`, `.bz2` or `.xz` at its end it is compressed.
    replace : bool
        Whether it may be there already.

    Raises
    ------
    ScanError
        If there is no such scan, or no point of it is done.
    UsageError
        If the file is there.
    """
    if target.exists() and not replace:
        raise UsageError(f"{target}: exists; remove it, choose another -o, or give --overwrite")
    plan = Plan.read(directory)
    finished = {
        paths.directory
        for paths in map(plan.paths, plan.points)
        if PointPaths(paths.directory).record.exists()
    }
    if not finished:
        raise ScanError(f"{directory}: no point is done yet; see dlscan status {directory}")
    files = [path for path in sorted(directory.rglob("*")) if path.is_file() and not path.is_symlink()]
    files = [path for path in files if path != target and _belongs(path, directory, finished)]
    target.parent.mkdir(parents=True, exist_ok=True)
    mode: Any = f"w:{_COMPRESSIONS.get(target.suffix, '')}"
    with written_whole(target) as temporary, tarfile.open(temporary, mode) as archive:
        for path in files:
            archive.add(path, f"{directory.resolve().name}/{path.relative_to(directory)}", filter=_nobody)
    return Packed(len(finished), len(plan.points), len(files))


def _belongs(path: Path, directory: Path, finished: set[Path]) -> bool:
    below = path.relative_to(directory)
    if any(part.startswith(".") or part in _LEFT_OUT for part in below.parts):
        return False
    if below.parts[0] != "points":
        return True
    return len(below.parts) > 2 and directory / below.parts[0] / below.parts[1] in finished


def _nobody(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Files of nobody: whoever opens the archive owns them."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry
