"""The keys `scan.space` and `scan.search`: what a search draws from, and how."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from dlscan.config.build import Below, Min, Problem, build, build_fields, join, plain, require_mapping

Method = Literal["grid", "random", "sobol", "tpe", "cmaes", "evolution", "zoom"]
# they come to an end by themselves, so that a budget is no must
FINITE = ("grid", "zoom")
# of these the values of numbers are listed, and `steps` says how many there are
LISTED = {"grid": None, "zoom": 3}
# keys that only some methods have
FOR_SOME = {"population": ("cmaes", "evolution"), "rounds": ("zoom",)}
# with fewer points in a generation, the package `cmaes` divides by zero
_LEAST_OF_CMAES = 4
_SINGLE = ("cmaes", "evolution", "zoom")
_KINDS = ("uniform", "log", "int", "choice")
# digits of a number that is drawn: more tell nothing, and names of points have them all
_DIGITS = 4


@dataclasses.dataclass(frozen=True)
class Dimension:
    """What the values of one key are drawn from: a list of choices, or numbers between two bounds.

    Attributes
    ----------
    choices : tuple
        The values; empty for numbers.
    low, high : float
        The bounds, which belong to it.
    whole, log : bool
        Whether numbers are whole, and whether they are drawn evenly in their logarithm.
    steps : int or None
        How many values there are, at equal distances; None for all.
    """

    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 1.0
    whole: bool = False
    log: bool = False
    steps: int | None = None

    @classmethod
    def parse(cls, value: Any, key: str) -> "Dimension":
        """Read a list, `{uniform: [0, 0.5]}`, `{log: [1e-4, 1e-1]}`, `{int: [16, 512], log: true}` ..."""
        if isinstance(value, list | tuple):
            value = {"choice": value}
        mapping = dict(require_mapping(value, key))
        kinds = [kind for kind in _KINDS if kind in mapping and not isinstance(mapping[kind], bool)]
        if len(kinds) != 1:
            raise Problem(
                key, f"must be a list, or have one of {', '.join(_KINDS)}, such as {{log: [1e-4, 1e-1]}}"
            )
        kind = kinds[0]
        bounds = mapping.pop(kind)
        if kind == "choice":
            _require_nothing_else(mapping, (), key)
            choices = build(tuple[Any, ...], bounds, key)
            if not choices:
                raise Problem(key, "must list at least one value")
            return cls(choices)
        _require_nothing_else(mapping, ("log", "steps") if kind == "int" else ("steps",), key)
        rule = tuple[int, ...] if kind == "int" else tuple[float, ...]
        ends = build(rule, bounds, join(key, kind))
        log = kind == "log" or build(bool, mapping.get("log", False), join(key, "log"))
        steps = build(Annotated[int, Min(2)] | None, mapping.get("steps"), join(key, "steps"))
        if len(ends) != 2 or not ends[0] < ends[1]:
            raise Problem(join(key, kind), f"must be two bounds, the lower one first, got {bounds!r}")
        if log and ends[0] <= 0:
            raise Problem(join(key, kind), f"must be above 0, because it is logarithmic, got {bounds!r}")
        return cls((), ends[0], ends[1], kind == "int", log, steps)

    def plain(self) -> Any:
        """What `parse` reads back."""
        if self.choices:
            return plain(self.choices)
        kind = "int" if self.whole else "log" if self.log else "uniform"
        more = {"log": True} if self.whole and self.log else {}
        return {kind: [self.low, self.high], **more, **({} if self.steps is None else {"steps": self.steps})}

    @property
    def values(self) -> tuple[Any, ...] | None:
        """All values, in order; None where they are too many to list."""
        if self.choices:
            return self.choices
        if self.steps is None:
            few = self.whole and self.high - self.low < 1000
            return tuple(range(int(self.low), int(self.high) + 1)) if few else None
        listed = (self.at((n + 0.5) / self.steps) for n in range(self.steps))
        return tuple(dict.fromkeys(listed))

    @property
    def examples(self) -> tuple[Any, ...]:
        """Values by which is checked whether all can be: choices, or the ends."""
        return self.choices or (self.at(0.0), self.at(1.0))

    def at(self, place: float) -> Any:
        """The value at a place from 0 to 1: drawn evenly there, it is drawn as it has to be here."""
        if self.choices:
            return self.choices[min(int(place * len(self.choices)), len(self.choices) - 1)]
        if self.steps is not None:
            place = min(int(place * self.steps), self.steps - 1) / (self.steps - 1)
            return self._number(*self._ends(), place)
        # each whole number has a room of its own
        half = 0.5 if self.whole else 0.0
        low, high = self.low - half, self.high + half
        return self._number(*((math.log(low), math.log(high)) if self.log else (low, high)), place)

    def place(self, value: Any) -> float | None:
        """The place of a value, as `at` has it; None if it is not within the bounds, or no choice."""
        if self.choices:
            found = next((n for n, choice in enumerate(self.choices) if _same(choice, value)), None)
            return None if found is None else (found + 0.5) / len(self.choices)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not self.low <= value <= self.high
            or (self.whole and value % 1)
        ):
            return None
        half = 0.5 if self.whole and self.steps is None else 0.0
        low, high, number = self.low - half, self.high + half, float(value)
        if self.log:
            low, high, number = math.log(low), math.log(high), math.log(number)
        place = (number - low) / (high - low)
        if self.steps is None:
            return place
        # as its value was rounded, a step may lie nearer to the value of another one than that itself
        nearest = (round(place * (self.steps - 1)) + 0.5) / self.steps
        steps = (nearest, *((n + 0.5) / self.steps for n in range(self.steps)))
        return next((step for step in steps if self.at(step) == value), nearest)

    def found(self, key: str, params: Mapping[str, Any]) -> tuple[Any] | None:
        """The value, in a tuple, that a point with these dotted keys has; None if it has none of these.

        A choice that is a whole section is the one that sets nothing else than the point has.
        """
        if key in params:
            place = self.place(params[key])
            if place is None:
                return None
            return (self.at(place) if self.choices else int(params[key]) if self.whole else params[key],)
        for choice in self.choices:
            if isinstance(choice, Mapping) and all(
                _same(params.get(f"{key}.{name}"), item) for name, item in choice.items()
            ):
                return (choice,)
        return None

    def within(self, other: "Dimension") -> bool:
        """Whether each of its values is one of the other's."""
        if self.choices or other.choices:
            return all(other.place(value) is not None for value in self.values or (object(),))
        return other.low <= self.low and self.high <= other.high and self.whole == other.whole

    def rounded(self, value: float) -> Any:
        """A number within the bounds, with the digits that matter."""
        rounded = round(value) if self.whole else float(f"{value:.{_DIGITS}g}")
        return min(max(rounded, self.low), self.high)

    def _ends(self) -> tuple[float, float]:
        return (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)

    def _number(self, low: float, high: float, place: float) -> Any:
        value = low + place * (high - low)
        return self.rounded(math.exp(value) if self.log else value)


