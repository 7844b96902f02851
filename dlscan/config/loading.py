"""From a YAML file and the overrides of a command line to an `Experiment`."""

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from dlscan.config import naming
from dlscan.config.build import Collected, Problem, join, require_mapping
from dlscan.config.built import built
from dlscan.config.dotted import put
from dlscan.config.experiment import Experiment
from dlscan.config.older import completed
from dlscan.config.places import Sources, make_absolute, read_functions
from dlscan.config.reading import read_yaml
from dlscan.config.units import require_unit, require_unit_of_size
from dlscan.errors import ConfigError
from dlscan.files import read_json

# A file with more errors than that is of another kind.
_MOST_LINES = 30
_LONGEST_LINE = 1000
_MOST_LETTERS = 5_000_000
DURATIONS = ("train.time_limit", "batch.time")
SIZES = ("batch.memory", "stream.memory")


def load(path: str | Path, overrides: Sequence[str] = ()) -> Experiment:
    """Read and check an experiment file.

    Parameters
    ----------
    path : str or Path
        The YAML file, the directory of a scan that was made from one, or the beginning of either: see
        `naming.found`. A directory means the experiment as it was planned.
    overrides : sequence of str
        `key=value` with a dotted key, such as `train.epochs=5`; the value is YAML.

    Returns
    -------
    Experiment
        With absolute paths: relative ones are relative to the file.

    Raises
    ------
    ConfigError
        One line with the file, the key, what is wrong and what would be right.
    """
    path = naming.found(Path(path))
    planned, found = naming.is_scan(path), Collected()
    mapping = _planned(path) if planned else _read(path)
    names = [_name(mapping)]
    for override in overrides:
        with found.collecting():
            mapping = _overridden(require_mapping(mapping, ""), override)
    for key, value in _leaves(mapping, ""):
        if re.sub(r"^scan\.(grid|points|space)\.", "", key) in DURATIONS:
            with found.collecting():
                require_unit(value, key)
        # a plan may have what was not refused before
        if key in SIZES and not planned:
            with found.collecting():
                require_unit_of_size(value, key)
    prepared = _prepared([*names, _name(mapping)], path)
    experiment = _experiment(mapping, path, found, prepared)
    if not planned:
        try:
            experiment.scan.require_search()
        except Problem as problem:
            raise _error(path, problem) from None
    return replace(experiment, overrides=tuple(overrides))


def _read(path: Path) -> Any:
    try:
        return read_yaml(_text(path))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such experiment file") from None
    except IsADirectoryError:
        raise ConfigError(
            f"{path}: a directory; give the experiment file (.yaml) that the scan was made from"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as an experiment file ({error})") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {_one_line(error)}") from None


def _planned(directory: Path) -> Any:
    """The experiment in the plan of a scan, whose directory may have been moved."""
    path = directory / "plan.json"
    try:
        plan = read_json(path)
        mapping = {
            **completed(plan["config"]),
            **plan.get("written", {}),
            "output": str(directory.absolute().parent),
        }
    except FileNotFoundError:
        raise ConfigError(
            f"{directory}: this scan has no plan.json; give the experiment file (.yaml) that it was made from"
        ) from None
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{path}: damaged plan ({error!r}); give the experiment file (.yaml) that it was made from"
        ) from None
    if mapping.get("name") != directory.resolve().name:
        raise ConfigError(
            f"{directory}: this directory of the scan {mapping.get('name')!r} was renamed; give it that name "
            "again, or give the experiment file (.yaml) that it was made from"
        )
    return mapping


def _name(mapping: Any) -> str | None:
    name = mapping.get("name") if isinstance(mapping, dict) else None
    return name if isinstance(name, str) else None


def _prepared(names: Sequence[str | None], path: Path) -> str:
    """Where the data of a file are by default: under its name, so that scans of one file share its dataset.

    Parameters
    ----------
    names : sequence of (str or None)
        As it is in the file, and as it is with overrides: versions before took the second.
    path : Path
        Of the file.
    """
    places = [f"prepared/{name}" for name in names if name is not None]
    there = [place for place in places if (path.absolute().parent / place / "manifest.json").exists()]
    return next(iter([*there, *places]), "prepared")


