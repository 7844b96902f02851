"""From a YAML file and the overrides of a command line to an `Experiment`."""

import contextlib
import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from dlscan.config import naming
from dlscan.config.build import Collected, Problem, build, build_fields, join, require_mapping
from dlscan.config.combinations import Combinations
from dlscan.config.dotted import put
from dlscan.config.experiment import Experiment
from dlscan.config.fitting import SECTIONS
from dlscan.config.older import completed
from dlscan.config.places import Sources, make_absolute, read_functions
from dlscan.config.reading import read_yaml
from dlscan.config.scan import ScanOptions
from dlscan.config.units import require_unit
from dlscan.errors import ConfigError
from dlscan.files import read_json

# A file with more errors than that is of another kind.
_MOST_LINES = 30
_LONGEST_LINE = 1000
_MOST_LETTERS = 5_000_000
# What must fit the task.
_FOR_THE_TASK = ("model.family", "train.loss", "train.label_smoothing", "train.early_stopping")
DURATIONS = ("train.time_limit", "batch.time")


def load(path: Path, overrides: Sequence[str] = ()) -> Experiment:
    """Read and check an experiment file.

    Parameters
    ----------
    path : Path
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
    path = naming.found(path)
    mapping, found = _planned(path) if naming.is_scan(path) else _read(path), Collected()
    names = [_name(mapping)]
    for override in overrides:
        with found.collecting():
            mapping = _overridden(require_mapping(mapping, ""), override)
    for key, value in _leaves(mapping, ""):
        if re.sub(r"^scan\.(grid|points|space)\.", "", key) in DURATIONS:
            with found.collecting():
                require_unit(value, key)
    prepared = _prepared([*names, _name(mapping)], path)
    return replace(_experiment(mapping, path, found, prepared), overrides=tuple(overrides))


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
        return replace(_built(read_functions(top, sources or {}), found), file=path)
    except Problem as problem:
        raise _error(path, problem) from None


def _built(top: dict[str, Any], found: Collected) -> Experiment:
    """Build what a file says; every `Problem` that there is at once, those `found` before among them."""
    combinations: Combinations | None = None
    experiment: Experiment | None = None
    if top.get("adversary") and isinstance(train := top.get("train", {}), dict):
        # the epoch with the least loss is one that does not heed the adversary
        top = {**top, "train": {"early_stopping": None, **train}}
    with found.collecting():
        combinations = _combinations(top)
    # what is there for some points alone is not for the file without them
    fitted = {name: combinations.base(name) for name in SECTIONS if name in top} if combinations else {}
    with found.collecting():
        experiment = build_fields(Experiment, {**top, **fitted}, "")
    name = top.get("name")
    if isinstance(name, str) and (name in (".", "..") or re.search(r"[/\0\n]", name)):
        found.problems.append(Problem("name", f"must be usable as a directory's name, got {name!r}"))
    wrong = {problem.key.partition(".")[0] for problem in found.problems}
    if combinations and not wrong & {"scan", *SECTIONS}:
        with found.collecting():
            each = {(point.train, point.model): point for point in reversed(combinations.examples)}
            for (train, model), point in each.items() if experiment else ():
                with found.collecting(), _of_combination(point.params):
                    experiment.task.require_fit(train, model)
                    has_folds = experiment.data.folds is not None
                    point.adversary.require_fit(experiment.task, train, model, has_folds)
                    model.require_inputs(experiment.data.inputs)
            if experiment and experiment.scan.halving:
                if any(point.adversary.own for point in each.values()):
                    raise Problem(
                        "scan.halving",
                        "compares points by their loss, which is least for a network that does not heed its "
                        "adversary; leave out one of them",
                    )
                experiment.scan.halving.require_fit(list(each))
            if experiment:
                asked = [train.devices for train, _ in each if train.devices != "all"]
                batch = experiment.batch.with_gpus(max(asked, default=1), "gpus" in top.get("batch", {}))
                experiment = replace(experiment, batch=batch)
    found.settle()
    assert combinations is not None
    assert experiment is not None
    return replace(experiment, combinations=combinations)


@contextlib.contextmanager
def _of_combination(params: Mapping[str, Any]) -> Iterator[None]:
    """Name the point in what is wrong with it, if one of these keys that it sets is about that."""
    try:
        yield
    except Problem as problem:
        about = {key: value for key, value in params.items() if key.startswith(_FOR_THE_TASK)}
        if len(about) < 2:
            raise
        name = ", ".join(f"{key}={value}" for key, value in about.items())
        raise Problem("scan", f"{name}: {problem}") from None


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
        path = naming.found(path)
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


def _combinations(top: Mapping[str, Any]) -> Combinations | None:
    """The points of the scan; None if `scan`, `model` or `train` is wrong in a way that hides them."""
    sections = {name: top.get(name, {}) for name in SECTIONS}
    sections["adversary"] = sections["adversary"] or {}
    if not all(isinstance(section, dict) for section in sections.values()):
        return None
    try:
        scan: ScanOptions = build(ScanOptions, top.get("scan", {}), "scan")
    except Problem:
        return None  # it is said when the whole is built
    return Combinations(sections, scan)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
