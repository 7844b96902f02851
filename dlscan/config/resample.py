"""The `data.resample` key: classes that do not differ in some numbers, such as momentum and direction."""

import dataclasses
import itertools
import math
from collections.abc import Mapping
from typing import Any, Literal

from dlscan.config.build import Min, Problem, build, join, plain, require_mapping, unknown
from dlscan.config.selection import Selection

FLAT = "flat"
# What the weights are called among the extras of a dataset
WEIGHT = "resample"
_KEYS = ("to", "in", "bins", "by")
_BINS = 10
_MOST_BINS = 100_000


@dataclasses.dataclass(frozen=True)
class Resample:
    """How training events are weighted, or thinned out.

    Attributes
    ----------
    to : str
        The distribution that every class gets: `flat`, or that of a class.
    variables : tuple of Selection
        In which numbers; the key is `in`.
    bins : tuple of (int or tuple of float)
        For each of them how many bins, with equally many events, or their edges.
    by : {"weights", "counts"}
        Whether events get weights, or are left out at random.
    """

    to: str
    variables: tuple[Selection, ...]
    bins: tuple[int | tuple[float, ...], ...]
    by: Literal["weights", "counts"]

    @classmethod
    def parse(cls, value: Any, key: str) -> "Resample":
        """Read `{to: flat, in: [jets.pt, jets.eta], bins: {jets.pt: [20, 50, 100], jets.eta: 5}}`."""
        mapping = require_mapping(value, key)
        for name in mapping:
            if name not in _KEYS:
                raise unknown(name, _KEYS, key)
        if "in" not in mapping:
            raise Problem(join(key, "in"), "missing; name the numbers in which classes must not differ")
        names = mapping["in"] if isinstance(mapping["in"], list | tuple) else [mapping["in"]]
        variables = tuple(Selection.parse(name, join(key, "in")) for name in names)
        if not variables or len(set(map(str, variables))) < len(variables):
            raise Problem(join(key, "in"), f"must name at least one number, each once, got {mapping['in']!r}")
        by: Any = build(Literal["weights", "counts"], mapping.get("by", "weights"), join(key, "by"))
        bins = _bins(mapping.get("bins", _BINS), [str(each) for each in variables], join(key, "bins"))
        return cls(build(str, mapping.get("to", FLAT), join(key, "to")), variables, bins, by)

    def plain(self) -> dict[str, Any]:
        """What `parse` reads."""
        names = [str(each) for each in self.variables]
        bins = {name: plain(own) for name, own in zip(names, self.bins, strict=True)}
        return {"to": self.to, "in": names, "bins": bins, "by": self.by}


def _bins(value: Any, names: list[str], key: str) -> tuple[int | tuple[float, ...], ...]:
    if isinstance(value, Mapping):
        normal = {str(Selection.parse(name, key)): own for name, own in value.items()}
        for name in normal:
            if name not in names:
                raise unknown(name, names, key)
        found = tuple(_of_one(normal.get(name, _BINS), join(key, name)) for name in names)
    elif isinstance(value, list | tuple) and len(names) > 1:
        raise Problem(key, f"must be a number, or say for each name how many or which edges, got {value!r}")
    else:
        found = tuple(_of_one(value, key) for _ in names)
    total = math.prod(own if isinstance(own, int) else len(own) - 1 for own in found)
    if total > _MOST_BINS:
        raise Problem(key, f"makes {total:,} bins; more than {_MOST_BINS:,} are too many")
    return found


def _of_one(value: Any, key: str) -> int | tuple[float, ...]:
    if isinstance(value, list | tuple):
        edges: tuple[float, ...] = build(tuple[float, ...], value, key)
        if len(edges) < 2 or any(low >= high for low, high in itertools.pairwise(edges)):
            raise Problem(key, f"must be rising edges of bins, two at least, got {value!r}")
        return edges
    number: int = build(int, value, key)
    Min(1).check(number, key)
    return number
