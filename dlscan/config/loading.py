"""From a YAML file and the overrides of a command line to an `Experiment`."""

import copy
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from dlscan.config.build import Problem, build_fields, require_mapping
from dlscan.config.experiment import Experiment
from dlscan.config.older import completed
from dlscan.errors import ConfigError

GRID_SECTIONS = ("model", "train")
SUFFIXES = (".yaml", ".yml")


class _Loader(yaml.SafeLoader):
    """Safe YAML in which 1e-3 is a number and a key may stand only once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: list[object] = []
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            line = key_node.start_mark.line + 1
            if key in seen:
                raise yaml.YAMLError(f"line {line}: key {key!r} stands twice in one mapping")
            if isinstance(key, list | dict):
                raise yaml.YAMLError(f"line {line}: {key!r} cannot be a key")
            seen.append(key)
        self.flatten_mapping(node)  # `<<: *other` takes over the keys of another mapping
        return super().construct_mapping(node, deep)


# YAML 1.1, which PyYAML reads, wants a dot in every float; people write 1e-3
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def load(path: Path, overrides: Sequence[str] = ()) -> Experiment:
    """Read and check an experiment file.

    Parameters
    ----------
    path : Path
        The YAML file.
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
    try:
        mapping = _read(path.read_text(encoding="utf-8"))
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
    try:
        for override in overrides:
            mapping = _overridden(require_mapping(mapping, ""), override)
    except Problem as problem:
        raise ConfigError(f"{path}: {problem.key or 'the file'}: {problem}") from None
    return experiment_from(mapping, path)


def load_point(path: Path) -> Experiment:
    """Read the experiment file of a point, which perhaps an older version wrote; errors as for `load`."""
    try:
        mapping = _read(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return load(path)  # which says what is wrong
    return experiment_from(completed(mapping) if isinstance(mapping, dict) else mapping, path)


def experiment_from(mapping: Any, path: Path) -> Experiment:
    """Build an experiment from plain values that came from `path`.

    Raises
    ------
    ConfigError
        As for `load`.
    """
    try:
        top = copy.deepcopy(dict(require_mapping(mapping, "")))
        data = top.get("data")
        if isinstance(data, dict) and isinstance(top.get("name"), str):
            data.setdefault("prepared", f"prepared/{top['name']}")
        _make_absolute(top, path.absolute().parent)
        experiment: Experiment = replace(build_fields(Experiment, top, ""), file=path)
        if experiment.name in (".", "..") or re.search(r"[/\0\n]", experiment.name):
            raise Problem("name", f"must be usable as a directory's name, got {experiment.name!r}")
        _check_grid(experiment)
    except Problem as problem:
        raise ConfigError(f"{path}: {problem.key or 'the file'}: {problem}") from None
    return experiment


def scan_directory(path: Path) -> Path:
    """The directory of a scan that is named by itself or by its experiment file.

    Raises
    ------
    ConfigError
        If it is an experiment file that cannot be read.
    """
    if path.suffix.lower() in SUFFIXES and not path.is_dir():
        return load(path).directory
    return path


def set_key(mapping: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A copy of `mapping` with the dotted `key` set; what lies below `scan.grid` is one key with dots."""
    changed = copy.deepcopy(dict(mapping))
    head, _, tail = key.partition("scan.grid.")
    parts = ["scan", "grid", tail] if tail and not head else key.split(".")
    place: Any = changed
    for depth, part in enumerate(parts[:-1]):
        if place.get(part) is None:
            place[part] = {}
        place = place[part]
        if not isinstance(place, dict):
            raise Problem(key, f"{'.'.join(parts[: depth + 1])} is {place!r}, which has no keys")
    place[parts[-1]] = value
    return changed


def _read(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)


def _overridden(mapping: Mapping[str, Any], override: str) -> dict[str, Any]:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise Problem(override, "an override must read key=value, such as train.epochs=5")
    try:
        return set_key(mapping, key, _read(text))
    except yaml.YAMLError as error:
        raise Problem(key, f"{text!r} is not valid YAML: {_one_line(error)}") from None


def _make_absolute(top: dict[str, Any], base: Path) -> None:
    top.setdefault("output", "scans")
    # where links lead, so that the same file is the same experiment from wherever it is named
    base = base.resolve()
    for place, name in [(top, "output"), (top.get("data"), "raw"), (top.get("data"), "prepared")]:
        if isinstance(place, dict) and isinstance(place.get(name), str) and place[name]:
            place[name] = _absolute(place[name], base)
    batch = top.get("batch")
    if isinstance(batch, dict) and re.search(r"[/.]", str(batch.get("template") or "")):
        # a bare name is that of a template in the package
        batch["template"] = _absolute(str(batch["template"]), base)
    if isinstance(batch, dict) and str(batch.get("scheduler") or "").endswith(".json"):
        # it is looked for later, by commands that are started elsewhere
        batch["scheduler"] = _absolute(batch["scheduler"], base)


def _absolute(text: str, base: Path) -> str:
    # a path's own way knows no `..`, and fails for a user without a home
    return os.path.normpath(base / os.path.expanduser(text))  # noqa: PTH111


def _check_grid(experiment: Experiment) -> None:
    """Try every value of the grid on its own: a bad one must not be found at midnight by the last job."""
    base = experiment.plain()
    if "train.seed" in experiment.scan.grid and experiment.scan.repeats > 1:
        raise Problem("scan.repeats", "repeats vary the seed, and so does train.seed in the grid; choose one")
    for key, values in experiment.scan.grid.items():
        where = f"scan.grid.{key}"
        if key.split(".")[0] not in GRID_SECTIONS or "." not in key:
            raise Problem(
                where, "a scan varies keys of model and train, such as model.width or train.learning_rate"
            )
        if not values:
            raise Problem(where, "must list at least one value")
        seen: list[Any] = []
        for value in values:
            try:
                built = build_fields(Experiment, set_key(base, key, value), "").plain()
            except Problem as problem:
                raise Problem(f"scan.grid.{problem.key}", str(problem)) from None
            # as the experiment understands it: Adam and adam, 1e-3 and 0.001 are the same
            if built in seen:
                raise Problem(where, f"lists {value!r} twice")
            seen.append(built)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
