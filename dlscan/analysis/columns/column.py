"""A column of a table, and all columns that there are."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from dlscan.analysis import lookup
from dlscan.analysis.columns.catalog import Kind
from dlscan.analysis.columns.names import SEED
from dlscan.analysis.labels import Marked, literal
from dlscan.analysis.points.models import SEED_KEY
from dlscan.fields import LARGEST_INTEGER
from dlscan.tasks.metric import About

# (down, up): the interval is [value - down, value + up]; None is an end that is not bounded
Interval = tuple[float | None, float | None]


@dataclasses.dataclass(frozen=True)
class Column:
    """One column with an entry per model; None is a missing entry.

    Attributes
    ----------
    name, kind : str
        What it is called and what it holds.
    values : tuple
        An entry per model.
    about : About
        Unit, split and meaning.
    key : str
        Of a parameter: its key in the experiment file, `model.width`.
    errors : tuple of (Interval or None), optional
        The 68 % interval of each entry, where uncertainties are known.
    spreads : tuple of (float or None), optional
        The standard deviation over the repeats of each entry, where repeats share a line.
    joined : bool
        Whether an entry may stand for several values of repeats, as text.
    """

    name: str
    kind: Kind
    values: tuple[Any, ...] = ()
    about: About = About()
    key: str = ""
    errors: tuple[Interval | None, ...] | None = None
    spreads: tuple[float | None, ...] | None = None
    joined: bool = False

    def take(self, positions: Sequence[int]) -> "Column":
        """The entries at `positions`, in that order."""

        def chosen(entries: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(entries[position] for position in positions)

        return dataclasses.replace(
            self,
            values=chosen(self.values),
            errors=None if self.errors is None else chosen(self.errors),
            spreads=None if self.spreads is None else chosen(self.spreads),
        )

    @property
    def title(self) -> Marked:
        """What a picture or a page calls it."""
        return Marked(self.about.title) if self.about.title else literal(self.name)

    @property
    def heading(self) -> Marked:
        """The title at the head of a column or of a line."""
        return Marked(self.title[:1].upper() + self.title[1:])

    @property
    def full_title(self) -> Marked:
        """The title with the split: `mean AUC (validation)`."""
        split = {"train": "training"}.get(self.about.split, self.about.split)
        return Marked(f"{self.title} ({split})" if split else self.title)

    @functools.cached_property
    def is_text(self) -> bool:
        """Whether the entries are read as text, and not as numbers or truths."""
        return self.kind == "text" or (self.kind == "parameter" and parameter_type(self.values) == "string")


class Columns(Mapping[str, Column]):
    """Columns by name, in their natural order; one is filled when it is asked for, as most never are.

    Parameters
    ----------
    heads : iterable of Column
        The columns without their entries.
    fill : callable
        From a head to the column.
    aliases : mapping of str to str
        What people call columns: see `lookup.find_column`.
    """

    def __init__(
        self, heads: Iterable[Column], fill: Callable[[Column], Column], aliases: Mapping[str, str]
    ) -> None:
        self.heads = {head.name: head for head in heads}
        self.aliases = aliases
        self._fill = fill
        self._filled: dict[str, Column] = {}

    def __getitem__(self, name: str) -> Column:
        if name not in self._filled:
            self._filled[name] = self._fill(self.heads[name])
        return self._filled[name]

    def __contains__(self, name: object) -> bool:
        return name in self.heads

    def __iter__(self) -> Iterator[str]:
        return iter(self.heads)

    def __len__(self) -> int:
        return len(self.heads)

    def take(self, positions: Sequence[int]) -> "Columns":
        """The entries at `positions` of every column, in that order."""
        return Columns(self.heads.values(), lambda head: self[head.name].take(positions), self.aliases)

    def find(self, name: str, what: str = "column") -> str:
        """The name of the column that a person means by `name`: see `lookup.find_column`."""
        return lookup.find_column(name, self.keys_in_file, what, self.aliases)

    def matching(self, pattern: str) -> list[str]:
        """The names of the columns that a person means by `pattern`: see `lookup.matching`."""
        return lookup.matching(pattern, self.keys_in_file, aliases=self.aliases)

    @property
    def keys_in_file(self) -> dict[str, str]:
        """The key in the experiment file of each column, empty for one that is no parameter."""
        return {name: SEED_KEY if name == SEED else head.key for name, head in self.heads.items()}

    @property
    def parameters(self) -> dict[str, str]:
        """The column of each key of the experiment file."""
        return {key: name for name, key in self.keys_in_file.items() if key}

    @property
    def rows(self) -> int:
        """How many entries each column has."""
        return len(self[next(iter(self.heads))].values)


def parameter_type(values: Iterable[Any]) -> str:
    """The narrowest type that holds all values: `boolean`, `Int64`, `Float64`, else `string`."""
    present = [value for value in values if value is not None]
    kinds = set(map(type, present))
    if int in kinds and any(type(value) is int and abs(value) > LARGEST_INTEGER for value in present):
        return "string"
    for name, members in (("boolean", {bool}), ("Int64", {int}), ("Float64", {int, float})):
        if kinds <= members:
            return name
    return "string"
