"""Every number of a regression on a split, by the name it has in a record and in the table."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from dlscan.config.labels import MEAN
from dlscan.metrics.checks import Floats, checked_weights, weight_sum
from dlscan.metrics.measure import Measured, why_nothing
from dlscan.metrics.quantiles import LEAST_EVENTS, half_width_estimate
from dlscan.metrics.regression import (
    LEAST_FOR_MEAN,
    bias,
    in_spreads,
    mean_absolute_error,
    mean_estimate,
    not_negative,
    resolution,
    root_mean_square_error,
)

_FEW_FOR_MEAN = f"fewer than {LEAST_FOR_MEAN} effective events, which tell no interval"
_FEW_FOR_WIDTH = f"fewer than {LEAST_EVENTS} effective events, which tell no 68 % width"


def measure_regression(
    predictions: ArrayLike,
    targets: ArrayLike,
    names: Sequence[str],
    weights: ArrayLike | None = None,
    sigmas: ArrayLike | None = None,
) -> Measured:
    """Measure everything of a split.

    Parameters
    ----------
    predictions, targets : array_like, shape (N, T)
        A column per target, in its unit.
    names : sequence of str, length T
        Of the targets.
    weights : array_like, shape (N,), optional
        Event weights, 1 by default.
    sigmas : array_like, shape (N, T), optional
        The uncertainty that a network gives each of its predictions.

    Returns
    -------
    Measured
        `<Target>_MAE`, `_RMSE`, `_Bias`, `_Resolution` and, with `sigmas`, `_Pull_Mean` and `_Pull_Width`;
        with several targets `Mean_MAE`: see docs/evaluate.md.

    Raises
    ------
    DataError
        If a prediction, target or weight is not finite.
    """
    found, truth = np.asarray(predictions, np.float64), np.asarray(targets, np.float64)
    if found.ndim != 2 or found.shape != truth.shape or found.shape[1] != len(names):
        raise ValueError(f"{found.shape} predictions and {truth.shape} targets for {len(names)} targets")
    counts = checked_weights(weights, len(truth))
    widths = None if sigmas is None else np.asarray(sigmas, np.float64)
    measured = Measured()
    for number, name in enumerate(names):
        own = found[:, number], truth[:, number], counts
        for suffix, function in (
            ("MAE", mean_absolute_error),
            ("RMSE", root_mean_square_error),
            ("Bias", bias),
        ):
            measured.add(f"{name}_{suffix}", function(*own), _why(counts, _FEW_FOR_MEAN))
        why = _no_ratio(truth[:, number]) or _why(counts, _FEW_FOR_WIDTH)
        measured.add(f"{name}_Resolution", resolution(*own), why)
        if widths is not None:
            _add_pulls(measured, name, own[0] - own[1], widths[:, number], counts)
    if len(names) > 1:
        _add_mean(measured, found - truth, truth, counts)
    return measured


def measure_regression_validation(
    predictions: ArrayLike,
    targets: ArrayLike,
    names: Sequence[str],
    weights: ArrayLike | None = None,
    sigmas: ArrayLike | None = None,
) -> Measured:
    """Measure what a choice among models may look at, the validation split: the same names behind `val_`."""
    measured = measure_regression(predictions, targets, names, weights, sigmas)
    return measured.renamed({name: f"val_{name}" for name in measured.values})


def _add_pulls(measured: Measured, name: str, errors: Floats, sigmas: Floats, weights: Floats) -> None:
    """Mean and half 68 % width of (prediction - truth) / sigma, which are 0 and 1 if the sigmas are right."""
    wrong = np.count_nonzero(~(np.isfinite(sigmas) & (sigmas > 0)))
    if wrong:
        why = f"{wrong} of {len(sigmas)} predicted uncertainties are not finite and above 0"
        measured.add(f"{name}_Pull_Mean", None, why)
        measured.add(f"{name}_Pull_Width", None, why)
        return
    pulls = errors / sigmas
    measured.add(f"{name}_Pull_Mean", mean_estimate(pulls, weights), _why(weights, _FEW_FOR_MEAN))
    measured.add(f"{name}_Pull_Width", half_width_estimate(pulls, weights), _why(weights, _FEW_FOR_WIDTH))


def _add_mean(measured: Measured, errors: Floats, truth: Floats, weights: Floats) -> None:
    """The mean over the targets of the MAE in units of the target's spread."""
    # of each event, so that the correlation of its errors is in the interval
    each = in_spreads(errors, truth, weights)
    found = None if each is None else not_negative(mean_estimate(each, weights))
    spread = each is not None or weight_sum(weights) <= 0
    why = _why(weights, _FEW_FOR_MEAN) if spread else "the true values of a target have no spread"
    measured.add(f"{MEAN}_MAE", found, why)


def _why(weights: Floats, few: str) -> str:
    return why_nothing(weights) if weight_sum(weights) <= 0 else few


def _no_ratio(truth: Floats) -> str:
    """Why there is no prediction / truth; empty if there is."""
    wrong = np.count_nonzero(truth <= 0)
    return f"{wrong} of {len(truth)} true values are 0 or negative: no prediction / truth" if wrong else ""
