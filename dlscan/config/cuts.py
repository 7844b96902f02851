"""The `data.where` key: which events stay."""

import dataclasses
from typing import Any

from dlscan.config.build import Problem
from dlscan.config.selection import Selection
from dlscan.expressions import Expression, Language, parse

_EXAMPLE = "jets.pt > 20"


@dataclasses.dataclass(frozen=True)
class Cuts:
    """Expressions over the numbers of an event, all of which must hold; the order is that of counting.

    Attributes
    ----------
    texts : tuple of str
        As they were written.
    """

    texts: tuple[str, ...] = ()
    expressions: tuple[Expression, ...] = dataclasses.field(default=(), compare=False, repr=False)

    @classmethod
    def parse(cls, value: Any, key: str) -> "Cuts":
        """Read an expression, or a list of them."""
        listed = value if isinstance(value, list | tuple) else [value]
        found = []
        for number, text in enumerate(listed):
            own = f"{key}[{number}]" if isinstance(value, list | tuple) else key
            if not isinstance(text, str) or not text.strip():
                raise Problem(
                    own, f"must be an expression such as {_EXAMPLE!r}, or a list of them, got {text!r}"
                )
            found.append(_read(text, own))
        return cls(tuple(listed), tuple(found))

    def plain(self) -> list[str] | None:
        """What `parse` reads; None without cuts, as in files of before."""
        return list(self.texts) or None

    @property
    def selections(self) -> dict[str, Selection]:
        """Where the numbers of each name come from."""
        return {name: Selection.parse(name, "where") for each in self.expressions for name in each.names}


def _read(text: str, key: str) -> Expression:
    def fault(reason: str) -> Problem:
        return Problem(key, reason if reason.startswith(repr(text)) else f"{text!r}: {reason}")

    expression = parse(text, Language("a dataset", _EXAMPLE, texts=False, computes=True, fault=fault))
    for name in expression.names:
        Selection.parse(name, key)
    return expression
