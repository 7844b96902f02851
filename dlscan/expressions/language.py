"""What an expression consists of, once it has been read; and what may be said where."""

import dataclasses
from collections.abc import Callable

# Of each value by itself, with how many arguments at least and at most.
ELEMENTWISE = {"abs": (1, 1), "sqrt": (1, 1), "log": (1, 1), "min": (2, 9), "max": (2, 9)}
# Over the constituents of an event: of numbers, and of what is true or false.
OF_NUMBERS = ("sum", "mean", "min", "max", "len")
OF_TRUTHS = ("any", "all", "count")
FUNCTIONS = tuple(dict.fromkeys([*ELEMENTWISE, *OF_NUMBERS, *OF_TRUTHS]))


@dataclasses.dataclass(frozen=True)
class Language:
    """What expressions of one kind are about.

    Attributes
    ----------
    thing : str
        What a name stands for: `a column`.
    example : str
        A comparison that shows how it is done.
    texts : bool
        Whether things are compared with texts, and with lists.
    computes : bool
        Whether there are arithmetic and functions; then a thing that is true or false stands by itself too.
    fault : callable
        Makes the error of a reason, in words that follow the expression.
    """

    thing: str
    example: str
    texts: bool
    computes: bool
    fault: Callable[[str], Exception]


@dataclasses.dataclass(frozen=True)
class Constant:
    """A number or a text."""

    text: str
    value: float | int | bool | str


@dataclasses.dataclass(frozen=True)
class Listed:
    """Values in brackets, behind `in`."""

    text: str
    items: tuple["Node", ...]


@dataclasses.dataclass(frozen=True)
class Name:
    """A thing; `text` is its name."""

    text: str


@dataclasses.dataclass(frozen=True)
class Arithmetic:
    """Two numbers and an operator of `ast` between them; a minus in front has 0 on its left."""

    text: str
    operator: str
    left: "Node"
    right: "Node"


@dataclasses.dataclass(frozen=True)
class Call:
    """A function of `FUNCTIONS`."""

    text: str
    function: str
    arguments: tuple["Node", ...]


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Values with an operator of `ast` between each and the next."""

    text: str
    operators: tuple[str, ...]
    values: tuple["Node", ...]


@dataclasses.dataclass(frozen=True)
class Joint:
    """Parts that must all be true, or of which one must be."""

    text: str
    every: bool
    parts: tuple["Node", ...]


@dataclasses.dataclass(frozen=True)
class Negated:
    """`not`."""

    text: str
    part: "Node"


Node = Constant | Listed | Name | Arithmetic | Call | Comparison | Joint | Negated
