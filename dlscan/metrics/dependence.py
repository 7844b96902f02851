"""How much scores depend on a nuisance: distance correlation, differences of distributions in its bins."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlscan.metrics.estimate import Estimate
from dlscan.metrics.measure import Measured

DEPENDENCE, DIFFERENCE = "_Dependence", "_Difference"
# Events whose distances from each other are looked at together, and how many such blocks tell an uncertainty.
_BLOCK, _LEAST_BLOCKS, _LEAST_BLOCK = 1000, 8, 8
# Bins of the nuisance, with as many events each.
_BINS, _LEAST_IN_BIN = 5, 20
_FEW = f"fewer than {_LEAST_BLOCKS * _LEAST_BLOCK} events of a class"

Floats = NDArray[np.float64]


def measure_dependence(
    scores: ArrayLike, nuisance: ArrayLike, labels: ArrayLike, classes: Mapping[str, int], name: str
) -> Measured:
    """Measure how much scores depend on a nuisance within classes. Weights of events do not count.

    Parameters
    ----------
    scores : array_like, shape (N, C)
        Of the events.
    nuisance : array_like, shape (N,)
        A number of each.
    labels : array_like of int, shape (N,)
        Their classes.
    classes : mapping of str to int
        The classes to look within, by their names.
    name : str
        Of the nuisance.

    Returns
    -------
    Measured
        `<Name>_Dependence`, the mean over the classes; of several classes also `<Class>_<Name>_Dependence`.
        `<Name>_Difference`, the largest over the classes.
    """
    table, numbers, truth = (np.asarray(array) for array in (scores, nuisance, labels))
    table, numbers = table.astype(np.float64), numbers.astype(np.float64)
    measured, found, differences = Measured(), list[Estimate | None](), list[Estimate | None]()
    for label, number in classes.items():
        own = truth == number
        found.append(distance_correlation(table[own], numbers[own]))
        differences.append(largest_difference(table[own], numbers[own]))
        if len(classes) > 1:
            measured.add(f"{label}_{name}{DEPENDENCE}", found[-1], _FEW)
    there = [each for each in found if each is not None]
    measured.add(f"{name}{DEPENDENCE}", _mean(there) if len(there) == len(found) else None, _FEW)
    known = [each for each in differences if each is not None]
    largest = max(known, key=lambda each: each.value) if known and len(known) == len(differences) else None
    measured.add(f"{name}{DIFFERENCE}", largest, f"fewer than {2 * _LEAST_IN_BIN} events of a class")
    return measured


def distance_correlation(scores: ArrayLike, numbers: ArrayLike) -> Estimate | None:
    """Distance correlation of the scores of events and a number of each, without bias in its square.

    It is 0 if and only if they are independent. The covariances of blocks of events are averaged, whose
    spread tells the uncertainty (G. J. Szekely and M. L. Rizzo, Annals of Statistics 42 (2014) 2382).

    Parameters
    ----------
    scores : array_like, shape (N, C)
        Of the events.
    numbers : array_like, shape (N,)
        Of the same events.

    Returns
    -------
    Estimate or None
        The root of the square, 0 where that is below; None with too few events.
    """
    table, values = np.asarray(scores, np.float64), np.asarray(numbers, np.float64)
    blocks = max(_LEAST_BLOCKS, -(-len(values) // _BLOCK))
    if len(values) // blocks < _LEAST_BLOCK:
        return None
    # neighbours on file may be of one run
    order = np.random.default_rng(0).permutation(len(values))
    sums = np.array([_covariances(table[part], values[part]) for part in np.array_split(order, blocks)])
    square = _square(sums.mean(axis=0))
    # each left out once
    left = np.array([_square((sums.sum(axis=0) - own) / (blocks - 1)) for own in sums])
    half = math.sqrt((blocks - 1) / blocks * float(np.sum((left - left.mean()) ** 2)))
    value, low, high = (
        math.sqrt(min(max(each, 0.0), 1.0)) for each in (square, square - half, square + half)
    )
    return Estimate(value, value - low, high - value)


def largest_difference(scores: ArrayLike, numbers: ArrayLike) -> Estimate | None:
    """The largest difference of the distribution of a score in a bin of a number from that outside it.

    Parameters
    ----------
    scores : array_like, shape (N, C)
        Of the events.
    numbers : array_like, shape (N,)
        Of the same events; there are five bins with as many events each.

    Returns
    -------
    Estimate or None
        Between 0 and 1, a distance of Kolmogorov and Smirnov with the binomial uncertainty where it is
        largest; it is not 0 for independent ones, since it is the largest of many. None with too few events.
    """
    table, values = np.asarray(scores, np.float64), np.asarray(numbers, np.float64)
    bins = min(_BINS, len(values) // _LEAST_IN_BIN)
    if bins < 2:
        return None
    edges = np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1])
    places, found = np.searchsorted(edges, values, side="right"), Estimate(0.0, 0.0, 0.0)
    for score in table.T:
        order = np.argsort(score, kind="stable")
        last = np.append(np.diff(score[order]) > 0, True)
        for bin_ in range(bins):
            inside = places[order] == bin_
            events, others = int(inside.sum()), int((~inside).sum())
            if min(events, others) < 1:
                continue
            own, rest = np.cumsum(inside)[last] / events, np.cumsum(~inside)[last] / others
            at = int(np.argmax(np.abs(own - rest)))
            value = float(abs(own[at] - rest[at]))
            if value > found.value:
                half = math.sqrt(own[at] * (1 - own[at]) / events + rest[at] * (1 - rest[at]) / others)
                found = Estimate(value, min(half, value), min(half, 1 - value))
    return found


def _covariances(scores: Floats, numbers: Floats) -> tuple[float, float, float]:
    """The unbiased squared distance covariance of a block, and both variances."""
    a = _centred(np.sqrt(np.maximum(_squares(scores), 0)))
    b = _centred(np.abs(numbers[:, None] - numbers[None]))
    count = len(numbers)
    of = count * (count - 3)
    return float(np.sum(a * b)) / of, float(np.sum(a * a)) / of, float(np.sum(b * b)) / of


def _squares(scores: Floats) -> Floats:
    """Squared distances of rows from each other, without an array of three axes."""
    total = np.zeros((len(scores), len(scores)))
    for score in scores.T:
        total += (score[:, None] - score[None]) ** 2
    return total


def _centred(distances: Floats) -> Floats:
    """Distances less the means of rows and columns, as an unbiased covariance needs them."""
    count = len(distances)
    rows = distances.sum(axis=0)
    centred: Floats = (
        distances - (rows[:, None] + rows[None]) / (count - 2) + rows.sum() / ((count - 1) * (count - 2))
    )
    np.fill_diagonal(centred, 0.0)
    return centred


def _square(covariances: Floats) -> float:
    both, one, other = map(float, covariances)
    return both / math.sqrt(one * other) if one > 0 and other > 0 else 0.0


def _mean(found: list[Estimate]) -> Estimate:
    """Of independent estimates."""
    value = sum(each.value for each in found) / len(found)
    down, up = (math.hypot(*(getattr(each, end) for each in found)) / len(found) for end in ("down", "up"))
    return Estimate(value, down, up)
