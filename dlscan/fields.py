"""Whether what a file says fits the dataclass it was written from: anybody may have changed it since."""

import functools
import itertools
import math
import types
from collections.abc import Mapping, Sequence
from typing import Any, Union, get_args, get_origin, get_type_hints

# More is no number of anything, and tables keep integers in 64 bits.
LARGEST_INTEGER = 2**63 - 1


def misfit(cls: type, value: Any, finite: bool = True) -> str:
    """Say which value of a mapping does not fit the field of its name; empty if all do.

    Parameters
    ----------
    cls : type
        A dataclass of plain values: text, numbers, true or false, None, and tuples, lists and dicts of these.
    value : object
        What JSON gave; keys that are no field's are left alone, and missing ones are not missed.
    finite : bool
        Whether numbers have to be finite.
    """
    if not isinstance(value, Mapping):
        return f"must be a mapping of names to values, got {shown(value)}"
    for name, rule in _hints(cls).items():
        if name in value and not fits(rule, value[name], finite):
            return f"{name} is {shown(value[name])}"
    return ""


def fits(rule: Any, value: Any, finite: bool = True) -> bool:
    """Whether a plain value is one that an annotation allows."""
    return _all_fit(rule, [value], finite)


def _all_fit(rule: Any, values: Sequence[Any], finite: bool) -> bool:
    """Whether all of them do: together, because ten thousand records have millions of numbers."""
    origin, inner, allowed = _taken_apart(rule)
    if allowed is not None:
        if Any in allowed:
            return True
        found = set(map(type, values))
        if int in found and any(abs(value) > LARGEST_INTEGER for value in values if type(value) is int):
            return False
        if finite and float in found and not all(math.isfinite(v) for v in values if type(v) is float):
            return False
        return found <= allowed
    if origin in (list, tuple):
        lists = all(isinstance(value, list | tuple) for value in values)
        return lists and _all_fit(inner[0], list(itertools.chain(*values)), finite)
    if origin is dict:
        return all(isinstance(value, Mapping) for value in values) and all(
            _all_fit(part, list(itertools.chain(*items)), finite)
            for part, items in zip(inner, (values, (value.values() for value in values)), strict=True)
        )
    return all(any(_all_fit(option, [value], finite) for option in inner) for value in values)


@functools.cache
def _taken_apart(rule: Any) -> tuple[Any, tuple[Any, ...], frozenset[Any] | None]:
    """The container of a rule, what may be in it, and its plain types."""
    return get_origin(rule), get_args(rule), _plain_types(rule)


def _plain_types(rule: Any) -> frozenset[Any] | None:
    """The types that a rule without containers allows; 1.0 may be written as 1."""
    options = get_args(rule) if get_origin(rule) in (Union, types.UnionType) else (rule,)
    if any(get_origin(option) is not None for option in options):
        return None
    return frozenset(options) | ({int} if float in options else set())


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def shown(value: Any) -> str:
    """A value in few words."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
