"""Whether what a file says fits the dataclass it was written from: anybody may have changed it since."""

import functools
import math
import types
from collections.abc import Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints


def misfit(cls: type, value: Any) -> str:
    """Say which value of a mapping does not fit the field of its name; empty if all do.

    Parameters
    ----------
    cls : type
        A dataclass of plain values: text, numbers, true or false, None, and tuples, lists and dicts of these.
    value : object
        What JSON gave; keys that are no field's are left alone, and missing ones are not missed.
    """
    if not isinstance(value, Mapping):
        return f"{shown(value)} in place of names with values"
    for name, rule in _hints(cls).items():
        if name in value and not fits(rule, value[name]):
            return f"{name} is {shown(value[name])}"
    return ""


def fits(rule: Any, value: Any) -> bool:
    """Whether a plain value is one that an annotation allows; numbers have to be finite."""
    origin, inner = get_origin(rule), get_args(rule)
    if origin in (Union, types.UnionType):
        return any(fits(option, value) for option in inner)
    if origin in (list, tuple):
        return isinstance(value, list | tuple) and all(fits(inner[0], item) for item in value)
    if origin is dict:
        return isinstance(value, Mapping) and all(
            fits(inner[0], name) and fits(inner[1], item) for name, item in value.items()
        )
    if rule is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if rule is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return rule is Any or isinstance(value, rule)


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def shown(value: Any) -> str:
    """A value in few words."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
