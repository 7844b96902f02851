"""Select models by an expression: `Width >= 64 and Ele_AUC > 0.9`. It is evaluated here, and runs no code."""

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dlscan.analysis.columns import Column
from dlscan.analysis.lookup import find
from dlscan.errors import UsageError

Row = Mapping[str, Any]
Evaluate = Callable[[Row], Any]

_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda value, values: value in values,
    ast.NotIn: lambda value, values: value not in values,
}


def select(expression: str, available: Mapping[str, Column]) -> list[int]:
    """The positions of the rows for which `expression` holds.

    Parameters
    ----------
    expression : str
        Comparisons of columns, numbers and texts (`== != < <= > >= in`), joined by `and`, `or`, `not` and
        brackets. Names match without regard to case, texts too. A comparison with a missing value is false.
    available : mapping of str to Column
        All columns that there are.

    Raises
    ------
    UsageError
        If it is not such an expression, names no column, or compares numbers with texts.
    """
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError):
        raise _wrong(expression, "is not an expression such as 'Width>=64 and Ele_AUC>0.9'") from None
    holds = _build(tree.body, available, expression)
    count = len(next(iter(available.values())).values)
    rows = [{name: column.values[number] for name, column in available.items()} for number in range(count)]
    return [number for number, row in enumerate(rows) if holds(row)]


def _build(node: ast.expr, available: Mapping[str, Column], text: str) -> Evaluate:
    match node:
        case ast.BoolOp(op=joint, values=parts):
            built = [_build(part, available, text) for part in parts]
            every = all if isinstance(joint, ast.And) else any
            return lambda row: every(part(row) for part in built)
        case ast.UnaryOp(op=ast.Not(), operand=part):
            inner = _build(part, available, text)
            return lambda row: not inner(row)
        case ast.Compare(left=left, ops=kinds, comparators=rights):
            return _comparison(left, kinds, rights, available, text)
    raise _wrong(text, f"{ast.unparse(node)!r} is not a comparison such as Width>=64")


def _comparison(
    left: ast.expr,
    kinds: Sequence[ast.cmpop],
    rights: Sequence[ast.expr],
    available: Mapping[str, Column],
    text: str,
) -> Evaluate:
    values = [_value(node, available, text) for node in (left, *rights)]
    tests = [_COMPARISONS.get(type(kind)) for kind in kinds]
    if None in tests:
        raise _wrong(text, "compares by 'is'; use == or !=")

    def holds(row: Row) -> bool:
        found = [value(row) for value in values]
        if any(value is None for value in found):
            return False
        try:
            return all(
                test(*pair)
                for test, *pair in zip(tests, found[:-1], found[1:], strict=True)
                if test is not None
            )
        except TypeError:
            raise _wrong(text, f"cannot compare {found[0]!r} with {found[1]!r}") from None

    return holds


def _value(node: ast.expr, available: Mapping[str, Column], text: str) -> Evaluate:
    match node:
        case ast.Name(id=name):
            column = find(name, available, "column")
            return lambda row: _folded(row[column])
        case ast.Constant(value=bool() | int() | float() | str() as constant):
            folded = _folded(constant)
            return lambda row: folded
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return lambda row: -number
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            built = [_value(part, available, text) for part in parts]
            return lambda row: [part(row) for part in built]
    raise _wrong(text, f"{ast.unparse(node)!r} is neither a column nor a number nor a text")


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _wrong(expression: str, reason: str) -> UsageError:
    return UsageError(f"--where {expression!r}: {reason}")
