"""Whether what a file says fits the dataclass it was written from: anybody may have changed it since."""

import functools
import itertools
import math
import types
from collections.abc import Callable, Collection, Mapping
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
    for name, fit in _checks(cls).items():
        if name in value and not fit((value[name],), finite):
            return f"{name} is {shown(value[name])}"
    return ""


def fits(rule: Any, value: Any, finite: bool = True) -> bool:
    """Whether a plain value is one that an annotation allows."""
    return _check(rule)((value,), finite)


# Whether all of some values are allowed, and finite if asked. Together, because ten thousand records have
# millions of numbers.
_Check = Callable[[Collection[Any], bool], bool]


@functools.cache
def _check(rule: Any) -> _Check:
    """The check of an annotation."""
    allowed = _plain_types(rule)
    if allowed is not None and Any in allowed:
        return lambda values, finite: True
    inner = tuple(map(_check, get_args(rule)))
    if allowed is not None:
        return functools.partial(_all_plain, allowed)
    if get_origin(rule) in (list, tuple):
        return functools.partial(_all_lists, inner[0])
    if get_origin(rule) is dict:
        return functools.partial(_all_mappings, inner[0], inner[1])
    return lambda values, finite: all(any(fit((value,), finite) for fit in inner) for value in values)


def _all_plain(allowed: frozenset[Any], values: Collection[Any], finite: bool) -> bool:
    found = set(map(type, values))
    if int in found and any(abs(value) > LARGEST_INTEGER for value in values if type(value) is int):
        return False
    if finite and float in found and not all(math.isfinite(v) for v in values if type(v) is float):
        return False
    return found <= allowed


def _all_lists(inner: _Check, values: Collection[Any], finite: bool) -> bool:
    kinds = set(map(type, values))
    lists = kinds <= {list, tuple} or all(isinstance(value, list | tuple) for value in values)
    return lists and inner(list(itertools.chain.from_iterable(values)), finite)


def _all_mappings(names: _Check, inner: _Check, values: Collection[Any], finite: bool) -> bool:
    if not set(map(type, values)) <= {dict} and not all(isinstance(value, Mapping) for value in values):
        return False
    if len(values) == 1:
        (value,) = values
        return names(value, finite) and inner(value.values(), finite)
    parts = itertools.chain.from_iterable(value.values() for value in values)
    return names(list(itertools.chain.from_iterable(values)), finite) and inner(list(parts), finite)


def _plain_types(rule: Any) -> frozenset[Any] | None:
    """The types that a rule without containers allows; 1.0 may be written as 1."""
    options = get_args(rule) if get_origin(rule) in (Union, types.UnionType) else (rule,)
    if any(get_origin(option) is not None for option in options):
        return None
    return frozenset(options) | ({int} if float in options else set())


@functools.cache
def _checks(cls: type) -> dict[str, _Check]:
    return {name: _check(rule) for name, rule in get_type_hints(cls).items()}


def shown(value: Any) -> str:
    """A value in few words."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
