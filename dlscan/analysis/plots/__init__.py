"""Pictures of finished points, one file per kind.

A kind is a function from points and options to a `Drawing`. To add one, write `draw` in a file of its own
here and enter it in `KINDS`; the command line finds it there.
"""

import dataclasses
import importlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dlscan.analysis.records import DonePoint


@dataclasses.dataclass(frozen=True)
class Options:
    """What a person can choose about a picture.

    Attributes
    ----------
    key : str or None
        What is drawn, without regard to case; each kind has its own default.
    per_page : int
        How many models a page of `history` holds.
    sort : tuple of str
        Columns that the models are sorted by, as for the table; empty leaves it to the kind.
    """

    key: str | None = None
    per_page: int = 4
    sort: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Drawing:
    """One picture: its pages, and what to call its file unless told otherwise."""

    name: str
    pages: "list[Figure]"


Draw = Callable[["Sequence[DonePoint]", Options], Drawing]


def _lazy(module: str) -> Draw:
    """The `draw` of a module here, imported when it is called: `--help` must not wait for matplotlib."""

    def draw(points: "Sequence[DonePoint]", options: Options) -> Drawing:
        drawing: Drawing = importlib.import_module(f"{__name__}.{module}").draw(points, options)
        return drawing

    return draw


KINDS: dict[str, Draw] = {"history": _lazy("history"), "bar": _lazy("bar"), "roc": _lazy("roc")}