@dataclasses.dataclass(frozen=True)
class Search:
    """How the points of `scan.space` are chosen.

    `points` is the budget of the scan: so many different choices, each with all repeats. `metric` names the
    columns of the validation split that are to become good; by default what the task chooses by. `rounds` is
    for zoom, `population` for cmaes and evolution. `known` is a scan on the same dataset whose points are
    known from the start (`from`).
    """

    points: Annotated[int, Min(1)] | None = None
    method: Method = "tpe"
    metric: tuple[str, ...] = ()
    seed: Annotated[int, Min(0), Below(2**32)] = 1
    rounds: Annotated[int, Min(1)] = 3
    population: Annotated[int, Min(2)] | None = None
    known: Path | None = None

    @classmethod
    def parse(cls, value: Any, key: str) -> "Search":
        """Read the mapping; a single metric may stand without a list."""
        mapping = dict(require_mapping(value, key))
        if "known" in mapping:
            raise Problem(join(key, "known"), "unknown key; the scan whose points are known is `from`")
        if "from" in mapping:
            mapping["known"] = mapping.pop("from")
        if isinstance(mapping.get("metric"), str):
            mapping["metric"] = [mapping["metric"]]
        search: Search = build_fields(cls, mapping, key)
        if search.points is None and search.method not in FINITE:
            raise Problem(join(key, "points"), f"missing; say how many points {search.method} may try")
        if len(search.metric) > 1 and search.method in _SINGLE:
            raise Problem(
                join(key, "metric"),
                f"{search.method} takes one metric; tpe, random, sobol and grid take several",
            )
        return search

    def require_fit(self, key: str) -> None:
        """Check that the method has the keys that are given, else a `Problem`."""
        for name, having in FOR_SOME.items():
            if self.method not in having and getattr(self, name) != getattr(Search, name):
                verb = "have" if len(having) > 1 else "has"
                raise Problem(
                    join(key, name),
                    f"only {' and '.join(having)} {verb} {name}, but {key}.method is {self.method}",
                )
        if self.method == "cmaes" and self.population is not None and self.population < _LEAST_OF_CMAES:
            raise Problem(
                join(key, "population"),
                f"must be at least {_LEAST_OF_CMAES} for cmaes, got {self.population}",
            )

    def plain(self) -> dict[str, Any]:
        """What `parse` reads back; what is not said is left out."""
        own = {field.name: plain(getattr(self, field.name)) for field in dataclasses.fields(self)}
        own["from"] = own.pop("known")
        if len(self.metric) == 1:
            own["metric"] = self.metric[0]
        return {name: value for name, value in own.items() if value not in (None, [])}


def _require_nothing_else(mapping: Mapping[str, Any], known: tuple[str, ...], key: str) -> None:
    for name in mapping:
        if name not in known:
            raise Problem(join(key, str(name)), f"unknown key here; known: {', '.join((*_KINDS, *known))}")


def _same(one: Any, other: Any) -> bool:
    return plain(one) == plain(other) and isinstance(one, bool) == isinstance(other, bool)
