"""Tell a record of dlscan from a file that only looks like one, and from one of a newer dlscan."""

import functools
import itertools
import re
import typing
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import dlscan
from dlscan.errors import DlscanError
from dlscan.files import read_json
from dlscan.record import Record


class UnsoundError(DlscanError):
    """A field of a record is not what it should be."""


# a table keeps integers in 64 bits
LARGEST_INTEGER = 2**63 - 1

_CONTAINERS: dict[Any, tuple[type, ...]] = {dict: (dict,), list: (list, tuple), tuple: (list, tuple)}


def require_sound(record: Record) -> None:
    """Refuse a record whose fields are not of the types that they should be.

    Raises
    ------
    UnsoundError
        Which field, and what it holds.
    """
    for name, (containers, allowed) in _fields().items():
        value = getattr(record, name)
        if not _fits(value, containers, allowed):
            raise UnsoundError(f"{name!r} is {_short(value)}")
    for name, ends in record.errors.items():
        if len(ends) != 2:
            raise UnsoundError(f"the error of {name!r} is {_short(ends)}")


def is_newer(versions: Mapping[str, Any]) -> bool:
    """Whether a newer dlscan than this has written a record with these versions."""
    return _numbers(versions.get("dlscan")) > _numbers(dlscan.__version__)


def newer_version(path: Path) -> str | None:
    """The version of dlscan that has written a record which this one cannot read, if it is a newer one."""
    try:
        versions = read_json(path)["versions"]
        return versions["dlscan"] if is_newer(versions) else None
    except (DlscanError, OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


@functools.cache
def _fields() -> dict[str, tuple[tuple[Any, ...], frozenset[type]]]:
    """For each field of a record the containers, from outside in, and what the innermost may hold."""
    return {name: _nested(hint) for name, hint in typing.get_type_hints(Record).items()}


def _nested(hint: Any) -> tuple[tuple[Any, ...], frozenset[type]]:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in _CONTAINERS:
        containers, allowed = _nested(arguments[1 if origin is dict else 0])
        return (origin, *containers), allowed
    allowed = frozenset(arguments or (hint,))
    # 1.0 may be written as 1
    return (), allowed | {int} if float in allowed else allowed


def _fits(value: Any, containers: Sequence[Any], allowed: Collection[Any]) -> bool:
    """Whether a value that was read from JSON is what it should be, to the innermost."""
    values = [value]
    for container in containers:
        if not all(isinstance(value, _CONTAINERS[container]) for value in values):
            return False
        inner = (value.values() if container is dict else value for value in values)
        values = list(itertools.chain.from_iterable(inner))
    found = set(map(type, values))
    small = int not in found or all(abs(value) <= LARGEST_INTEGER for value in values if type(value) is int)
    return Any in allowed or (found <= set(allowed) and small)


def _numbers(version: Any) -> tuple[int, ...]:
    """`0.10.2.dev3` as (0, 10, 2)."""
    found = re.match(r"\d+(\.\d+)*", version if isinstance(version, str) else "")
    return tuple(map(int, found[0].split("."))) if found else ()


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
