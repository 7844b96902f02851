"""How much each parameter of a scan matters, and how sure that is: analysis of variance, no files."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.analysis.results import Floats
from dlscan.errors import ScanError

DRAWS = 1000
SEED = 1
# fewer degrees of freedom tell too little of how large chance is
LEAST_LEFT = 3
# a parameter drawn at random has a value per model, which would explain all; its values go into groups
GROUPS = 4
LEAST_PER_LEVEL = 3

Levels = NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Importance:
    """The main effect of a parameter.

    Attributes
    ----------
    name : str
        Of the parameter.
    share : float or None
        Of the variance of the number between the models, what the parameter explains beyond all others, less
        what chance explains on average; it may be a little below 0. None where the parameter goes along with
        others, so that nothing tells them apart.
    low, high : float or None
        68 % interval of it.
    chance : float or None
        The share that a parameter without effect stays below 95 times in 100.
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


def importances(parameters: Mapping[str, Levels], values: Floats) -> tuple[list[Importance], float]:
    """The importance of each parameter for a number of the models.

    An additive model with a term per value of each parameter is fitted by least squares: on a grid it is the
    functional analysis of variance of F. Hutter, H. Hoos and K. Leyton-Brown (ICML 2014) to first order. What
    a parameter explains is by how much the sum of squared residuals grows without its terms (type III), less
    the mean square of the residuals for each of its terms, over the sum of squares about the mean. The
    interval is that of the bootstrap of the residuals; chance is what random orders of the residuals of the
    fit without the parameter give. What is left is interactions, training noise and chance among the events.

    Parameters
    ----------
    parameters : mapping of str to ndarray of int, shape (N,)
        For each parameter the number of its value in each model: see `levels`.
    values : ndarray, shape (N,)
        The number of each model; finite.

    Returns
    -------
    importances : list of Importance
        From large to small, those that cannot be told apart last.
    left : float
        The share of the variance that is none parameter's own.

    Raises
    ------
    ScanError
        If there are too few models, or all have the same number.
    """
    count = len(values)
    full = _design(parameters.values(), count)
    rank = int(np.linalg.matrix_rank(full))
    if count - rank < LEAST_LEFT:
        raise ScanError(
            f"{count} models cannot tell which of {len(parameters)} parameters matters: {rank} numbers would "
            f"be fitted to them; at least {rank + LEAST_LEFT} models are needed, or fewer parameters (--by)"
        )
    spread = float(np.sum((values - values.mean()) ** 2))
    if spread <= 1e-24 * max(float(np.sum(values**2)), 1.0):
        raise ScanError("all models have the same number: no parameter matters for it")
    fit = _projection(full)
    found = [
        _importance(
            name,
            values,
            fit,
            _design((codes for other, codes in parameters.items() if other != name), count),
            rank,
        )
        for name in parameters
    ]
    found.sort(key=lambda each: float("inf") if each.share is None else -each.share)
    own = sum(max(each.share, 0.0) for each in found if each.share is not None)
    return found, max(1.0 - own, 0.0)


def _importance(name: str, values: Floats, fit: Floats, without: Floats, rank: int) -> Importance:
    """The importance of the parameter without which the design is `without`."""
    left, terms = len(values) - rank, rank - int(np.linalg.matrix_rank(without))
    if terms == 0:
        return Importance(name, None, None, None, None)
    rng = np.random.default_rng(SEED)
    reduced = _projection(without)
    share = float(_shares(values[:, None], fit, reduced, terms, left)[0])
    fitted = fit @ values
    residuals = values - fitted
    # as large as errors are, and not as small as a fit makes residuals
    errors = (residuals - residuals.mean()) * np.sqrt(len(values) / left)
    again = fitted[:, None] + rng.choice(errors, (len(values), DRAWS))
    low, high = np.quantile(_shares(again, fit, reduced, terms, left), [0.1587, 0.8413])
    # the order of the residuals of a fit without the parameter (D. Freedman and D. Lane, 1983)
    expected = (reduced @ values)[:, None]
    shuffled = rng.permuted(np.tile(values[:, None] - expected, DRAWS), axis=0) + expected
    chance = float(np.quantile(_shares(shuffled, fit, reduced, terms, left), 0.95))
    return Importance(name, share, min(float(low), share), max(float(high), share), max(chance, 0.0))


def levels(values: Sequence[Any], places: Sequence[int]) -> tuple[Levels, bool]:
    """The number of the level of each model, and whether rare values were put into groups.

    Parameters
    ----------
    values : sequence
        The parameter's value in each model.
    places : sequence of int
        The position of each value among the different ones, in order.
    """
    codes = np.array(places, dtype=np.int64)
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    count = int(codes.max()) + 1
    if not numeric or count <= GROUPS or len(codes) >= LEAST_PER_LEVEL * count:
        return codes, False
    edges = np.quantile(codes, np.linspace(0, 1, GROUPS + 1)[1:-1])
    return np.searchsorted(edges, codes, side="left").astype(np.int64), True


def _design(parameters: Iterable[Levels], count: int) -> Floats:
    columns = [np.ones(count)]
    for codes in parameters:
        columns += [(codes == level).astype(np.float64) for level in np.unique(codes)[1:]]
    return np.stack(columns, axis=1)


def _projection(design: Floats) -> Floats:
    """The matrix that turns values into their least-squares fit."""
    return np.asarray(design @ np.linalg.pinv(design))


def _shares(values: Floats, fit: Floats, reduced: Floats, terms: int, left: int) -> Floats:
    """The share of each column of `values`, (N, draws)."""
    rest = np.sum((values - fit @ values) ** 2, axis=0)
    gained = np.sum((values - reduced @ values) ** 2, axis=0) - rest
    spread = np.sum((values - values.mean(axis=0)) ** 2, axis=0)
    return np.asarray((gained - terms * rest / left) / spread)
