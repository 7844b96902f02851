"""What a search draws from, what it has drawn, and what became of that."""

import dataclasses
import functools
import hashlib
import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from dlscan.config.build import plain
from dlscan.config.search import Dimension

# For the dimensions that a point has, by their keys, its values.
Values = dict[str, Any]
State = Literal["done", "pruned", "running", "diverged", "crashed"]


@dataclasses.dataclass(frozen=True)
class Space:
    """What a search draws from.

    Attributes
    ----------
    dimensions : mapping of str to Dimension
        By their keys. One that decides whether there is another stands before it.
    applies : callable
        Tells of a key whether it is for points with these values of the dimensions before it.
    """

    dimensions: Mapping[str, Dimension]
    applies: Callable[[str, Values], bool] = lambda key, values: True

    def assign(self, choose: Callable[[str, Dimension], Any]) -> Values:
        """The values of a point, each as `choose` gives it; it is asked for those that apply alone."""
        values = Values()
        for key, dimension in self.dimensions.items():
            if self.applies(key, values):
                values[key] = choose(key, dimension)
        return values

    def at(self, places: Sequence[float]) -> Values:
        """The values at a place of the unit cube, which has an axis for each dimension."""
        place = dict(zip(self.dimensions, places, strict=True))
        return self.assign(lambda key, dimension: dimension.at(place[key]))

    def located(self, params: Mapping[str, Any]) -> Values | None:
        """The values of a point from the dotted keys that it has; None if it is not in the space."""
        values = Values()
        for key, dimension in self.dimensions.items():
            if self.applies(key, values):
                found = dimension.found(key, params)
                if found is None:
                    return None
                values[key] = found[0]
        return values

    @functools.cached_property
    def size(self) -> int | None:
        """How many different points there are at most; None if they are too many to count."""
        counts = [None if each.values is None else len(each.values) for each in self.dimensions.values()]
        return None if None in counts else math.prod(count for count in counts if count is not None)

    @functools.cached_property
    def digest(self) -> str:
        """Of the dimensions in their order: tells whether what a method has noted is of this space."""
        content = json.dumps([[key, plain(each)] for key, each in self.dimensions.items()])
        return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()

    def has(self, values: Values) -> bool:
        """Whether each of these values is one that is drawn here."""
        return all(self.dimensions[key].place(value) is not None for key, value in values.items())

    def every(self) -> Iterator[Values]:
        """All points of a space that has a size; the last dimension varies fastest."""
        lists = [each.values or () for each in self.dimensions.values()]
        seen: set[str] = set()
        for chosen in itertools.product(*lists):
            value = dict(zip(self.dimensions, chosen, strict=True))
            values = self.assign(lambda key, dimension, value=value: value[key])  # type: ignore[misc]
            if repr(values) not in seen:
                seen.add(repr(values))
                yield values


def place_in(dimension: Dimension, value: Any) -> float:
    """The place of a value of a point of a space, which is one that is drawn there."""
    place = dimension.place(value)
    assert place is not None
    return place


@dataclasses.dataclass(frozen=True)
class Trial:
    """A point that was proposed or is known from elsewhere.

    Attributes
    ----------
    values : dict
        See `Space.assign`.
    state : {"done", "pruned", "running", "diverged", "crashed"}
        `running` has no result yet. `pruned` was ended early, because others were better: worse than those
        that are done. `diverged` is worse than any result. `crashed` tells nothing.
    worth : tuple of float
        Of a point that is done: a number for each metric, larger is better. Of one that was pruned, how good
        it was then.
    reached : int
        Of a point that was pruned, its epochs.
    notes : mapping
        What its method has noted when it drew it; empty for points from elsewhere.
    error : float
        The uncertainty of the first number; 0 where it is unknown.
    number : int
        In the plan; 0 for points of other scans.
    """

    values: Values
    state: State
    worth: tuple[float, ...] = ()
    notes: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    error: float = 0.0
    number: int = 0
    reached: int = 0

    @property
    def rank(self) -> tuple[int, int, float]:
        """What sorts those that tell something by their first number, the best last."""
        order = ("diverged", "pruned", "done").index(self.state)
        return order, self.reached, self.worth[0] if self.worth else 0.0


# states in which a point tells something
TOLD = ("done", "pruned", "diverged")


@dataclasses.dataclass(frozen=True)
class Draw:
    """A point that a method draws, and what it wants to know of it later: plain values, for the plan."""

    values: Values
    notes: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def _each_alone(trials: Sequence[Trial]) -> list[bool]:
    """Which trials are not worse than the best by twice their uncertainties."""
    best = max(trials, key=lambda trial: trial.worth[0])
    return [best.worth[0] - trial.worth[0] <= 2 * math.hypot(best.error, trial.error) for trial in trials]


@dataclasses.dataclass(frozen=True)
class Ask:
    """What a search is asked for.

    Attributes
    ----------
    many : int
        How many points, at most.
    seed, scan_seed : int
        Of this proposal, and of the search as a whole.
    pack : int
        Points that are trained together.
    population : int or None
        Of `cmaes` and `evolution`, as the file has it.
    rounds : int
        Of `zoom`.
    metrics : int
        How many numbers a result has.
    as_good : callable
        Which of trials that are done are not significantly worse than the best of them, (N,) bool.
    """

    many: int
    seed: int
    scan_seed: int = 1
    pack: int = 1
    population: int | None = None
    rounds: int = 3
    metrics: int = 1
    as_good: Callable[[Sequence[Trial]], Sequence[bool]] = _each_alone
