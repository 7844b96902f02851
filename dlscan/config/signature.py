"""The parameters of a function in a file, told from its text: no line is run, and Keras is not loaded."""

import ast
import dataclasses
import functools
from collections.abc import Iterator
from typing import Any, Literal, Optional, Union

from dlscan.config.build import Problem, build
from dlscan.config.source import InFile, Source

# Given by dlscan; not keys of the experiment.
SEED, MASKS = "seed", "masks"
# They mean something else: keys that every family has, how sections are read and written.
_RESERVED = ("family", "inputs", "parse", "plain")
_SCALARS: dict[str, Any] = {"int": int, "float": float, "bool": bool, "str": str, "None": type(None)}
_TYPES = "int, float, bool, str, Literal[...], or several of these with |"
# Names that stand for names; an alias of itself has no end.
_DEEPEST = 20


class _Unknown(Exception):
    """An annotation or a default that only running the file could tell."""


def takes(function: InFile, name: str) -> bool:
    """Whether a function has a parameter `name`, such as `seed`, beside its first."""
    arguments = function.source.function(function.function, "").args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return any(each.arg == name for each in every[1:])


def parameters(function: InFile, key: str) -> type:
    """The keyword parameters of a function as a frozen dataclass, whose annotations check values.

    Parameters
    ----------
    function : InFile
        Its first parameter is positional and not among them; neither are `seed` and `masks`.
    key : str
        Of the experiment, for the message.

    Raises
    ------
    Problem
        If a parameter cannot be a key; it names file and line.
    """
    try:
        return _parameters(function.source, function.function)
    except Problem as problem:
        raise Problem(key, str(problem)) from None


# the same class each time: values of two are never equal
@functools.cache
def _parameters(source: Source, name: str) -> type:
    node, names = source.function(name, ""), _assigned(source.tree(""))
    fields: list[Any] = []
    for argument, default in _keywords(node, source):
        where = f"{source.path}:{argument.lineno}: {name}: parameter {argument.arg}"
        if argument.arg in _RESERVED:
            raise Problem("", f"{where} has a name that dlscan needs itself; choose another one")
        try:
            assert argument.annotation is not None
            rule = _rule(argument.annotation, names)
        except (_Unknown, AssertionError):
            raise Problem("", f"{where} needs a type: {_TYPES}") from None
        fields.append((argument.arg, rule, *_default(default, rule, names, where)))
    return dataclasses.make_dataclass(name, fields, frozen=True, kw_only=True)


def _keywords(node: ast.FunctionDef, source: Source) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    """The parameters that become keys, with their defaults."""
    arguments = node.args
    where = f"{source.path}:{node.lineno}: {node.name}"
    positional = [*arguments.posonlyargs, *arguments.args]
    if not positional:
        raise Problem("", f"{where} needs a first parameter, which gets a dict of the inputs")
    if len(arguments.posonlyargs) > 1:
        raise Problem("", f"{where} may have one parameter before the /")
    for several in (arguments.vararg, arguments.kwarg):
        if several is not None:
            raise Problem("", f"{where} has {several.arg} with a star; each key needs a name of its own")
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
    found = zip(positional, [*defaults, *arguments.defaults], strict=True)
    by_name = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    for argument, default in [*list(found)[1:], *by_name]:
        if argument.arg not in (SEED, MASKS):
            yield argument, default


def _default(node: ast.expr | None, rule: Any, names: dict[str, ast.expr], where: str) -> tuple[Any, ...]:
    """The field of a default; nothing for a parameter without one, which must be set."""
    if node is None:
        return ()
    try:
        value = _value(node, names)
    except _Unknown:
        raise Problem("", f"{where} needs a default that is written as a value") from None
    try:
        return (dataclasses.field(default=build(rule, value, "")),)
    except Problem as problem:
        raise Problem("", f"{where} has a default that {problem}") from None


def _assigned(tree: ast.Module) -> dict[str, ast.expr]:
    """What names of the file stand for."""
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if isinstance(node, ast.Assign | ast.AnnAssign) and value is not None:
            found |= {target.id: value for target in targets if isinstance(target, ast.Name)}
    return found


def _rule(node: ast.expr, names: dict[str, ast.expr], depth: int = 0) -> Any:
    """The type that an annotation means."""
    if depth > _DEEPEST:
        raise _Unknown
    match node:
        case ast.Constant(value=None):
            return type(None)
        case ast.Constant(value=str(text)):
            return _rule(_parsed(text), names, depth + 1)
        case ast.Name(id=name) if name in names:
            return _rule(names[name], names, depth + 1)
        case ast.Name(id=name) if name in _SCALARS:
            return _SCALARS[name]
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return Union[_rule(left, names, depth + 1), _rule(right, names, depth + 1)]  # noqa: UP007
        case ast.Subscript(value=ast.Name(id=kind) | ast.Attribute(attr=kind), slice=inner):
            parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            if kind == "Literal":
                return Literal[tuple(_value(part, names) for part in parts)]
            if kind in ("Optional", "Union", "Annotated"):
                # what else is said of a type is for others
                rules = [_rule(part, names, depth + 1) for part in parts[: 1 if kind != "Union" else None]]
                return Optional[rules[0]] if kind == "Optional" else Union[tuple(rules)]  # noqa: UP007,UP045
    raise _Unknown


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        raise _Unknown from None


def _value(node: ast.expr, names: dict[str, ast.expr]) -> Any:
    """The plain value that an expression is."""
    if isinstance(node, ast.Name) and node.id in names:
        node = names[node.id]
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise _Unknown from None
    if not isinstance(value, str | int | float | None):
        raise _Unknown
    return value
