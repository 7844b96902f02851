"""CMA-ES with margins and categories by the package `cmaes`, its state replayed from what is known."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dlscan.config.search import Dimension
from dlscan.search.methods import Stream
from dlscan.search.methods.needs import needed
from dlscan.search.space import TOLD, Ask, Draw, Space, Trial, Values

# whole numbers with more values are numbers like others, which are rounded
_MOST_WHOLE = 20
# how far the first generation spreads, in units of the ranges
_SPREAD = 0.25
_DIGEST, _GENERATION, _POPULATION, _START = "digest", "generation", "population", "start"
_PLACES, _CHOICES = "places", "choices"


@dataclasses.dataclass(frozen=True)
class _Coordinates:
    """Which dimensions are numbers, which take few whole values, and which are choices."""

    numbers: Mapping[str, Dimension]
    whole: Mapping[str, Dimension]
    choices: Mapping[str, Dimension]

    @classmethod
    def of(cls, space: Space) -> "_Coordinates":
        listed = {key: each for key, each in space.dimensions.items() if len(each.values or (0,)) > 1}
        choices = {key: each for key, each in listed.items() if each.choices or len(each.values or ()) == 2}
        left = {key: each for key, each in space.dimensions.items() if key not in choices}
        whole = {
            key: each
            for key, each in left.items()
            if each.values is not None and 1 < len(each.values) <= (each.steps or _MOST_WHOLE)
        }
        numbers = {key: each for key, each in left.items() if key not in whole and not each.choices}
        return cls(numbers, whole, choices)

    def drew(self, space: Space, trial: Trial) -> bool:
        """Whether what a trial has noted stands for its values in this space."""
        raw, chosen = trial.notes[_PLACES], trial.notes[_CHOICES]
        if len(raw) != len(self.numbers) + len(self.whole) or len(chosen) != len(self.choices):
            return False
        places = {key: min(max(place, 0.0), 1.0) for key, place in zip(self.numbers, raw, strict=False)}
        for (key, each), place in zip(self.whole.items(), raw[len(self.numbers) :], strict=True):
            places[key] = min(_places(each), key=lambda own, place=place: abs(own - place))  # type: ignore[misc]
        for (key, each), number in zip(self.choices.items(), chosen, strict=True):
            if number >= len(each.values or ()):
                return False
            places[key] = _places(each)[number]
        return space.at([places.get(key, 0.0) for key in space.dimensions]) == trial.values

    def values(self, space: Space, solution: Any) -> Values:
        """The values that a solution stands for."""
        places: dict[str, float] = {}
        for key, place in zip(self.numbers, solution.x if self.numbers else (), strict=True):
            places[key] = float(place)
        for key, place in zip(self.whole, solution.z if self.whole else (), strict=True):
            places[key] = float(place)
        for key, chosen in zip(self.choices, solution.c if self.choices else (), strict=True):
            places[key] = _places(self.choices[key])[int(np.argmax(chosen))]
        # a single choice has no coordinate
        return space.at([places.get(key, 0.0) for key in space.dimensions])


def draw(space: Space, known: Sequence[Trial], ask: Ask) -> Stream:
    """See `dlscan.search.methods`.

    A generation ends when as many points of it as the population has are done, pruned or have diverged;
    one that crashed is replaced. What decides the state, the places of the points before they were rounded,
    is in their notes: so no random numbers have to come out as before. Points that were drawn in another
    space count as those from elsewhere do.
    """
    cmaes = needed("cmaes", "cmaes")
    if space.size == 1:
        # no coordinate is left
        yield Draw(*space.every())
        yield "stop"
        return
    coordinates = _Coordinates.of(space)
    own, others = _divided(space, coordinates, known)
    population = int(own[0].notes[_POPULATION]) if own else _population(space, ask)
    # other points may be done later, and must not move where this began; old plans do not have it
    frozen = own[0].notes.get(_START) if own else None
    start = _start(coordinates, others) if frozen is None else [float(place) for place in frozen]
    optimizer = _optimizer(cmaes, coordinates, population, start, ask)
    generation, members = 0, _of_generation(own, 0)
    while sum(trial.state in TOLD for trial in members) >= population:
        told = [trial for trial in members if trial.state in TOLD][:population]
        optimizer.tell(_solutions(cmaes, coordinates, told))
        generation += 1
        members = _of_generation(own, generation)
    optimizer.reseed_rng(ask.seed)
    missing = population - sum(trial.state != "crashed" for trial in members)
    while missing > 0:
        solution = optimizer.ask()
        notes = {
            _DIGEST: space.digest,
            _GENERATION: generation,
            _POPULATION: population,
            _START: start,
            _PLACES: [] if solution._v_raw is None else [float(place) for place in solution._v_raw],
            _CHOICES: [] if solution.c is None else [int(np.argmax(each)) for each in solution.c],
        }
        missing -= yield Draw(coordinates.values(space, solution), notes)
    yield "wait"


def _divided(
    space: Space, coordinates: _Coordinates, known: Sequence[Trial]
) -> tuple[list[Trial], list[Trial]]:
    """Trials that were drawn by this method in this space, and the others."""
    drawn = [trial for trial in known if _GENERATION in trial.notes]
    # old plans have no digests
    old = [trial for trial in drawn if _DIGEST not in trial.notes]
    digests = {None, space.digest} if all(coordinates.drew(space, each) for each in old) else {space.digest}
    own, others = list[Trial](), list[Trial]()
    for trial in known:
        is_own = _GENERATION in trial.notes and trial.notes.get(_DIGEST) in digests
        (own if is_own else others).append(trial)
    return own, others


def _places(dimension: Dimension) -> list[float]:
    """The places of all values: at equal distances, if it is at these that they are."""
    values = dimension.values or ()
    places = [(n + 0.5) / len(values) for n in range(len(values))]
    if [dimension.at(place) for place in places] == list(values):
        return places
    return [place for value in values if (place := dimension.place(value)) is not None]


def _of_generation(own: Sequence[Trial], generation: int) -> list[Trial]:
    return [trial for trial in own if trial.notes[_GENERATION] == generation]


def _population(space: Space, ask: Ask) -> int:
    """What the method is usually used with, or what the file has, in whole packs."""
    usual = ask.population or 4 + int(3 * math.log(len(space.dimensions)))
    return max(2, -(-usual // ask.pack) * ask.pack)


def _start(coordinates: _Coordinates, others: Sequence[Trial]) -> list[float]:
    """Where the first generation is around: the best point that was there before, else the middle."""
    numbers = {**coordinates.numbers, **coordinates.whole}
    done = [trial for trial in others if trial.state == "done"]
    best = max(done, key=lambda trial: trial.worth).values if done else {}
    places = [each.place(best[key]) if key in best else None for key, each in numbers.items()]
    return [0.5 if place is None else float(place) for place in places]


def _optimizer(
    cmaes: Any, coordinates: _Coordinates, population: int, start: Sequence[float], ask: Ask
) -> Any:
    ordinal = [_places(each) for each in coordinates.whole.values()]
    count = len(start)
    return cmaes.CatCMAwM(
        x_space=[[0.0, 1.0]] * len(coordinates.numbers) or None,
        z_space=ordinal or None,
        c_space=[len(each.values or ()) for each in coordinates.choices.values()] or None,
        population_size=population,
        mean=np.array(start) if count else None,
        cov=np.diag([_SPREAD**2] * count) if count else None,
        seed=ask.seed,
    )


def _solutions(cmaes: Any, coordinates: _Coordinates, told: Sequence[Trial]) -> list[tuple[Any, float]]:
    """What the optimizer is told: ranks, the best first, and last what diverged.

    Ranks are all that counts but for places beyond the bounds, whose penalty is in units of the spread; where
    all results are equal there would be none.
    """
    ranked = sorted(told, key=lambda trial: trial.rank, reverse=True)
    widest = max((len(each.values or ()) for each in coordinates.choices.values()), default=0)
    solutions = []
    for rank, trial in enumerate(ranked):
        chosen = np.array([np.eye(widest)[number] for number in trial.notes[_CHOICES]]) if widest else None
        raw = np.array(trial.notes[_PLACES], dtype=float) if trial.notes[_PLACES] else None
        solutions.append((cmaes.CatCMAwM.Solution(None, None, chosen, raw), float(rank)))
    return solutions
