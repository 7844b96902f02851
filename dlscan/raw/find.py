"""Which classes and which files there are."""

import dataclasses
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from dlscan.config import Experiment
from dlscan.config.labels import check_label
from dlscan.raw.links import below
from dlscan.raw.places import ALL_SUFFIXES, is_pattern, matching
from dlscan.spelling import agree, counted, some

log = logging.getLogger("dlscan")

# of a file whose events are of any class
BY_COLUMN = -1


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
        Index of its class; `BY_COLUMN` where a number of each event says it.
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
        Labels, in the order of `data.labels.classes` or `data.classes`, or every directory in the order of
        its name. Where classes are not learned, files that lie in no directory are one class.
    files : list of RawFile
        By class and name, numbers in names by their value; hidden files and directories are left alone.

    Raises
    ------
    ConfigError
        If a directory is missing or has no HDF5 files, or there are fewer than two classes to tell apart.
    """
    data = experiment.data
    if not data.raw.is_dir():
        raise experiment.problem("data.raw", f"no such directory: {data.raw}")
    column = data.label_column
    if column is not None or data.classes is None or data.files is not None:
        _require_outside(experiment)
    if column is not None:
        return column.names, _files(experiment, data.raw, "", BY_COLUMN, "data.files")
    if data.classes is None and not experiment.task.classifies and _all_together(experiment):
        whole = data.raw.resolve().name
        check_label(whole, [whole], "data.raw", experiment.problem)
        return (whole,), _files(experiment, data.raw, "", 0, "data.files")
    directories = data.classes or _directories(experiment)
    for name in directories:
        check_label(name, directories, "data.classes" if data.classes else "data.raw", experiment.problem)
    files: list[RawFile] = []
    seen: dict[Path, str] = {}
    for label, (name, directory) in enumerate(directories.items()):
        place = data.raw / directory
        key = f"data.classes.{name}" if data.classes else "data.raw"
        if place.is_dir():
            own = _files(experiment, place, directory, label, key if data.files is None else "data.files")
        elif is_pattern(directory) or place.exists():
            own = _named(experiment, data.raw, "", matching(data.raw, [directory]), label)
            if not own:
                raise experiment.problem(key, f"no HDF5 files are called {directory} in {data.raw}")
        else:
            what = "file" if place.suffix.lower() in ALL_SUFFIXES else "directory"
            raise experiment.problem(key, f"no such {what}: {place}")
        for path in [place] if place.is_dir() else [file.path for file in own]:
            if (other := seen.setdefault(path.resolve(), name)) != name:
                what = "directory" if path.is_dir() else "file"
                raise experiment.problem(key, f"{path} is already the {what} of {other}")
        files += own
    return tuple(directories), files


def _require_outside(experiment: Experiment) -> None:
    """Check that no shard is taken for a raw file, and no dataset for a class."""
    data = experiment.data
    if data.prepared.resolve().is_relative_to(data.raw.resolve()):
        what = (
            "every directory counts as a class"
            if data.label_column is None and data.files is None
            else "it could be taken for raw files"
        )
        raise experiment.problem(
            "data.prepared", f"lies inside data.raw, where {what}; choose a path elsewhere"
        )


def _directories(experiment: Experiment) -> dict[str, str]:
    """Every directory, as a class of its name."""
    raw = experiment.data.raw
    names = sorted(path.name for path in raw.iterdir() if path.is_dir() and path.name[0] != ".")
    for name in names:
        if not _is_text(name):
            # it would be a label, in files and pictures that take text alone
            message = f"the directory {raw / name} has a name that is not UTF-8; rename it"
            raise experiment.problem("data.raw", message)
    flat = [path.name for path in matching(raw, None)]
    if len(names) < (2 if experiment.task.classifies else 1):
        advice = (
            f"; {flat[0]} lies in it directly: say which files are of which class with data.classes "
            "({label: file}), or let a number of the events decide with data.labels ({column, classes})"
            if flat
            else ""
        )
        message = f"needs a directory per class, found {names} in {raw}{advice}"
        raise experiment.problem("data.raw", message)
    if flat and experiment.data.files is not None:  # without, what is not read is said of all entries
        what = counted(len(flat), "file"), raw, agree(len(flat), "is", "are"), some(flat)
        way = "" if experiment.task.classifies else '; data.classes: {all: "**/*.h5"} takes all as one class'
        log.warning("%s lying directly in %s %s of no class and left out: %s%s", *what, way)
    return {name: name for name in names}


def _all_together(experiment: Experiment) -> bool:
    """Whether files lie in the raw directory itself, and there are no directories, which would be classes."""
    raw = experiment.data.raw
    directories = any(path.is_dir() and path.name[0] != "." for path in raw.iterdir())
    return bool(matching(raw, None)) and not directories


def _files(experiment: Experiment, place: Path, directory: str, label: int, key: str) -> list[RawFile]:
    """The files of a directory, which may not be none; `key` is to blame."""
    patterns = experiment.data.files
    found = _named(experiment, place, directory, matching(place, patterns), label)
    if not found and patterns is not None:
        raise experiment.problem(key, f"no file in {place} matches {', '.join(patterns)}")
    if not found:
        below = '; for those in directories below it set data.files: "**/*.h5"'
        raise experiment.problem(key, f"no HDF5 files ({', '.join(ALL_SUFFIXES)}) in {place}{below}")
    return found


def _named(
    experiment: Experiment, place: Path, directory: str, paths: Sequence[Path], label: int
) -> list[RawFile]:
    """Raw files at `paths`, whose names below `raw` begin with `directory`."""
    data = experiment.data
    roots = None if data.follow_links else (data.raw.resolve(), place.resolve())
    files = []
    for path in paths:
        if not os.path.lexists(path):
            raise experiment.problem("data.files", f"no such file: {path}")
        name = below(path, place)
        files.append(RawFile(path, f"{directory}/{name}" if directory else name, label, roots))
    return files


def _is_text(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)
