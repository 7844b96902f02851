"""Dotted keys, `train.early_stopping.patience`, in nested mappings. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from dlscan.config.build import Problem


def short_name_of(key: str) -> str:
    """The last part of a dotted key, behind the name of the branch that it is of: `ECAL_depth`."""
    parts = key.split(".")
    return "_".join(parts[-2:]) if parts[:2] == ["model", "branches"] and len(parts) > 3 else parts[-1]


def get(mapping: Mapping[str, Any], key: str) -> Any:
    """The value of a dotted key; None where there is none, as below a key that is null."""
    value: Any = mapping
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def put(mapping: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A copy of `mapping` with the dotted `key` set; below `scan.grid` and `scan.space` are keys with dots.

    Raises
    ------
    Problem
        If a part of the key is there and has no keys.
    """
    for dotted in ("grid", "space"):
        if key.startswith(start := f"scan.{dotted}."):
            return _put(mapping, ["scan", dotted, key.removeprefix(start)], value, key, "")
    return _put(mapping, key.split("."), value, key, "")


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """What both mappings say, and `above` where both do; mappings within them likewise."""
    both = {
        name: merged(below[name], value)
        for name, value in above.items()
        if isinstance(value, Mapping) and isinstance(below.get(name), Mapping)
    }
    return {**below, **above, **both}


def _put(
    mapping: Mapping[str, Any], parts: Sequence[str], value: Any, key: str, above: str
) -> dict[str, Any]:
    first, *rest = parts
    if not rest:
        return {**mapping, first: value}
    below, place = mapping.get(first), f"{above}.{first}".lstrip(".")
    if below is not None and not isinstance(below, Mapping):
        raise Problem(key, f"{place} is {below!r}, which has no keys")
    return {**mapping, first: _put(below or {}, rest, value, key, place)}
