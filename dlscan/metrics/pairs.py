"""One class against another, the others left out: the questions that physicists ask."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlscan.metrics.checks import Floats, checked_weights


def discriminant(scores: ArrayLike, a: int, b: int) -> Floats:
    """How much an event looks like class `a` rather than class `b`, from 0 to 1.

    Parameters
    ----------
    scores : array_like, shape (N, C)
        A column per class.
    a, b : int
        Columns.

    Returns
    -------
    ndarray, shape (N,)
        score_a / (score_a + score_b), and 0.5 where both are 0.
    """
    table = np.asarray(scores)
    ahead, behind = table[:, a].astype(np.float64), table[:, b].astype(np.float64)
    both = ahead + behind
    return np.asarray(np.divide(ahead, both, out=np.full(len(table), 0.5), where=both > 0))


def pair(
    scores: ArrayLike, labels: ArrayLike, a: int, b: int, weights: ArrayLike | None = None
) -> tuple[Floats, NDArray[np.bool_], Floats]:
    """The events of classes `a` (signal) and `b` (background) alone, as `auc` and `roc_curve` take them.

    Parameters
    ----------
    scores : array_like, shape (N, C)
        A column per class.
    labels : array_like of int, shape (N,)
        The true class of each event, as a column of `scores`.
    a, b : int
        Columns.
    weights : array_like, shape (N,), optional
        Event weights, 1 by default.

    Returns
    -------
    scores, positive, weights : ndarray, shape (M,)
        The `discriminant`, which events are of class `a`, and their weights.
    """
    truth = np.asarray(labels)
    here = (truth == a) | (truth == b)
    counts = checked_weights(weights, len(truth))
    return discriminant(np.asarray(scores)[here], a, b), truth[here] == a, counts[here]
