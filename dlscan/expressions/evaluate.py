"""Evaluate expressions over whole columns at once."""

import functools
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.expressions import language
from dlscan.expressions.constituents import Array, Ragged, reduced
from dlscan.expressions.language import Node
from dlscan.expressions.parse import Expression

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "In": lambda value, values: functools.reduce(np.logical_or, (value == one for one in values)),
    "NotIn": lambda value, values: functools.reduce(np.logical_and, (value != one for one in values)),
}
_COMPARE_TEXTS = _COMPARE | {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
}
# of numpy, which knows no division by zero that is an error
_COMPUTE: dict[str, Callable[[Any, Any], Any]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mult": np.multiply,
    "Div": np.true_divide,
    "Pow": np.float_power,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "sqrt": np.sqrt,
    "log": np.log,
    "min": lambda *values: functools.reduce(np.minimum, values),
    "max": lambda *values: functools.reduce(np.maximum, values),
}


# What an expression makes of n rows: a number for all, one for each, (n,), or several, (n, ...).
Value = float | str | list[Any] | Array | Ragged


def select(expression: Expression, rows: int, look_up: Callable[[str], Array | Ragged]) -> NDArray[np.bool_]:
    """The rows for which an expression holds.

    Parameters
    ----------
    expression : Expression
        What to evaluate.
    rows : int
        How many there are.
    look_up : callable
        Gives the values of a name: numbers, (rows,), (rows, ...) or `Ragged`; or, where there are texts,
        objects, (rows,), in which None is missing. A comparison with a missing value is false.

    Returns
    -------
    ndarray of bool, (rows,)

    Raises
    ------
    Exception
        Of the expression's language, if values do not go together.
    """
    evaluation = _Evaluation(expression, rows, look_up)
    try:
        with np.errstate(all="ignore"):
            found = evaluation.truth(expression.root, np.ones(rows, bool))
    except RecursionError:
        raise expression.language.fault("is nested too deeply") from None
    if isinstance(found, np.ndarray) and found.shape == (rows,):
        return found
    several = expression.language.fault(
        f"{expression.root.text!r} is true or false for each of several constituents, not for an event; "
        "write any(...) or all(...)"
    )
    if isinstance(found, Ragged) or np.ndim(found):
        raise several
    return np.full(rows, bool(found))


