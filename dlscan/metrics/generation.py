"""How generated events differ from real ones: distances of observables, and what a classifier can tell.

Each real event has a generated one with the same condition, and both have the event's weight. Arrays are
called `real_<observable>` and `generated_<observable>`, (N, K) each.
"""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.errors import DataError
from dlscan.metrics.checks import Floats, checked_weights, weight_sum
from dlscan.metrics.delong import Area, area
from dlscan.metrics.estimate import Estimate, effective_count
from dlscan.metrics.influence import Influenced, mean_influence
from dlscan.metrics.measure import Measured, why_nothing

TWOSAMPLE, DISTANCE, CORRELATION = "Twosample_AUC", "_Distance", "Correlation"
# Below that neither a distance nor the share of a classifier has an interval.
LEAST = 20
_BLOCKS = 20
_FEW = f"fewer than {LEAST} effective events"

Kept = Mapping[str, NDArray[Any]]


def observables_of(kept: Kept) -> tuple[str, ...]:
    """The names of the observables of which there are arrays."""
    return tuple(name.removeprefix("real_") for name in kept if name.startswith("real_"))


def measure_generation(kept: Kept, weights: NDArray[Any]) -> Measured:
    """Measure everything of a split.

    Parameters
    ----------
    kept : mapping of str to ndarray
        The observables, and `twosample` (N, 2): the scores that a classifier gives the real and the generated
        event of each pair, nan for those that it was trained on.
    weights : ndarray, (N,)
        Of the events.

    Returns
    -------
    Measured
        `Twosample_AUC`, `<Observable>_Distance` and `Correlation_Distance`: see docs/generate.md.

    Raises
    ------
    DataError
        If a generated number is not finite.
    """
    require_finite(kept, weights)
    counts = checked_weights(weights, len(weights))
    measured = Measured()
    why = why_nothing(counts) if weight_sum(counts) <= 0 else _FEW
    enough = weight_sum(counts) > 0 and effective_count(counts) >= LEAST
    found = twosample(kept, counts) if enough else None
    measured.add(TWOSAMPLE, None if found is None else found.estimate, why)
    for name in observables_of(kept):
        apart = distance(kept, name, counts) if enough else None
        measured.add(f"{name}{DISTANCE}", None if apart is None else _positive(apart.estimate), why)
    apart_ = correlation_distance(kept, counts) if enough else None
    measured.add(f"{CORRELATION}{DISTANCE}", apart_, why if not enough else "there is only one observable")
    return measured


def require_finite(kept: Kept, weights: NDArray[Any]) -> None:
    """Check that what was generated are numbers, else a `DataError`."""
    for name in observables_of(kept):
        wrong = np.count_nonzero(~np.isfinite(kept[f"generated_{name}"]).all(axis=1))
        if wrong:
            raise DataError(
                f"{name} of {wrong} of {len(weights)} generated events is not finite; a network whose "
                "training diverged makes no events"
            )


def twosample(kept: Kept, weights: Floats) -> Influenced | None:
    """The area under the ROC curve of generated against real events, .5 where a classifier cannot tell them.

    Both events of a pair fluctuate together; those that the classifier was trained on have no influence.
    """
    scores = kept["twosample"].astype(np.float64)
    judged = np.isfinite(scores).all(axis=1)
    real, made = scores[judged].T
    own = weights[judged]
    found = area(np.concatenate([made, real]), np.arange(2 * len(own)) < len(own), np.tile(own, 2))
    if found is None:
        return None
    influence = np.zeros(len(weights))
    influence[judged] = found.influence[: len(own)] + found.influence[len(own) :]
    return Area(found.value, influence, found.effective, found.signed)


def distance(kept: Kept, name: str, weights: Floats) -> Influenced | None:
    """Wasserstein's distance of an observable in units of its spread, the mean over its columns.

    The distance is the difference of the means of a potential (Kantorovich and Rubinstein), which is a mean
    over the pairs of events: so it has an interval, and what each event adds to it.
    """
    real, made = (kept[f"{part}_{name}"].astype(np.float64) for part in ("real", "generated"))
    columns = [_potential(real[:, n], made[:, n], weights) for n in range(real.shape[1])]
    return mean_influence(np.mean(columns, axis=0), weights)


def _potential(real: Floats, made: Floats, weights: Floats) -> Floats:
    """The difference of the potential between the events of each pair, whose mean is the distance."""
    both = np.concatenate([real, made])
    order = np.argsort(both, kind="stable")
    signed = np.concatenate([weights, -weights]) / weight_sum(weights)
    gap = np.cumsum(signed[order])[:-1]
    slope = -np.sign(np.where(np.abs(gap) > 1e-12, gap, 0.0))
    height = np.empty(len(both))
    height[order] = np.concatenate([[0.0], np.cumsum(slope * np.diff(both[order]))])
    return np.asarray((height[: len(real)] - height[len(real) :]) / _spread(real, both, weights))


def _spread(real: Floats, both: Floats, weights: Floats) -> float:
    """Standard deviation of real events; where they are all the same that of all, and 1 if these are."""
    for values, counts in ((real, weights), (both, np.tile(weights, 2))):
        mean = np.sum(counts * values) / counts.sum()
        square = np.sum(counts * (values - mean) ** 2) / counts.sum()
        if square > (1e-7 * abs(mean)) ** 2:
            return float(np.sqrt(square))
    return 1.0


def correlation_distance(kept: Kept, weights: Floats) -> Estimate | None:
    """The mean difference between the correlations of two columns in real and in generated events.

    Its interval is that of a jackknife over blocks of events.
    """
    names = observables_of(kept)
    tables = [
        np.concatenate([kept[f"{part}_{name}"] for name in names], axis=1).astype(np.float64)
        for part in ("real", "generated")
    ]
    if tables[0].shape[1] < 2:
        return None
    # products of numbers far from 0 would lose their digits
    middle = tables[0].mean(axis=0)
    tables = [table - middle for table in tables]
    blocks = np.arange(len(weights)) % _BLOCKS
    sums = [[_sums(table[blocks == n], weights[blocks == n]) for n in range(_BLOCKS)] for table in tables]
    whole = [functools.reduce(np.add, own) for own in sums]
    value = _difference(*whole)
    without = [
        _difference(*(all_ - own[n] for all_, own in zip(whole, sums, strict=True))) for n in range(_BLOCKS)
    ]
    half = float(np.sqrt((_BLOCKS - 1) / _BLOCKS * np.sum((np.array(without) - np.mean(without)) ** 2)))
    return _positive(Estimate(value, half, half))


def _sums(table: Floats, weights: Floats) -> Floats:
    """Weighted sums of products of columns, one of which is 1."""
    whole = np.concatenate([np.ones((len(table), 1)), table], axis=1)
    return np.asarray((whole * weights[:, None]).T @ whole)


def _difference(real: Floats, made: Floats) -> float:
    one, other = (_correlations(sums) for sums in (real, made))
    upper = np.triu_indices(len(one), 1)
    return float(np.mean(np.abs(one - other)[upper]))


def _correlations(sums: Floats) -> Floats:
    mean = sums[0, 1:] / sums[0, 0]
    covariance = sums[1:, 1:] / sums[0, 0] - np.outer(mean, mean)
    variance = np.diag(covariance)
    # a column that is always the same goes with none
    width = np.sqrt(np.where(variance > 1e-300, variance, np.inf))
    return np.asarray(covariance / np.outer(width, width))


def _positive(estimate: Estimate) -> Estimate:
    """A distance, with an interval that does not reach below 0."""
    return Estimate(estimate.value, min(estimate.down, max(estimate.value, 0.0)), estimate.up)
