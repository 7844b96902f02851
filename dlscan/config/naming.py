"""What a person names a scan by: its directory, its experiment file, or the beginning of either."""

import logging
from collections.abc import Iterator
from pathlib import Path

import yaml

from dlscan.config.reading import read_yaml
from dlscan.errors import UsageError

SUFFIXES = (".yaml", ".yml")
# where scans are by default, so that their names alone are enough
_SCANS = "scans"
_MOST = 8
# how the scan is called that trains the best model of another one on all folds
REFIT = "-refit"

log = logging.getLogger("dlscan")


def is_file_name(path: Path) -> bool:
    """Whether a path names an experiment file, not the directory of a scan."""
    return path.suffix.lower() in SUFFIXES and not path.is_dir()


def is_scan(path: Path) -> bool:
    """Whether a path is the directory of a scan."""
    return (path / "plan.json").exists() or (path / "points").is_dir()


def found(path: Path) -> Path:
    """The directory of a scan, or the experiment file, that a path means.

    A path that is neither may be the beginning of one, here or in `scans/`; a file and the directory of its
    scan count as one, and `NAME-refit` belongs to `NAME`. A name that is written out wins over longer ones. A
    path that means nothing is given back, for whoever reads it to say so.

    Raises
    ------
    UsageError
        If it is the beginning of several.
    """
    if is_scan(path) or path.is_file() or is_file_name(path) or not path.name.strip("."):
        return path
    every = list(_candidates(path))
    # a directory that is there is not the beginning of another name
    exact = [each for each in every if path.name in (each.name, each.stem)]
    different: dict[Path, Path] = {}
    for each in exact if exact or path.exists() else every:
        different.setdefault(_directory_of(each).resolve(), each)
    # it belongs to a scan that is there too
    different = {
        directory: each
        for directory, each in different.items()
        if not directory.name.endswith(REFIT)
        or directory.with_name(directory.name.removesuffix(REFIT)) not in different
    }
    if len(different) > 1:
        names = sorted(map(str, different.values()))
        more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
        raise UsageError(f"{path}: may be {', '.join(names[:_MOST])}{more}; write out which")
    for meant in different.values():
        log.info("%s: taken as %s", path, meant)
        return meant
    return path


def _candidates(path: Path) -> Iterator[Path]:
    """Files first: they say what is called how."""
    places = [path.parent, *([Path(_SCANS)] if path.parent == Path() else [])]
    entries = [
        entry
        for place in places
        if place.is_dir()
        for entry in sorted(place.iterdir())
        if entry.name.startswith(path.name)
    ]
    yield from (entry for entry in entries if is_file_name(entry) and _is_experiment(entry))
    yield from (entry for entry in entries if is_scan(entry))


def _is_experiment(file: Path) -> bool:
    mapping = _read(file)
    return "data" in mapping and "name" in mapping


def _directory_of(path: Path) -> Path:
    """Where the scan of an experiment file is."""
    if path.is_dir():
        return path
    mapping = _read(path)
    return path.parent / str(mapping.get("output", _SCANS)) / str(mapping["name"])


def _read(file: Path) -> dict[str, object]:
    try:
        mapping = read_yaml(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}
    return mapping if isinstance(mapping, dict) else {}