class _Evaluation:
    def __init__(self, expression: Expression, rows: int, look_up: Callable[[str], Array | Ragged]) -> None:
        self.fault, self.rows, self.look_up = expression.language.fault, rows, look_up
        self.texts = expression.language.texts

    def truth(self, node: Node, active: Array) -> Value:
        """What is true of which row; rows that are not `active` do not matter, and texts are not compared."""
        match node:
            case language.Joint(every=every, parts=parts):
                found = self.truth(parts[0], active)
                for part in parts[1:]:
                    if isinstance(found, np.ndarray) and found.shape == active.shape:
                        active = active & (found if every else ~found)
                    join = np.logical_and if every else np.logical_or
                    found = self._map(node, join, found, self.truth(part, active))
                return found
            case language.Negated(part=part):
                return self._map(node, np.logical_not, self.truth(part, active))
            case language.Comparison():
                return self._comparison(node, active)
            case language.Name():
                found = self._named(node)
                kind = found.values.dtype if isinstance(found, Ragged) else found.dtype
                if kind != np.bool_:
                    raise self.fault(f"{node.text!r} is a number; compare it, such as {node.text} > 0")
                return found
            case language.Call():
                return self.value(node)
        raise AssertionError(node)

    def value(self, node: Node) -> Value:
        match node:
            case language.Constant(value=value):
                return value
            case language.Listed(items=items):
                return list(map(self.value, items))
            case language.Name():
                return self._named(node)
            case language.Arithmetic(operator=kind, left=left, right=right):
                return self._map(node, _wide(_COMPUTE[kind]), self.value(left), self.value(right))
            case language.Call(function=name, arguments=arguments):
                constituents = name in language.OF_TRUTHS or (
                    name in language.OF_NUMBERS and len(arguments) == 1
                )
                if constituents:
                    return self._reduce(node)
                return self._map(node, _wide(_FUNCTIONS[name]), *map(self.value, arguments))
        raise AssertionError(node)

    def _named(self, node: language.Name) -> Array | Ragged:
        found = self.look_up(node.text)
        if isinstance(found, np.ndarray) and found.ndim > 1 and math.prod(found.shape[1:]) == 1:
            return found.reshape(len(found))
        return found

    def _comparison(self, node: language.Comparison, active: Array) -> Value:
        values = [self.value(each) for each in node.values]
        if self.texts:
            return self._with_texts(node, values, active)

        def compare(*found: Any) -> Any:
            pairs = zip(node.operators, found[:-1], found[1:], strict=True)
            return functools.reduce(np.logical_and, (_COMPARE[kind](*pair) for kind, *pair in pairs))

        return self._map(node, compare, *values)

    def _with_texts(self, node: language.Comparison, values: list[Value], active: Array) -> Array:
        holds = np.zeros(self.rows, bool)
        for row in np.flatnonzero(active).tolist():
            found = [_at(value, row) for value in values]
            if any(value is None for value in found):
                continue
            pairs = zip(node.operators, found[:-1], found[1:], strict=True)
            try:
                holds[row] = all(_COMPARE_TEXTS[kind](*pair) for kind, *pair in pairs)
            except TypeError:
                raise self.fault(f"cannot compare {found[0]!r} with {found[1]!r}") from None
        return holds

    def _map(self, node: Node, function: Callable[..., Any], *values: Value) -> Value:
        """Apply a function value by value; a number of an event goes with each of its constituents."""
        ragged = [value for value in values if isinstance(value, Ragged)]
        arrays = [value for value in values if isinstance(value, np.ndarray)]
        shape = max((array.shape for array in arrays), key=len, default=())
        for array in arrays:
            if array.ndim > 1 and (ragged or array.shape != shape):
                raise self._differ(node)
        if not ragged:
            wide = [_widened(value, len(shape)) for value in values]
            result: Value = function(*wide)
            return result
        offsets = ragged[0].offsets
        if not all(np.array_equal(offsets, other.offsets) for other in ragged[1:]):
            raise self._differ(node)
        counts = np.diff(offsets)
        flat = [
            value.values
            if isinstance(value, Ragged)
            else np.repeat(value, counts)
            if isinstance(value, np.ndarray)
            else value
            for value in values
        ]
        return Ragged(offsets, function(*flat))

    def _differ(self, node: Node) -> Exception:
        return self.fault(f"{node.text!r} puts together events with different numbers of constituents")

    def _reduce(self, node: language.Call) -> Array:
        (inner,) = node.arguments
        of_truth = isinstance(inner, language.Comparison | language.Joint | language.Negated)
        if node.function in language.OF_TRUTHS or of_truth:
            found = self.truth(inner, np.ones(self.rows, bool))
        else:
            found = self.value(inner)
        if isinstance(found, Ragged) or (isinstance(found, np.ndarray) and found.ndim > 1):
            return reduced(node.function, found)
        raise self.fault(
            f"{node.text!r}: {inner.text} is one number per event, and {node.function}() is for several"
        )


def _at(value: Any, row: int) -> Any:
    """What a row has of a value."""
    if isinstance(value, list):
        return [_at(one, row) for one in value]
    return value[row] if isinstance(value, np.ndarray) else value


def _widened(value: Any, axes: int) -> Any:
    """Numbers of events with axes of length one behind, as many as constituents have."""
    if isinstance(value, np.ndarray) and 0 < value.ndim < axes:
        return value.reshape(value.shape + (1,) * (axes - value.ndim))
    return value


def _wide(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of integers that are wide enough not to wrap around: 3 - 5 of bytes is -2."""

    def widened(value: Any) -> Any:
        if isinstance(value, np.ndarray) and value.dtype.kind in "bui":
            return value.astype(np.float64 if value.dtype.kind == "u" and value.itemsize == 8 else np.int64)
        return value

    return lambda *values: function(*map(widened, values))
