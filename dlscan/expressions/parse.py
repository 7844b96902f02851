"""Read expressions such as `Width >= 64 and Ele_AUC > 0.9` or `any(tracks.pt > 5)`; no name is looked up."""

import ast
import dataclasses
import re
from collections.abc import Callable, Iterator

from dlscan.expressions import language
from dlscan.expressions.language import Language, Node
from dlscan.spelling import hint

_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn)
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow)

# a text, which stays as it is, or a name in backquotes
_QUOTED = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|`([^`]*)`""")

# a single `=`
_ASSIGNED = re.compile(r"(?<![=!<>])=(?!=)")


@dataclasses.dataclass(frozen=True)
class Expression:
    """An expression that has been read.

    Attributes
    ----------
    text : str
        As it was written.
    root : Node
        What is true or false.
    language : Language
        Its words.
    """

    text: str
    root: Node
    language: Language

    @property
    def names(self) -> tuple[str, ...]:
        """The names in it, each once, as they were written."""
        return tuple(dict.fromkeys(node.text for node in _walk(self.root) if isinstance(node, language.Name)))


def parse(text: str, words: Language) -> Expression:
    """Read an expression.

    Comparisons (`== != < <= > >=`, chained if need be, and `in` where there are texts) are joined by `and`,
    `or`, `not` and brackets. A name that is no chain of words stands in backquotes. Texts are in lower case.

    Raises
    ------
    Exception
        Of `words.fault`, if it is none.
    """
    return Expression(text, _Parser(text, words).root(), words)


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for field in dataclasses.fields(node):
        value = getattr(node, field.name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Node):
                yield from _walk(part)


class _Parser:
    def __init__(self, text: str, words: Language) -> None:
        self.text, self.words = text, words
        self.quoted: list[str] = []
        self.things = f"{words.thing}, a number or {'a text' if words.texts else 'a function of these'}"

    def root(self) -> Node:
        try:
            tree = ast.parse(_QUOTED.sub(self._named, self.text).strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            equal = " (`==` compares, one `=` does not)" if _ASSIGNED.search(self.text) else ""
            raise self.words.fault(f"is not an expression such as '{self.words.example}'{equal}") from None
        try:
            return self._truth(tree.body)
        except RecursionError:
            raise self.words.fault("is nested too deeply") from None

    def _named(self, match: re.Match[str]) -> str:
        """A word in the place of a name in backquotes."""
        if match[1] is not None:
            return match[1]
        self.quoted.append(match[2])
        return f" _quoted_{len(self.quoted) - 1} "

    def _truth(self, node: ast.expr) -> Node:
        text = self._source(node)
        match node:
            case ast.BoolOp(op=joint, values=parts):
                return language.Joint(text, isinstance(joint, ast.And), tuple(map(self._truth, parts)))
            case ast.UnaryOp(op=ast.Not(), operand=part):
                return language.Negated(text, self._truth(part))
            case ast.Compare(left=left, ops=kinds, comparators=rights):
                return self._comparison(text, kinds, [left, *rights])
            case ast.Call(func=ast.Name(id=name)) if self.words.computes and name in ("any", "all"):
                return self._call(node)
            case ast.Call(func=ast.Name(id=name)) if self.words.computes and name not in language.FUNCTIONS:
                raise self._no_function(name)
            case ast.Name() | ast.Attribute() | ast.Subscript() if self.words.computes:
                return self._name(node)
        raise self.words.fault(f"{text!r} is not a comparison such as {self.words.example}")

    def _comparison(self, text: str, kinds: list[ast.cmpop], nodes: list[ast.expr]) -> Node:
        if any(isinstance(kind, ast.Is | ast.IsNot) for kind in kinds):
            raise self.words.fault("compares by 'is'; use == or !=")
        assert all(isinstance(kind, _COMPARISONS) for kind in kinds)
        values = [self._value(nodes[0])]
        for kind, node in zip(kinds, nodes[1:], strict=True):
            listed = isinstance(node, ast.List | ast.Tuple)
            if isinstance(kind, ast.In | ast.NotIn) and self.words.computes and not listed:
                raise self.words.fault(f"{self._source(node)!r} is not a list such as (4, 5)")
            values.append(self._value(node, listed))
        return language.Comparison(text, tuple(type(kind).__name__ for kind in kinds), tuple(values))

    def _value(self, node: ast.expr, listed: bool = False) -> Node:
        text, computes = self._source(node), self.words.computes
        match node:
            case ast.Name() | ast.Attribute() | ast.Subscript():
                return self._name(node)
            case ast.BinOp(op=ast.MatMult()) if not computes:
                return self._name(node)
            case ast.Constant(value=bool() | int() | float() as number):
                return language.Constant(text, number)
            case ast.Constant(value=str() as words) if self.words.texts:
                return language.Constant(text, words.casefold())
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return language.Constant(text, -number)
            case ast.List(elts=parts) | ast.Tuple(elts=parts) if listed or self.words.texts:
                items = tuple(map(self._value, parts))
                if computes and not all(isinstance(item, language.Constant) for item in items):
                    raise self.words.fault(f"{text!r} must be a list of numbers")
                return language.Listed(text, items)
            case ast.UnaryOp(op=ast.USub(), operand=part) if computes:
                return language.Arithmetic(text, "Sub", language.Constant("0", 0), self._value(part))
            case ast.BinOp(op=kind, left=left, right=right) if computes and isinstance(kind, _ARITHMETIC):
                return language.Arithmetic(text, type(kind).__name__, self._value(left), self._value(right))
            case ast.Call(func=ast.Name(id=name)) if computes:
                if name in ("any", "all"):
                    raise self.words.fault(f"{text!r} is true or false, not a number")
                return self._call(node)
        raise self.words.fault(f"{text!r} is not {self.things}")

    def _call(self, node: ast.Call) -> Node:
        assert isinstance(node.func, ast.Name)
        name, text, count = node.func.id, self._source(node), len(node.args)
        if name not in language.FUNCTIONS:
            raise self._no_function(name)
        single = name in (*language.OF_NUMBERS, *language.OF_TRUTHS) and count == 1
        least, most = (1, 1) if single else language.ELEMENTWISE.get(name, (1, 1))
        if node.keywords or any(isinstance(part, ast.Starred) for part in node.args):
            raise self.words.fault(f"{text!r}: {name}() takes nothing but values")
        if not least <= count <= most:
            wanted = "one value" if most == 1 else "one value or several"
            raise self.words.fault(f"{text!r}: {name}() takes {wanted}, not {count}")
        inner: Callable[[ast.expr], Node] = self._truth if name in language.OF_TRUTHS else self._value
        if name in ("sum", "mean") and isinstance(node.args[0], ast.Compare | ast.BoolOp):
            inner = self._truth
        return language.Call(text, name, tuple(map(inner, node.args)))

    def _no_function(self, name: str) -> Exception:
        return self.words.fault(f"{name}() is not a function here; {hint(name, language.FUNCTIONS)}")

    def _name(self, node: ast.expr) -> Node:
        """A thing: `Width`, `Train.Epochs`, `Ele_Rejection@50`, `target[:,0,1]`, or in backquotes."""
        chain, text = node, self._source(node)
        if isinstance(node, ast.Subscript) and self.words.computes:
            chain = node.value
        # what is no chain of names is not worth looking up: `f().x`
        plain = all(
            isinstance(part, ast.Name | ast.Attribute | ast.BinOp)
            or (isinstance(part, ast.Constant) and type(part.value) is int)
            for part in ast.walk(chain)
            if isinstance(part, ast.expr)
        )
        if not plain:
            raise self.words.fault(f"{text!r} is not {self.things}")
        return language.Name(text)

    def _source(self, node: ast.expr) -> str:
        """The part of the expression, as it was typed."""
        text = re.sub(r"\s*@\s*", "@", ast.unparse(node))
        return re.sub(r"\b_quoted_(\d+)\b", lambda match: self.quoted[int(match[1])], text)
