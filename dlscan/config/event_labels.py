"""The `data.labels` key: what classes are called for people, and which number of an event says its class."""

import dataclasses
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dlscan.config.build import Problem, build, join, require_mapping, unknown
from dlscan.config.labels import check_label
from dlscan.config.selection import Selection
from dlscan.spelling import near_miss

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DROP = "drop"
# no class: of an event whose value none has
NO_CLASS, DROPPED = -1, -2
_KEYS = ("column", "classes", "other", "titles")


@dataclasses.dataclass(frozen=True)
class LabelColumn:
    """A number of each event that says its class.

    Attributes
    ----------
    column : Selection
        Where it is.
    classes : dict of str to tuple of float
        The values of each class.
    other : str or None
        The class of an event with another value; `drop` leaves it out. None: there must be none.
    """

    column: Selection
    classes: dict[str, tuple[float, ...]]
    other: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """The classes, in their order."""
        more = [] if self.other in (None, DROP) else [str(self.other)]
        return tuple(dict.fromkeys([*self.classes, *more]))

    def of(self, values: "NDArray[Any]") -> "NDArray[np.int16]":
        """The class (n,) of events with these values (n,): its index in `names`, `NO_CLASS` or `DROPPED`."""
        import numpy as np  # not for a command that only reads an experiment

        other = NO_CLASS if self.other is None else DROPPED
        if self.other not in (None, DROP):
            other = self.names.index(str(self.other))
        known = np.array([value for own in self.classes.values() for value in own])
        owners = np.repeat(np.arange(len(self.classes)), [len(own) for own in self.classes.values()])
        order = np.argsort(known)
        place = np.searchsorted(known[order], values).clip(max=len(known) - 1)
        found: NDArray[np.int16] = np.where(known[order][place] == values, owners[order][place], other)
        return found.astype(np.int16)


class Labels(dict[str, str]):
    """Texts for people, by the name of what they stand for. They are no part of a dataset.

    Attributes
    ----------
    by_column : LabelColumn or None
        What decides the class of an event; None where each class has its files.
    """

    def __init__(self, titles: Mapping[str, str] = {}, by_column: LabelColumn | None = None) -> None:
        super().__init__(titles)
        self.by_column = by_column

    def __eq__(self, other: object) -> bool:
        same = self.by_column == getattr(other, "by_column", None)
        return same and super().__eq__(other)

    __hash__ = None  # it is a dict

    @classmethod
    def parse(cls, value: Any, key: str) -> "Labels":
        """Read `{name: text}`, or `{column: jets.flavour, classes: {b: 5, light: [0, 1]}}`."""
        mapping = require_mapping(value, key)
        if "column" not in mapping:
            if isinstance(mapping.get("classes"), Mapping):
                raise Problem(join(key, "column"), "missing; say which number of an event decides its class")
            return cls(_titles(mapping, key))
        if "classes" not in mapping:
            raise Problem(join(key, "classes"), "missing; say which values of the column make up which class")
        for name in mapping:
            if name not in _KEYS:
                raise unknown(name, _KEYS, key)
        titles = _titles(mapping.get("titles") or {}, join(key, "titles"))
        column = Selection.parse(mapping["column"], join(key, "column"))
        classes = _classes(mapping["classes"], join(key, "classes"))
        other = mapping.get("other")
        if other is not None:
            other = build(str, other, join(key, "other"))
            if other != DROP and near_miss(other, [DROP]) and other not in classes:
                message = f"must be drop or a class, got {other!r}; did you mean 'drop'?"
                raise Problem(join(key, "other"), message)
        found = LabelColumn(column, classes, other)
        for name in found.names:
            check_label(name, found.names, join(key, "classes"), Problem)
        if DROP in found.classes:
            raise Problem(join(key, "classes"), f"{DROP!r} is no label of a class: it stands for no class")
        if len(found.names) < 2:
            raise Problem(join(key, "classes"), "must name at least two classes")
        return cls(titles, found)

    def plain(self) -> dict[str, Any]:
        """What `parse` reads."""
        if self.by_column is None:
            return dict(self)
        return content(self.by_column) | ({"titles": dict(self)} if self else {})


def content(by_column: LabelColumn) -> dict[str, Any]:
    """What decides the classes of events, as plain values."""
    classes = {name: list(values) for name, values in by_column.classes.items()}
    other = {} if by_column.other is None else {"other": by_column.other}
    return {"column": str(by_column.column), "classes": classes, **other}


def titles_of(plain: Mapping[str, Any]) -> dict[str, str]:
    """The texts for people in what `Labels.plain` gave, or a plan of any version has."""
    titles = plain.get("titles") or {} if isinstance(plain.get("classes"), Mapping) else plain
    return {str(name): str(text) for name, text in titles.items()}


def _titles(value: Any, key: str) -> dict[str, str]:
    titles: dict[str, str] = build(dict[str, str], value, key)
    for name, text in titles.items():
        if not text.strip() or len(re.findall(r"(?<!\\)\$", text)) % 2:
            raise Problem(
                join(key, name), f"must be text, with every formula between two $ signs, got {text!r}"
            )
    return titles


def _classes(value: Any, key: str) -> dict[str, tuple[float, ...]]:
    """The values of each class: a number, or several."""
    found: dict[str, tuple[float, ...]] = {}
    owners: dict[float, str] = {}
    for name, values in build(dict[str, Any], value, key).items():
        listed = values if isinstance(values, list | tuple) else [values]
        if not listed:
            raise Problem(join(key, name), "must list at least one value of the column")
        for number in listed:
            if isinstance(number, str) or not isinstance(number, int | float) or number != number:
                raise Problem(join(key, name), f"must be a number or a list of numbers, got {number!r}")
            other = owners.setdefault(number, name)
            if other != name or listed.count(number) > 1:
                both = f"both {other} and {name}" if other != name else f"{name} twice"
                raise Problem(join(key, name), f"{number!r} is listed for {both}")
        found[name] = tuple(listed)
    return found
