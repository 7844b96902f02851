"""Build typed, frozen dataclasses from the plain values of a YAML file, or say precisely what is wrong.

A field's annotation is the whole rule: `Annotated[int, Min(1)]`, `Literal["adam", "sgd"]`, `tuple[str, ...]`,
`Path`, another dataclass. A class with a `parse` classmethod reads its own shorthand.
"""

import contextlib
import dataclasses
import functools
import math
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from dlscan.errors import ConfigError
from dlscan.spelling import hint, near_miss

NOT_A_KEY = {"not a key": True}


class Problem(ConfigError):
    """A wrong value: `key` is where, the message is what. `loading` adds the file's name."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key

    @property
    def all(self) -> list["Problem"]:
        """Every single problem that this one stands for."""
        return [self]


class Problems(Problem):
    """Several wrong values at once; it reads as the first of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems[0].key, str(problems[0]))
        self._problems = list(problems)

    @property
    def all(self) -> list[Problem]:
        """See `Problem`."""
        return self._problems


class UnknownKey(Problem):
    """A name that is none of the keys there are."""


class Collected:
    """Collects problems, so that all of a file are reported at once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    @contextlib.contextmanager
    def collecting(self) -> Iterator[None]:
        """Go on behind this block if there is a problem in it."""
        try:
            yield
        except Problem as problem:
            self.problems += problem.all

    def settle(self) -> None:
        """Raise what was collected, if anything was."""
        if self.problems:
            raise self.problems[0] if len(self.problems) == 1 else Problems(self.problems)


@dataclasses.dataclass(frozen=True)
class Min:
    """The least number allowed."""

    bound: float

    def check(self, value: Any, key: str) -> None:
        if value < self.bound:
            raise Problem(key, f"must be at least {self.bound:g}, got {value!r}")


@dataclasses.dataclass(frozen=True)
class Max:
    """The largest number allowed."""

    bound: float

    def check(self, value: Any, key: str) -> None:
        if value > self.bound:
            raise Problem(key, f"must be at most {self.bound:g}, got {value!r}")


@dataclasses.dataclass(frozen=True)
class Above:
    """A number that must be exceeded."""

    bound: float

    def check(self, value: Any, key: str) -> None:
        if value <= self.bound:
            raise Problem(key, f"must be greater than {self.bound:g}, got {value!r}")


@dataclasses.dataclass(frozen=True)
class Below:
    """A number that must not be reached."""

    bound: float

    def check(self, value: Any, key: str) -> None:
        if value >= self.bound:
            raise Problem(key, f"must be less than {self.bound:g}, got {value!r}")


def build(rule: Any, value: Any, key: str) -> Any:
    """Turn a plain value into what `rule` describes.

    Parameters
    ----------
    rule : type
        A type annotation.
    value : object
        What YAML gave.
    key : str
        Dotted path of the value in the file, for the message.

    Raises
    ------
    Problem
        If the value does not fit; it names the nearest valid key or the valid values.
    """
    origin = get_origin(rule)
    if origin is Annotated:
        inner, *checks = get_args(rule)
        built = build(inner, value, key)
        for check in checks:
            check.check(built, key)
        return built
    if hasattr(rule, "parse"):
        return rule.parse(value, key)
    if dataclasses.is_dataclass(rule):
        return build_fields(rule, value, key)
    if origin in (Union, types.UnionType):
        return _build_optional(rule, value, key)
    if origin is Literal:
        return _build_choice(get_args(rule), value, key)
    if origin is tuple:
        return _build_tuple(get_args(rule)[0], value, key)
    if origin is dict:
        return _build_dict(get_args(rule)[1], value, key)
    return _build_scalar(rule, value, key)


def build_fields(rule: Any, value: Any, key: str) -> Any:
    """Build a dataclass from a mapping; every unknown, missing or wrong key is a `Problem`."""
    mapping = require_mapping(value, key)
    hints, fields, found = _hints(rule), keys(rule), Collected()
    built = {}
    for name, item in mapping.items():
        with found.collecting():
            if name not in fields:
                raise unknown(name, fields, key)
            built[name] = build(hints[name], item, join(key, name))
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        if required and name not in mapping:
            found.problems.append(Problem(join(key, name), "missing; this key is required"))
    found.settle()
    return rule(**built)


@functools.cache
def _hints(rule: Any) -> dict[str, Any]:
    # it takes longer than to build what it is asked for
    return get_type_hints(rule, include_extras=True)


@functools.cache
def keys(rule: Any) -> dict[str, "dataclasses.Field[Any]"]:
    """The fields of a dataclass that are keys of the file."""
    return {field.name: field for field in dataclasses.fields(rule) if not field.metadata.get("not a key")}


def unknown(name: object, valid: Iterable[str], key: str) -> Problem:
    """The complaint about a name that does not exist, with the nearest that does."""
    return UnknownKey(join(key, str(name)), f"unknown key; {hint(name, valid)}")


def require_mapping(value: Any, key: str) -> Mapping[str, Any]:
    """`value` itself if it is a mapping with text keys, else a `Problem`."""
    if not isinstance(value, Mapping):
        raise Problem(key, f"must be a mapping (key: value), got {value!r}")
    return value


def join(key: str, name: str) -> str:
    """Dotted path of `name` below `key`."""
    return f"{key}.{name}" if key else name


def plain(value: Any) -> Any:
    """The plain YAML/JSON value that `build` reads back as `value`."""
    if hasattr(value, "plain"):
        return value.plain()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def _build_optional(rule: Any, value: Any, key: str) -> Any:
    inner = [option for option in get_args(rule) if option is not type(None)]
    if value is None and len(inner) < len(get_args(rule)):
        return None
    problems = []
    for option in inner:
        try:
            return build(option, value, key)
        except Problem as problem:
            problems.append(problem)
    parts = [str(problem).partition(", got ") for problem in problems]
    if len(problems) == 1 or not all(got for _, got, _ in parts):
        raise problems[0]
    wanted = " or ".join(words.removeprefix("must be ").removeprefix("one of ") for words, _, _ in parts)
    raise Problem(key, f"must be {wanted}, got {parts[0][2]}")


def _build_choice(choices: tuple[Any, ...], value: Any, key: str) -> Any:
    for choice in choices:
        same_text = isinstance(value, str) and isinstance(choice, str) and value.lower() == choice.lower()
        if same_text or (type(value) is type(choice) and value == choice):
            return choice
    near = near_miss(value, map(str, choices))
    meant = f"; did you mean {near!r}?" if near else ""
    raise Problem(key, f"must be one of {', '.join(map(str, choices))}, got {value!r}{meant}")


def _build_tuple(rule: Any, value: Any, key: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise Problem(key, f"must be a list ([a, b]), got {value!r}")
    found, built = Collected(), []
    for number, item in enumerate(value):
        with found.collecting():
            built.append(build(rule, item, f"{key}[{number}]"))
    found.settle()
    return tuple(built)


def _build_dict(rule: Any, value: Any, key: str) -> dict[str, Any]:
    mapping = require_mapping(value, key)
    for name in mapping:
        if isinstance(name, bool) or name is None:
            raise Problem(
                key, f"has the name {name!r}, as YAML reads it; write names such as 'yes' in quotes"
            )
    found, built = Collected(), {}
    for name, item in mapping.items():
        with found.collecting():
            built[str(name)] = build(rule, item, join(key, str(name)))
    found.settle()
    return built


def _build_scalar(rule: Any, value: Any, key: str) -> Any:
    if rule is Any:
        return value
    if rule is Path and isinstance(value, str | Path) and str(value):
        return Path(value)
    if rule is bool and isinstance(value, bool):
        return value
    if rule is str and isinstance(value, str) and value:
        return value
    if rule is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if rule is float and isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise Problem(key, f"must be finite, got {value!r}")
        return number
    kind = {Path: "a path", bool: "true or false", str: "text", int: "a whole number", float: "a number"}[
        rule
    ]
    raise Problem(key, f"must be {kind}, got {value!r}")