def load_point(path: Path, sources: Sources | None = None) -> Experiment:
    """Read the experiment file of a point, which perhaps an older version wrote; see `experiment_from`."""
    mapping = _read(path)
    return experiment_from(completed(mapping) if isinstance(mapping, dict) else mapping, path, sources)


def experiment_from(mapping: Any, path: Path, sources: Sources | None = None) -> Experiment:
    """Build an experiment from plain values that came from `path`.

    Parameters
    ----------
    mapping : object
        What `Experiment.plain` gives, or a part of it.
    path : Path
        Of the file; relative paths are relative to it.
    sources : mapping of str to Source, optional
        Files with functions of the experiment, by their paths, as a plan has them; others are read.

    Raises
    ------
    ConfigError
        As for `load`.
    """
    return _experiment(mapping, path, Collected(), _prepared([_name(mapping)], path), sources)


def _experiment(
    mapping: Any, path: Path, found: Collected, prepared: str, sources: Sources | None = None
) -> Experiment:
    try:
        top = copy.deepcopy(dict(require_mapping(mapping, "")))
        data = top.get("data")
        if isinstance(data, dict):
            data.setdefault("prepared", prepared)
        make_absolute(top, path.absolute().parent)
        return replace(built(read_functions(top, sources or {}), found), file=path)
    except Problem as problem:
        raise _error(path, problem) from None


def _error(path: Path, problem: Problem) -> ConfigError:
    """What is wrong with a file: one line, or a line for each of several things."""
    lines = list(dict.fromkeys(_cut(f"{each.key or 'the file'}: {each}") for each in problem.all))
    if len(lines) == 1:
        return ConfigError(f"{path}: {lines[0]}")
    more = [f"and {len(lines) - _MOST_LINES} more"] if len(lines) > _MOST_LINES else []
    text = "".join(f"\n  {line}" for line in [*lines[:_MOST_LINES], *more])
    return ConfigError(f"{path}: {len(lines)} errors{text}")


def _cut(line: str) -> str:
    """A line that a person reads to its end: it quotes what may be a list of thousands."""
    half = _LONGEST_LINE // 2
    return line if len(line) <= _LONGEST_LINE else f"{line[:half]} ... {line[-half:]}"


def scan_directory(path: Path) -> Path:
    """The directory of a scan that is named by itself, by its experiment file, or by the beginning of either.

    Raises
    ------
    ConfigError
        If it is an experiment file that cannot be read.
    """
    return scans_and_labels([path])[0][0]


def scans_and_labels(paths: Sequence[Path]) -> tuple[list[Path], dict[Path, dict[str, str]]]:
    """The directories of scans, and `data.labels` as they are now of those named by an experiment file.

    Raises
    ------
    ConfigError
        If an experiment file cannot be read.
    """
    directories: list[Path] = []
    labels: dict[Path, dict[str, str]] = {}
    for path in paths:
        path = naming.found(Path(path))
        if ".tar" in path.suffixes and path.is_file():
            raise ConfigError(f"{path}: a packed scan; unpack it with `tar xf`, then give its directory")
        if not naming.is_file_name(path):
            directories.append(path)
            continue
        experiment = load(path)
        directories.append(experiment.directory)
        labels[experiment.directory] = experiment.data.labels
    return directories, labels


def _text(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        text = file.read(_MOST_LETTERS + 1)
    if len(text) > _MOST_LETTERS:
        raise yaml.YAMLError(f"more than {_MOST_LETTERS:,} characters")
    return text


def _leaves(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    """The dotted keys of a file with their values; what stands in a list has the key of the list."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, join(key, str(name)))
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, key)
    else:
        yield key, value


def _overridden(mapping: Mapping[str, Any], override: str) -> dict[str, Any]:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise Problem(override, "an override must read key=value, such as train.epochs=5")
    try:
        return put(mapping, key, read_yaml(text))
    except yaml.YAMLError as error:
        raise Problem(key, f"{text!r} is not valid YAML: {_one_line(error)}") from None


def _one_line(error: Exception) -> str:
    """An error of YAML on a line, without the name that it has for any text."""
    return " ".join(str(error).replace('in "<unicode string>", line', "in line").split())
