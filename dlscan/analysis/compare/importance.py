"""How much each parameter of a scan matters, and how sure that is: analysis of variance, no files."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from dlscan.analysis.compare.designs import Levels, Terms, basis_of, design_of, means_of, terms_of
from dlscan.analysis.points.results import Floats
from dlscan.errors import ScanError
from dlscan.spelling import agree, counted

DRAWS = 1000
SEED = 1
# fewer degrees of freedom tell too little of how large chance is
LEAST_LEFT = 3
# a parameter drawn at random has a value per model, which would explain all: it is a polynomial instead
DEGREE = 3
LEAST_PER_LEVEL = 3
# numbers that differ by more are taken by their logarithm
_LOGARITHMIC = 20.0
LOW, HIGH = 0.1587, 0.8413
# what is explained, but by which of the parameters that go along with one another nobody can tell
TOGETHER = "(vary together)"


@dataclasses.dataclass(frozen=True)
class Importance:
    """The main effect of a parameter.

    Attributes
    ----------
    name : str
        Of the parameter.
    share : float or None
        Of the variance of the number between the trainings, what the parameter explains beyond all others,
        less what noise explains on average; 0 where that is more. None where the parameter goes along with
        others, so that nothing tells them apart.
    low, high : float or None
        68 % interval of it.
    chance : float or None
        The share that all parameters stay below 95 times in 100 where none has an effect.
    """

    name: str
    share: float | None
    low: float | None
    high: float | None
    chance: float | None

    @property
    def told(self) -> bool:
        """Whether the parameter matters more than chance does."""
        return self.share is not None and self.chance is not None and self.share > self.chance


@dataclasses.dataclass(frozen=True)
class _Noise:
    """What values differ by without any effect.

    Attributes
    ----------
    events : ndarray, shape (N, N)
        Covariance of the trainings from their common events.
    squares, freedom : float, int
        Of training alone: sum of squares, and of how many degrees of freedom. The variance is their ratio.
    """

    events: Floats
    squares: float
    freedom: int

    @property
    def training(self) -> float:
        return self.squares / self.freedom


def importances(
    parameters: Mapping[str, Terms],
    values: Floats,
    events: Floats | None = None,
    models: Levels | None = None,
) -> tuple[list[Importance], float]:
    """The importance of each parameter for a number of the trainings.

    An additive model with a term per value of each parameter is fitted by least squares: on a grid it is the
    functional analysis of variance of F. Hutter, H. Hoos and K. Leyton-Brown (ICML 2014) to first order. What
    a parameter explains is by how much the sum of squared residuals grows without its terms (type III).

    Two kinds of noise explain something too. All networks are judged by the same events, and those that are
    alike err alike on them: such noise goes with the parameters, and no residual shows it. Its covariance is
    `events`. What another seed gives is independent from training to training: its variance comes from
    repeats, or without them from the residuals. What both give on average is subtracted. Chance is what both
    exceed in 5 of 100 draws for any of the parameters. The interval holds the true shares for which what was
    found is no rarer than 16 % to either side; its upper end is no less than noise alone gives in half of the
    draws.

    Parameters
    ----------
    parameters : mapping of str to ndarray of int, shape (N,), or of float, shape (N, terms)
        For each parameter the number of its value in each training, or terms: see `levels`.
    values : ndarray, shape (N,)
        The number of each training; finite.
    events : ndarray, shape (N, N), optional
        Covariance of `values` from the finite number of events; none by default.
    models : ndarray of int, shape (N,), optional
        Trainings with the same number differ in their seed alone; by default each is a model of its own.

    Returns
    -------
    importances : list of Importance
        From large to small, those that cannot be told apart last. Where there are such, one of the name
        `TOGETHER` holds what they explain, but none of them alone.
    left : float
        The share of the variance that is none parameter's own: `noise_shares` tells how much of it is noise,
        and the rest are parameters that act together.

    Raises
    ------
    ScanError
        If there are too few models, or all have the same number.
    """
    count = len(values)
    full = design_of(parameters.values(), count)
    rank = basis_of(full).shape[1]
    repeats = 0 if models is None else _repeats(models)
    different, repeated = count - repeats, models is not None and repeats >= LEAST_LEFT
    if not repeated and different - rank < LEAST_LEFT:
        several = f"which of {len(parameters)} parameters matters"
        which = several if len(parameters) > 1 else f"whether {next(iter(parameters))} matters"
        raise ScanError(
            f"{counted(different, 'model')} {agree(different, 'is', 'are')} too few to tell {which}: the fit "
            f"has {counted(rank, 'coefficient')}; use at least {rank + LEAST_LEFT} models, or fewer "
            "parameters (--by)"
        )
    spread = float(np.sum((values - values.mean()) ** 2))
    if spread <= 1e-24 * max(float(np.sum(values**2)), 1.0):
        raise ScanError("all models have the same number: no parameter matters for it")
    covariance = np.zeros((count, count)) if events is None else events
    noise = _noise(values, full if models is None or not repeated else means_of(models), covariance)
    rare = 0.95 ** (1 / len(parameters))
    alone = {}
    for name in parameters:
        without = design_of((codes for other, codes in parameters.items() if other != name), count)
        alone[name] = terms_of(full, without)
    found = [_importance(name, values, terms, noise, rare) for name, terms in alone.items()]
    together = terms_of(full, np.hstack([np.ones((count, 1)), *alone.values()]))
    if together.shape[1]:
        found.append(_importance(TOGETHER, values, together, noise, rare))
    found.sort(key=lambda each: float("inf") if each.share is None else -each.share)
    own = sum(each.share for each in found if each.share is not None)
    return found, max(1.0 - own, 0.0)


def noise_shares(
    values: Floats, events: Floats | None = None, models: Levels | None = None
) -> tuple[float | None, float | None]:
    """The shares of the variance that noise gives on average; arguments as for `importances`.

    Returns
    -------
    events : float or None
        Of the finite number of events; None where that is not known.
    training : float or None
        Of other seeds; None without repeats, which alone tell it from parameters that act together.
    """
    count = len(values)
    spread = float(np.sum((values - values.mean()) ** 2))
    covariance = np.zeros((count, count)) if events is None else events
    # networks that are all alike leave nothing but rounding
    from_events = min(max(float(np.trace(covariance) - covariance.sum() / count) / spread, 0.0), 1.0)
    from_training = None
    if models is not None and _repeats(models) >= LEAST_LEFT:
        variance = _noise(values, means_of(models), covariance).training
        from_training = min((count - 1) * variance / spread, 1.0 - from_events)
    return None if events is None else from_events, from_training


def _repeats(models: Levels) -> int:
    """How many trainings there are beyond one of each model."""
    return len(models) - len(np.unique(models))


def _noise(values: Floats, design: Floats, events: Floats) -> _Noise:
    """The variance of training from the residuals of a fit of `design`, less what events give to these."""
    basis = basis_of(design)
    squares = float(np.sum((values - basis @ (basis.T @ values)) ** 2))
    squares -= float(np.trace(events)) - float(np.sum(basis * (events @ basis)))
    return _Noise(events, max(squares, 0.0), len(values) - basis.shape[1])


def _importance(name: str, values: Floats, terms: Floats, noise: _Noise, rare: float) -> Importance:
    """The importance of the parameter with the orthonormal `terms`, (N, T)."""
    if not terms.shape[1]:
        return Importance(name, None, None, None, None)
    effect = values @ terms
    squares, spread = float(effect @ effect), float(np.sum((values - values.mean()) ** 2))
    shared = terms.T @ noise.events @ terms
    expected = float(np.trace(shared)) + terms.shape[1] * noise.training
    draw = _draws(shared, noise, expected)
    chance = (float(np.quantile(draw(0.0 * effect), rare)) - expected) / spread
    direction = effect / math.sqrt(squares) if squares else np.eye(len(effect))[0]

    def share(quantile: float, found: float) -> float:
        """The true share for which this quantile of what is found is `found`."""
        true = _size(lambda size: float(np.quantile(draw(size * direction), quantile)), found) ** 2
        return true / (true + expected + spread - squares) if true else 0.0

    low = share(HIGH, squares)
    # less than half of what noise alone gives says no more than that half
    high = share(LOW, max(squares, float(np.median(draw(0.0 * effect)))))
    best = max((squares - expected) / spread, 0.0)
    return Importance(name, best, min(low, best), max(high, best), max(chance, 0.0))


def _draws(shared: Floats, noise: _Noise, expected: float) -> Callable[[Floats], Floats]:
    """Sums of squares of an effect with noise, (DRAWS,), as a function of the effect without.

    How large the noise of training is was estimated as well. It is drawn, and the effect is in units of it,
    as in the F test, which this is where events give nothing.
    """
    rng = np.random.default_rng(SEED)
    size = len(shared)
    sizes, axes = np.linalg.eigh(shared)
    root = axes * np.sqrt(np.maximum(sizes, 0.0))
    variance = noise.squares / rng.chisquare(noise.freedom, DRAWS)
    fluctuation = rng.normal(size=(DRAWS, size)) @ root.T
    fluctuation += np.sqrt(variance)[:, None] * rng.normal(size=(DRAWS, size))
    unit = np.ones(DRAWS)
    if expected > 0:
        unit = np.sqrt((float(np.trace(shared)) + size * variance) / expected)
    return lambda effect: np.asarray(np.sum((unit[:, None] * effect + fluctuation) ** 2, axis=1))


def _size(quantile: Callable[[float], float], found: float) -> float:
    """The size of the effect, from 0, at which the rising `quantile` of the sums of squares is `found`."""
    if quantile(0.0) >= found:
        return 0.0
    low, high = 0.0, math.sqrt(found)
    while quantile(high) < found:
        low, high = high, 2 * high
    for _ in range(20):
        middle = (low + high) / 2
        low, high = (middle, high) if quantile(middle) < found else (low, middle)
    return high


def is_smooth(values: Sequence[Any]) -> bool:
    """Whether a parameter's values in the models are numbers that are rarely equal; None is none."""
    there = [value for value in values if value is not None]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in there):
        return False
    return len(set(there)) > DEGREE + 1 and len(there) < LEAST_PER_LEVEL * len(set(there))


def levels(values: Sequence[Any], places: Sequence[int]) -> tuple[Terms, bool]:
    """The number of the level of each model; or of numbers that are rarely equal, terms of a polynomial.

    Parameters
    ----------
    values : sequence
        The parameter's value in each model; None where it has none.
    places : sequence of int
        The position of each value among the different ones, in order.

    Returns
    -------
    terms : ndarray of int, shape (N,), or of float, shape (N, DEGREE)
        Levels, or terms.
    smooth : bool
        Whether these are terms.
    """
    if not is_smooth(values):
        return np.array(places, dtype=np.int64), False
    there = [value for value in values if value is not None]
    numbers = np.array(there, dtype=np.float64)
    low, high = numbers.min(), numbers.max()
    if low > 0 and high >= _LOGARITHMIC * low:
        numbers, low, high = np.log(numbers), math.log(low), math.log(high)
    terms = np.zeros((len(values), DEGREE))
    present = np.array([value is not None for value in values])
    scaled = 2 * (numbers - low) / (high - low) - 1
    # where there is none, another parameter says so, such as the family
    terms[present] = np.polynomial.legendre.legvander(scaled, DEGREE)[:, 1:]
    return terms, True
