"""What an experiment file names beside it: paths become absolute, and functions in files are read."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlscan.config.build import Problem, join
from dlscan.config.source import Source, in_file, is_in_file, with_path

# Files with functions, by their paths.
Sources = Mapping[str, Source]
# Keys whose value may be a function in a file, also of networks within a network; a scan has the same keys.
_FUNCTION = r"model\.(branches\..+\.|body\.)?(family|adjacency)|train\.loss|data\.augment\..+"
# What a network begins with, also in a scan.
_FROM = re.compile(r"(^|\.)model\.pretrained\.from(\.choice)?$")
_IN_FILE = re.compile(rf"(scan\.(grid|points|space)\.)?({_FUNCTION})(\.choice)?")


def make_absolute(top: dict[str, Any], base: Path) -> None:
    """Let relative paths of a file begin at `base`, its directory."""
    top.setdefault("output", "scans")
    # where links lead, so that the same file is the same experiment from wherever it is named
    base = base.resolve()
    scan = top.get("scan")
    search = scan.get("search") if isinstance(scan, dict) else None
    data = top.get("data")
    known = [(top, "output"), (data, "raw"), (data, "prepared"), (search, "from")]
    for place, name in [*known, (top.get("adversary"), "raw")]:
        if isinstance(place, dict) and isinstance(place.get(name), str) and place[name]:
            place[name] = _absolute(place[name], base)
    batch = top.get("batch")
    if isinstance(batch, dict) and re.search(r"[/.]", str(batch.get("template") or "")):
        # a bare name is that of a template in the package
        batch["template"] = _absolute(str(batch["template"]), base)
    if isinstance(batch, dict) and str(batch.get("scheduler") or "").endswith(".json"):
        # it is looked for later, by commands that are started elsewhere
        batch["scheduler"] = _absolute(batch["scheduler"], base)
    for section in ("data", "model", "train", "scan"):
        if section in top:
            top[section] = _begun_at(top[section], section, base)
            top[section] = _changed(
                top[section], section, lambda value, key: with_path(value, lambda path: _absolute(path, base))
            )


def read_functions(top: Mapping[str, Any], sources: Sources) -> dict[str, Any]:
    """The sections with an `InFile` for each function in a file; one that cannot be read stays a text.

    It is refused where its key is built, under the name that it has there.
    """
    read = dict(sources)

    def function(value: str, key: str) -> str:
        try:
            found = in_file(value, key, read)
        except Problem:
            return value
        read[str(found.source.path)] = found.source
        return found

    return {section: _changed(value, section, function) for section, value in top.items()}


def with_paths(top: Mapping[str, Any], moved: Mapping[str, str]) -> dict[str, Any]:
    """The sections with other paths, which `moved` has for these, of functions in files."""
    return {
        section: _changed(
            value, section, lambda text, key: with_path(text, lambda path: moved.get(path, path))
        )
        for section, value in top.items()
    }


def functions_by_key(top: Mapping[str, Any]) -> dict[str, str]:
    """What the sections name of functions in files, by dotted key."""
    found: dict[str, str] = {}

    def note(value: str, key: str) -> str:
        # a list of steps may have several
        found[f"{key}[{len(found)}]" if key in found else key] = value
        return value

    for section, value in top.items():
        _changed(value, section, note)
    return found


def _changed(value: Any, key: str, change: Any) -> Any:
    """Nested values with those changed that name a function in a file."""
    if isinstance(value, dict):
        return {name: _changed(item, join(key, str(name)), change) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_changed(item, key, change) for item in value]
    return change(value, key) if is_in_file(value) and _IN_FILE.fullmatch(key) else value


def _begun_at(value: Any, key: str, base: Path) -> Any:
    """Nested values with those made absolute that say what networks begin with."""
    if isinstance(value, dict):
        return {name: _begun_at(item, join(key, str(name)), base) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_begun_at(item, key, base) for item in value]
    return _absolute(value, base) if isinstance(value, str) and value and _FROM.search(key) else value


def _absolute(text: str, base: Path) -> str:
    # a path's own way knows no `..`, and fails for a user without a home
    return os.path.normpath(base / os.path.expanduser(text))  # noqa: PTH111
