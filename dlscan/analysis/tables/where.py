"""Select models by an expression: `Width >= 64 and Ele_AUC > 0.9`. It is evaluated here, and runs no code."""

import ast
import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

from dlscan.analysis.columns.column import Columns
from dlscan.analysis.columns.names import text_of
from dlscan.errors import UsageError

# from the number of a row to a value of it
Evaluate = Callable[[int], Any]

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

# a text, which stays as it is, or a column's name in backquotes
_QUOTED = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|`([^`]*)`""")


def select(expression: str, available: Columns) -> list[int]:
    """The positions of the rows for which `expression` holds.

    Parameters
    ----------
    expression : str
        Comparisons of columns, numbers and texts (`== != < <= > >= in`), joined by `and`, `or`, `not` and
        brackets. Names match without regard to case, texts too; one that is no word, such as `Model Name`,
        stands in backquotes. A comparison with a missing value is false.
    available : Columns
        All columns that there are.

    Raises
    ------
    UsageError
        If it is not such an expression, names no column, or compares numbers with texts.
    """
    holds = _Expression(expression, available).build()
    return [row for row in range(available.rows) if holds(row)]


class _Expression:
    """One expression over the columns that there are."""

    def __init__(self, text: str, available: Columns) -> None:
        self.text, self.available = text, available
        self.quoted: list[str] = []

    def build(self) -> Evaluate:
        try:
            tree = ast.parse(_QUOTED.sub(self._named, self.text).strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise self._wrong("is not an expression such as 'Width>=64 and Ele_AUC>0.9'") from None
        try:
            return self._truth(tree.body)
        except RecursionError:
            raise self._wrong("is nested too deeply") from None

    def _named(self, match: re.Match[str]) -> str:
        """A word in the place of a name in backquotes."""
        if match[1] is not None:
            return match[1]
        self.quoted.append(match[2])
        return f" _quoted_{len(self.quoted) - 1} "

    def _truth(self, node: ast.expr) -> Evaluate:
        match node:
            case ast.BoolOp(op=joint, values=parts):
                built = [self._truth(part) for part in parts]
                every = all if isinstance(joint, ast.And) else any
                return lambda row: every(part(row) for part in built)
            case ast.UnaryOp(op=ast.Not(), operand=part):
                inner = self._truth(part)
                return lambda row: not inner(row)
            case ast.Compare(left=left, ops=kinds, comparators=rights):
                return self._comparison(left, kinds, rights)
        raise self._wrong(f"{self._source(node)!r} is not a comparison such as Width>=64")

    def _comparison(self, left: ast.expr, kinds: Sequence[ast.cmpop], rights: Sequence[ast.expr]) -> Evaluate:
        values = [self._value(node) for node in (left, *rights)]
        tests = [_COMPARISONS[type(kind)] for kind in kinds if type(kind) in _COMPARISONS]
        if len(tests) < len(kinds):
            raise self._wrong("compares by 'is'; use == or !=")

        def holds(row: int) -> bool:
            found = [value(row) for value in values]
            if any(value is None for value in found):
                return False
            try:
                return all(test(*pair) for test, *pair in zip(tests, found[:-1], found[1:], strict=True))
            except TypeError:
                raise self._wrong(f"cannot compare {found[0]!r} with {found[1]!r}") from None

        return holds

    def _value(self, node: ast.expr) -> Evaluate:
        match node:
            case ast.Name() | ast.Attribute() | ast.BinOp(op=ast.MatMult()):
                return self._column(node)
            case ast.Constant(value=bool() | int() | float() | str() as constant):
                folded = _folded(constant)
                return lambda row: folded
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return lambda row: -number
            case ast.List(elts=parts) | ast.Tuple(elts=parts):
                built = [self._value(part) for part in parts]
                return lambda row: [part(row) for part in built]
        raise self._wrong(f"{self._source(node)!r} is not a column, a number or a text")

    def _column(self, node: ast.expr) -> Evaluate:
        """A column: `Width`, `Train.Epochs`, `Gamma_vs_Pi0_Rejection@50`, or a name in backquotes."""
        parts = [part for part in ast.walk(node) if isinstance(part, ast.expr)]
        plain = all(
            isinstance(part, ast.Name | ast.Attribute | ast.BinOp)
            or (isinstance(part, ast.Constant) and type(part.value) is int)
            for part in parts
        )
        # what is no chain of names is not worth looking up: `f().x`
        if not plain:
            raise self._wrong(f"{self._source(node)!r} is not a column, a number or a text")
        column = self.available[self.available.find(self._source(node))]
        if column.joined:
            raise self._wrong(
                f"{column.name} differs between repeats that are combined into one row; add --repeats each"
            )
        values = tuple(_folded(value) for value in column.values)
        return values.__getitem__

    def _source(self, node: ast.expr) -> str:
        """The part of the expression, as it was typed."""
        text = re.sub(r"\s*@\s*", "@", ast.unparse(node))
        return re.sub(r"\b_quoted_(\d+)\b", lambda match: self.quoted[int(match[1])], text)

    def _wrong(self, reason: str) -> UsageError:
        return UsageError(f"--where {self.text!r}: {reason}")


def _folded(value: Any) -> Any:
    if isinstance(value, str):
        return value.casefold()
    return text_of(value).casefold() if isinstance(value, dict) else value
