"""How far predicted numbers are from true ones: absolute, squared and relative errors, and pulls.

A target is a number of each event, such as its energy, in whatever unit the data have. The error of an event
is prediction - truth.
"""

import dataclasses
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlscan.errors import DataError
from dlscan.metrics.bins import in_bins
from dlscan.metrics.checks import Floats, checked_weights, weight_sum
from dlscan.metrics.estimate import Estimate, bounded, effective_count, too_few, weighted_mean
from dlscan.metrics.quantiles import (
    HIGH,
    LEAST_EVENTS,
    LOW,
    half_width_estimate,
    quantile_estimate,
    quantiles,
)

# with fewer effective events there is no spread
LEAST_FOR_MEAN = 2


def in_spreads(errors: Floats, truth: Floats, weights: Floats) -> Floats | None:
    """How wrong each event is: the mean over T targets of |error| in units of the target's spread.

    Parameters
    ----------
    errors, truth : ndarray, shape (N, T)
        The spread of the truth is taken as known.
    weights : ndarray, shape (N,)
        Of the events.

    Returns
    -------
    ndarray, shape (N,), or None
        None without weights that add up to more than 0, or if a target has no spread.
    """
    if weight_sum(weights) <= 0:
        return None
    squares = (truth - np.average(truth, axis=0, weights=weights)) ** 2
    variances = np.average(squares, axis=0, weights=weights)
    if not (variances > 0).all():
        return None
    each: Floats = (np.abs(errors) / np.sqrt(variances)).mean(axis=1)
    return each


def mean_estimate(values: ArrayLike, weights: ArrayLike | None = None) -> Estimate | None:
    """The weighted mean of values (N,) with its standard error.

    Returns
    -------
    Estimate or None
        None when the sum of the weights is not above 0, or the effective number of events is below 2.
    """
    numbers = np.asarray(values, np.float64)
    counts = checked_weights(weights, len(numbers))
    total, count = weight_sum(counts), effective_count(counts)
    if total <= 0 or too_few(counts, LEAST_FOR_MEAN):
        return None
    mean = float(np.sum(counts * numbers)) / total
    spread = float(np.linalg.norm(counts * (numbers - mean))) / total
    # as the n - 1 in the variance of any sample: the mean was estimated from these events
    half = spread * math.sqrt(count / (count - 1))
    return Estimate(mean, half, half)


def mean_absolute_error(
    predictions: ArrayLike, targets: ArrayLike, weights: ArrayLike | None = None
) -> Estimate | None:
    """The mean of |prediction - truth| with its standard error, in units of the target.

    Parameters
    ----------
    predictions, targets : array_like, shape (N,)
        Of one target.
    weights : array_like, shape (N,), optional
        Event weights, 1 by default. Negative ones may take the mean below 0, where no true one lies: it is
        then 0.

    Returns
    -------
    Estimate or None
        None as for `mean_estimate`.

    Raises
    ------
    DataError
        If a prediction, target or weight is not finite.
    """
    errors, counts = _errors(predictions, targets, weights)
    return not_negative(mean_estimate(np.abs(errors), counts))


def root_mean_square_error(
    predictions: ArrayLike, targets: ArrayLike, weights: ArrayLike | None = None
) -> Estimate | None:
    """The root of the mean of (prediction - truth)^2; its interval has the roots of the mean's.

    Arguments, None and errors as for `mean_absolute_error`.
    """
    errors, counts = _errors(predictions, targets, weights)
    square = not_negative(mean_estimate(errors**2, counts))
    if square is None:
        return None
    value, low, high = (
        math.sqrt(max(each, 0.0))
        for each in (square.value, square.value - square.down, square.value + square.up)
    )
    return Estimate(value, value - low, high - value)


def bias(predictions: ArrayLike, targets: ArrayLike, weights: ArrayLike | None = None) -> Estimate | None:
    """The mean of prediction - truth with its standard error, in units of the target.

    Arguments, None and errors as for `mean_absolute_error`.
    """
    return mean_estimate(*_errors(predictions, targets, weights))


