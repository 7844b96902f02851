"""The energy resolution of a calorimeter: a / sqrt(E), b and c / E in quadrature."""

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from dlscan.metrics.checks import Floats
from dlscan.metrics.estimate import Estimate

# their weights come from the curve of the round before; three rounds are enough for four digits
_ROUNDS = 8


@dataclasses.dataclass(frozen=True)
class ResolutionFit:
    """resolution^2 = a^2 / E + b^2 + c^2 / E^2, with a, b and c not below 0.

    Attributes
    ----------
    stochastic : Estimate
        a, in sqrt(unit of the energy): fluctuations of the number of particles in the shower.
    constant : Estimate
        b: what does not depend on the energy.
    noise : Estimate
        c, in the unit of the energy: of the read-out.
    chi2 : float
        Of the fit.
    degrees : int
        Of freedom: bins - 3.
    """

    stochastic: Estimate
    constant: Estimate
    noise: Estimate
    chi2: float
    degrees: int

    def at(self, energies: ArrayLike) -> Floats:
        """The fitted resolution, (N,), at energies (N,) above 0."""
        terms = _terms(np.asarray(energies, np.float64))
        values = (self.stochastic.value, self.constant.value, self.noise.value)
        return np.asarray(np.sqrt(terms @ np.square(values)))


def fit_resolution(energies: ArrayLike, resolutions: Sequence[Estimate]) -> ResolutionFit | None:
    """Fit resolutions in bins of the energy by least squares.

    In squares the curve is linear, so that there is one minimum and it is found. Each bin has the relative
    uncertainty that was measured, of the fitted resolution and not of the measured one: bins that fluctuate
    down would weigh too much. The interval of a parameter holds the values for which chi^2, at the best of
    the others, is at most 1 above its minimum; it ends at 0.

    Parameters
    ----------
    energies : array_like, shape (B,)
        The mean energy of each bin, above 0.
    resolutions : sequence of Estimate, length B
        The resolution in each.

    Returns
    -------
    ResolutionFit or None
        None for fewer than 3 bins whose resolution and interval are above 0.
    """
    there = [each.value > 0 and each.up > 0 for each in resolutions]
    if sum(there) < 3:
        return None
    kept = [each for each, here in zip(resolutions, there, strict=True) if here]
    terms = _terms(np.asarray(energies, np.float64)[there])
    squares = np.array([each.value for each in kept]) ** 2
    relative = np.array([math.log1p(each.up / each.value) for each in kept])
    curve = squares
    for _ in range(_ROUNDS):
        # of r^2: 2 r times that of r
        errors = 2 * relative * curve
        least = _NotNegative(terms / errors[:, None], squares / errors)
        curve = terms @ least.best
    a, b, c = (least.interval(number) for number in range(3))
    return ResolutionFit(a, b, c, least.chi2, len(kept) - 3)


def _terms(energies: Floats) -> Floats:
    """What the squares of a, b and c are multiplied by, (N, 3)."""
    return np.stack([1 / energies, np.ones_like(energies), 1 / energies**2], axis=1)


class _NotNegative:
    """The least squares of `terms @ parameters - values` with parameters that are not below 0."""

    def __init__(self, terms: Floats, values: Floats) -> None:
        # columns of about one size: solvers compare them
        self._scale = np.linalg.norm(terms, axis=0)
        self._terms, self._values = terms / self._scale, values
        best, self.chi2 = _solve(self._terms, values)
        self._best = best
        self.best = best / self._scale

    def interval(self, number: int) -> Estimate:
        """The root of a parameter, with the interval in which chi^2 rises by at most 1."""
        from scipy.optimize import brentq

        column, others = self._terms[:, number], np.delete(self._terms, number, axis=1)

        def above(parameter: float) -> float:
            return _solve(others, self._values - parameter * column)[1] - self.chi2 - 1

        best = float(self._best[number])
        high = best + _beyond(lambda step: above(best + step))
        high = brentq(above, best, high)
        low = 0.0 if best == 0 or above(0.0) <= 0 else brentq(above, 0.0, best)
        value, low, high = (math.sqrt(each / self._scale[number]) for each in (best, low, high))
        return Estimate(value, value - low, high - value)


def _solve(terms: Floats, values: Floats) -> tuple[Floats, float]:
    """The best parameters and their chi^2."""
    from scipy.optimize import nnls

    best, distance = nnls(terms, values)
    return best, float(distance) ** 2


def _beyond(above: Callable[[float], float]) -> float:
    """A step at which `above` is above 0."""
    step = 1.0
    while above(step) <= 0:
        step *= 2
    return step
