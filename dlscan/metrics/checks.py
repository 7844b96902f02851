"""What every number here asks of its input."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlscan.errors import DataError

Floats = NDArray[np.float64]

_ROUNDING = 1e-12


def checked_table(scores: ArrayLike, labels: ArrayLike, classes: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Scores (N, C) and labels (N,) that fit each other; a label that is no class is a `DataError`."""
    table, truth = np.asarray(scores), np.asarray(labels)
    if table.ndim != 2 or table.shape != (len(truth), classes):
        raise ValueError(f"scores must have shape ({len(truth)}, {classes}), got {table.shape}")
    if len(truth) and not 0 <= truth.min() <= truth.max() < classes:
        raise DataError(f"labels run from {truth.min()} to {truth.max()}, but there are {classes} classes")
    require_no_nan(table)
    return table, truth


def checked_ranking(
    scores: ArrayLike, positive: ArrayLike, weights: ArrayLike | None
) -> tuple[NDArray[Any], NDArray[np.bool_], Floats]:
    """Scores, signal and weights as arrays of one shape (N,)."""
    values = np.asarray(scores)
    signal = np.asarray(positive, dtype=bool)
    if values.ndim != 1 or values.shape != signal.shape:
        raise ValueError(f"scores {values.shape} and positive {signal.shape} must both have shape (N,)")
    require_no_nan(values)
    return values, signal, checked_weights(weights, len(values))


def checked_weights(weights: ArrayLike | None, events: int) -> Floats:
    """Weights (N,), 1 by default; one that is not finite is a `DataError`."""
    counts = np.ones(events) if weights is None else np.asarray(weights, dtype=np.float64)
    if counts.shape != (events,):
        raise ValueError(f"weights must have shape ({events},), got {counts.shape}")
    if not np.isfinite(counts).all():
        raise DataError(f"{np.count_nonzero(~np.isfinite(counts))} of {events} event weights are not finite")
    return counts


def weight_sum(weights: Floats) -> float:
    """The sum of weights; 0 where positive and negative ones cancel but for rounding."""
    total = float(weights.sum())
    return 0.0 if abs(total) <= _ROUNDING * float(np.abs(weights).sum()) else total


def require_no_nan(scores: NDArray[Any]) -> None:
    """Refuse nan among scores: a `DataError`."""
    bad = np.count_nonzero(np.isnan(scores))
    if bad:
        raise DataError(
            f"{bad} of {scores.size} scores are nan; a network whose training diverged has no AUC"
        )
