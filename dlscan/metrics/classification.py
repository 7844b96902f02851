"""What the class scores of events are worth: accuracy, log loss, calibration, confusion."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlscan.metrics.checks import Floats, checked_table, checked_weights, weight_sum
from dlscan.metrics.estimate import Estimate, bounded, share_estimate, weighted_mean

# As Keras clips scores in its loss: one event that is wrong beyond doubt must not make the mean infinite.
_LEAST = 1e-7
BINS = 15


def accuracy(scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> float | None:
    """Share of the events whose highest score is that of their class.

    Parameters
    ----------
    scores : array_like, shape (N, C)
        A column per class.
    labels : array_like of int, shape (N,)
        The true class of each event, as a column of `scores`.
    weights : array_like, shape (N,), optional
        Event weights, 1 by default.

    Returns
    -------
    float or None
        None when there are no events, or the sum of their weights is not above 0.

    Raises
    ------
    DataError
        If a score is nan, a weight is not finite, or a label is no column.
    """
    found = accuracy_estimate(scores, labels, weights)
    return None if found is None else found.value


def accuracy_estimate(
    scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> Estimate | None:
    """The accuracy with its binomial interval; arguments, None and errors as for `accuracy`."""
    table = np.asarray(scores)
    table, truth = checked_table(table, labels, table.shape[-1])
    return share_estimate(table.argmax(axis=1) == truth, weights)


def event_losses(scores: ArrayLike, labels: ArrayLike) -> Floats:
    """Minus the logarithm of each event's score for its own class, (N,); scores below 1e-7 count as that.

    For scores whose logits nobody kept; where there are logits, `losses_from_logits` says what they are.
    """
    table = np.asarray(scores)
    table, truth = checked_table(table, labels, table.shape[-1])
    own = table[np.arange(len(truth)), truth].astype(np.float64)
    return np.asarray(-np.log(np.clip(own, _LEAST, 1 - _LEAST)))


def losses_from_logits(logits: ArrayLike, labels: ArrayLike) -> Floats:
    """Minus the logarithm of the softmax of each event's logits (N, C) for its own class, (N,).

    It has no limit: what a network is sure of and wrong about costs as much as in training.
    """
    table = np.asarray(logits, np.float64)
    own = table[np.arange(len(table)), np.asarray(labels)]
    highest = table.max(axis=1, initial=-np.inf)
    # as they should be: of logits that are nan or infinite there is no loss
    with np.errstate(invalid="ignore"):
        return np.asarray(np.log(np.exp(table - highest[:, None]).sum(axis=1)) + highest - own)


def log_loss(
    scores: ArrayLike,
    labels: ArrayLike,
    weights: ArrayLike | None = None,
    losses: ArrayLike | None = None,
) -> Estimate | None:
    """Weighted mean of `losses`, with its standard error; None and errors as for `accuracy`.

    They are (N,), by default `event_losses`, which clips scores that are next to 0.

    Negative weights may take the mean below 0, where no true one lies: it is then 0.
    """
    losses = event_losses(scores, labels) if losses is None else np.asarray(losses, np.float64)
    counts = checked_weights(weights, len(losses))
    total = weight_sum(counts)
    if total <= 0:
        return None
    mean = float(np.sum(counts * losses) / total)
    half = float(np.linalg.norm(counts * (losses - mean))) / total
    return bounded(mean, half, 0.0, math.inf) if counts.min() < 0 else Estimate(mean, half, half)


@dataclasses.dataclass(frozen=True)
class Reliability:
    """How often the network is right where it says how sure it is; an entry per bin of its highest score.

    Attributes
    ----------
    edges : ndarray, shape (B + 1,)
        Of the bins, from 0 to 1; a bin holds its upper edge.
    confidence : ndarray, shape (B,)
        Mean highest score; nan in a bin without events, or whose sum of weights is not above 0.
    correct : ndarray, shape (B,)
        Share of the events whose highest score is that of their class; nan where `confidence` is.
    down, up : ndarray, shape (B,)
        Binomial 68.27 % interval of `correct`: [correct - down, correct + up].
    weight : ndarray, shape (B,)
        Sum of the events' weights.
    """

    edges: Floats
    confidence: Floats
    correct: Floats
    down: Floats
    up: Floats
    weight: Floats


def reliability(
    scores: ArrayLike, labels: ArrayLike, bins: int = BINS, weights: ArrayLike | None = None
) -> Reliability:
    """Confidence against accuracy in `bins` bins of equal width; arguments and errors as for `accuracy`."""
    confidence, right, counts, number = _binned(scores, labels, bins, weights)
    means, correct, down, up = np.full((4, bins), np.nan)
    for bin_ in np.unique(number):
        here = number == bin_
        share = share_estimate(right[here], counts[here])
        if share is not None:
            means[bin_] = weighted_mean(confidence[here], counts[here])
            correct[bin_], down[bin_], up[bin_] = share.value, share.down, share.up
    weight = np.bincount(number, counts, minlength=bins).astype(np.float64)
    return Reliability(np.linspace(0, 1, bins + 1), means, correct, down, up, weight)


def calibration_error(
    scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None, bins: int = BINS
) -> Estimate | None:
    """Expected calibration error: the mean over events of |confidence - accuracy| of the event's bin.

    In `bins` bins of equal width of the highest score, as C. Guo et al., ICML 2017 (arXiv:1706.04599). A
    perfectly calibrated network has a little of it too, by the fluctuation in each bin: about
    0.8 sqrt(bins p (1 - p) / N) with p its accuracy. The interval holds the fluctuation from sample to
    sample, not that offset. Arguments, None and errors as for `accuracy`.
    """
    confidence, right, counts, number = _binned(scores, labels, bins, weights)
    total = weight_sum(counts)
    if total <= 0:
        return None
    gaps = counts * (confidence - right)
    sums = np.bincount(number, gaps, minlength=bins)
    value = float(np.abs(sums).sum()) / total
    half = float(np.linalg.norm(gaps * np.sign(sums)[number] - counts * value)) / total
    return bounded(value, half, 0.0, 1.0) if counts.min() < 0 else Estimate(value, half, half)


def confusion(
    scores: ArrayLike, labels: ArrayLike, classes: Sequence[str], weights: ArrayLike | None = None
) -> Floats:
    """Sum of weights of the events of each class (row) that are taken for each class (column), (C, C).

    An event is taken for the class of its highest score. Negative weights may make a sum negative. Errors as
    for `accuracy`.
    """
    size = len(classes)
    table, truth = checked_table(scores, labels, size)
    counts = checked_weights(weights, len(truth))
    guess = table.argmax(axis=1)
    sums = np.bincount(truth * size + guess, counts, minlength=size * size)
    return sums.astype(np.float64).reshape(size, size)


def _binned(
    scores: ArrayLike, labels: ArrayLike, bins: int, weights: ArrayLike | None
) -> tuple[Floats, NDArray[np.bool_], Floats, NDArray[np.int64]]:
    """Highest score of each event, whether it is that of its class, its weight, and its bin."""
    table = np.asarray(scores)
    table, truth = checked_table(table, labels, table.shape[-1])
    counts = checked_weights(weights, len(truth))
    confidence = table.max(axis=1, initial=0.0).astype(np.float64)
    number = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    return confidence, table.argmax(axis=1) == truth, counts, number
