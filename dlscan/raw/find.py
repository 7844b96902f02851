"""Which classes and which files there are."""

import dataclasses
import re
from pathlib import Path

from dlscan.config import Experiment
from dlscan.config.labels import check_label

SUFFIXES = (".h5", ".hdf5", ".hdf")


@dataclasses.dataclass(frozen=True)
class RawFile:
    """A raw file.

    Attributes
    ----------
    path : Path
        Where it is.
    name : str
        Below the raw directory.
    label : int
        Index of its class.
    roots : tuple of Path or None
        Real directories that links inside the file may lead into; None allows any.
    """

    path: Path
    name: str
    label: int
    roots: tuple[Path, ...] | None = None

    def stat(self) -> tuple[int, int]:
        """Size and time of change in ns; those of the link itself if it leads nowhere."""
        try:
            stat = self.path.stat()
        except OSError:
            stat = self.path.lstat()
        return stat.st_size, stat.st_mtime_ns


def find_files(experiment: Experiment) -> tuple[tuple[str, ...], list[RawFile]]:
    """Find the classes of an experiment and their HDF5 files.

    Returns
    -------
    classes : tuple of str
        Labels, in the order of `data.classes`, or every directory in the order of its name.
    files : list of RawFile
        By class and name, numbers in names by their value; hidden files and directories are left alone.

    Raises
    ------
    ConfigError
        If a directory is missing or has no HDF5 files, or there are fewer than two classes.
    """
    data = experiment.data
    if not data.raw.is_dir():
        raise experiment.problem("data.raw", f"no such directory: {data.raw}")
    directories = data.classes
    if directories is None:
        if data.prepared.resolve().is_relative_to(data.raw.resolve()):
            raise experiment.problem(
                "data.prepared",
                "lies inside data.raw, where every directory counts as a class; choose a path elsewhere",
            )
        names = sorted(path.name for path in data.raw.iterdir() if path.is_dir() and path.name[0] != ".")
        for name in names:
            if not _is_text(name):
                # it would be a label, in files and pictures that take text alone
                message = f"the directory {data.raw / name} has a name that is not UTF-8; rename it"
                raise experiment.problem("data.raw", message)
        directories = {name: name for name in names}
        if len(directories) < 2:
            raise experiment.problem("data.raw", f"needs a directory per class, found {names} in {data.raw}")
    for name in directories:
        check_label(name, directories, "data.classes" if data.classes else "data.raw", experiment.problem)
    files: list[RawFile] = []
    seen: dict[Path, str] = {}
    for label, (name, directory) in enumerate(directories.items()):
        place = data.raw / directory
        key = f"data.classes.{name}" if data.classes else "data.raw"
        if not place.is_dir():
            raise experiment.problem(key, f"no such directory: {place}")
        if (other := seen.setdefault(place.resolve(), name)) != name:
            raise experiment.problem(key, f"{place} is already the directory of {other}")
        paths = [path for path in place.iterdir() if path.suffix.lower() in SUFFIXES and path.name[0] != "."]
        if not paths:
            raise experiment.problem(key, f"no HDF5 files ({', '.join(SUFFIXES)}) in {place}")
        roots = None if data.follow_links else (data.raw.resolve(), place.resolve())
        files += [
            RawFile(path, f"{directory}/{path.name}", label, roots) for path in sorted(paths, key=_by_number)
        ]
    return tuple(directories), files


def _by_number(path: Path) -> list[tuple[int, int | str]]:
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]


def _is_text(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)