def resolution(
    predictions: ArrayLike, targets: ArrayLike, weights: ArrayLike | None = None
) -> Estimate | None:
    """Half the width that holds the middle 68.27 % of prediction / truth: see `half_width_estimate`.

    Arguments and errors as for `mean_absolute_error`. None too when a true value is not above 0, or there are
    fewer than 10 effective events.
    """
    ratios, counts = _ratios(predictions, targets, weights)
    return None if ratios is None else half_width_estimate(ratios, counts)


@dataclasses.dataclass(frozen=True)
class TruthBin:
    """The events whose true value lies in a bin.

    Attributes
    ----------
    low, high : float
        Its edges.
    mean : float
        Mean true value; the middle of the bin where there are no events.
    events : int
        How many.
    mae, rmse, bias, resolution : Estimate or None
        As the functions of these names.
    median : Estimate or None
        Of prediction / truth.
    band : tuple of float, or None
        The quantiles of prediction / truth that hold its middle 68.27 %.
    """

    low: float
    high: float
    mean: float
    events: int
    mae: Estimate | None
    rmse: Estimate | None
    bias: Estimate | None
    resolution: Estimate | None
    median: Estimate | None
    band: tuple[float, float] | None


def in_bins_of_truth(
    predictions: ArrayLike, targets: ArrayLike, edges: ArrayLike, weights: ArrayLike | None = None
) -> list[TruthBin]:
    """The same numbers in bins of the true value.

    Parameters
    ----------
    predictions, targets, weights
        As for `mean_absolute_error`.
    edges : array_like, shape (B + 1,)
        Rising; a bin holds its lower edge, the last one its upper edge too. Events outside are left out.
    """
    found, truth, counts = _checked(predictions, targets, weights)
    borders = np.asarray(edges, np.float64)
    place = in_bins(truth, borders)
    return [
        _truth_bin(borders[number], borders[number + 1], found[here], truth[here], counts[here])
        for number, here in ((number, place == number) for number in range(len(borders) - 1))
    ]


def _truth_bin(low: float, high: float, found: Floats, truth: Floats, weights: Floats) -> TruthBin:
    events = (found, truth, weights)
    ratios, _ = _ratios(*events)
    band = None
    if ratios is not None and not too_few(weights, LEAST_EVENTS):
        ends = quantiles(ratios, (LOW, HIGH), weights)
        band = None if ends is None else (float(ends[0]), float(ends[1]))
    return TruthBin(
        low=float(low),
        high=float(high),
        mean=weighted_mean(truth, weights) if weight_sum(weights) > 0 else float(low + high) / 2,
        events=len(truth),
        mae=mean_absolute_error(*events),
        rmse=root_mean_square_error(*events),
        bias=bias(*events),
        resolution=resolution(*events),
        median=None if ratios is None else quantile_estimate(ratios, 0.5, weights),
        band=band,
    )


def not_negative(found: Estimate | None) -> Estimate | None:
    """What negative weights take below 0, where nothing true lies, is 0."""
    return None if found is None else bounded(found.value, found.up, 0.0, math.inf)


def _errors(predictions: ArrayLike, targets: ArrayLike, weights: ArrayLike | None) -> tuple[Floats, Floats]:
    found, truth, counts = _checked(predictions, targets, weights)
    return found - truth, counts


def _ratios(
    predictions: ArrayLike, targets: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats | None, Floats]:
    """Prediction / truth; None where a true value is not above 0."""
    found, truth, counts = _checked(predictions, targets, weights)
    return None if (truth <= 0).any() else found / truth, counts


def _checked(
    predictions: ArrayLike, targets: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    """Predictions, targets and weights, each (N,) and finite."""
    found, truth = np.asarray(predictions, np.float64), np.asarray(targets, np.float64)
    if found.ndim != 1 or found.shape != truth.shape:
        raise ValueError(f"predictions {found.shape} and targets {truth.shape} must both have shape (N,)")
    _require_finite("predictions", found, "; a network whose training diverged has no error")
    _require_finite("true values", truth, "")
    return found, truth, checked_weights(weights, len(truth))


def _require_finite(what: str, values: NDArray[np.float64], why: str) -> None:
    wrong = np.count_nonzero(~np.isfinite(values))
    if wrong:
        raise DataError(f"{wrong} of {len(values)} {what} are not finite{why}")
