"""How well one score separates signal from background: area and curve."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from dlscan.errors import DataError
from dlscan.metrics.checks import Floats, checked_ranking, checked_table, weight_sum


def auc(scores: ArrayLike, positive: ArrayLike, weights: ArrayLike | None = None) -> float | None:
    """Area under the ROC curve.

    It is the probability that a positive event scores higher than a negative one, a tie counted half. With
    weights it is the weighted Mann-Whitney statistic, which negative weights may take beyond 0 and 1.

    Parameters
    ----------
    scores : array_like, shape (N,)
        Higher means more like signal; infinite values are allowed.
    positive : array_like of bool, shape (N,)
        Which events are signal.
    weights : array_like, shape (N,), optional
        Event weights, 1 by default.

    Returns
    -------
    float or None
        None when signal or background is absent, or the sum of its weights is not above 0.

    Raises
    ------
    DataError
        If a score is nan or a weight is not finite.
    """
    _, signal, background = _per_threshold(scores, positive, weights)
    signal_total, background_total = weight_sum(signal), weight_sum(background)
    if signal_total <= 0 or background_total <= 0:
        return None
    # thresholds fall: what came before a step scored higher than the events of the step
    higher_signal = np.cumsum(signal) - signal / 2
    return float(np.sum(background * higher_signal) / (signal_total * background_total))


def roc_curve(
    scores: ArrayLike, positive: ArrayLike, weights: ArrayLike | None = None
) -> tuple[Floats, Floats, Floats]:
    """Efficiencies of signal and background for every possible cut `score >= threshold`.

    An efficiency is the sum of the weights that pass over the sum of all. Where some are negative, that is
    an unbiased estimate for each cut, but it may fall where the cut is lowered, and lie beyond 0 and 1. The
    curve then has the mean of two that never fall: the largest of all higher cuts, and the smallest of all
    lower ones, within 0 and 1. One is as much too high as the other is too low.

    Parameters
    ----------
    scores, positive, weights
        As for `auc`.

    Returns
    -------
    signal_efficiency, background_efficiency : ndarray, shape (K + 1,)
        From 0 to 1, never falling; events of equal score are passed together, so K is the number of
        different scores.
    thresholds : ndarray, shape (K + 1,)
        Falling; the first is infinite, which nothing passes.

    Raises
    ------
    DataError
        If a score is nan, a weight is not finite, signal or background is absent, or the sum of its weights
        is not above 0.
    """
    thresholds, signal, background = _per_threshold(scores, positive, weights)
    for name, counts in (("signal", signal), ("background", background)):
        if weight_sum(counts) <= 0:
            raise DataError(
                f"no ROC curve without {name}: it has no events, or their weights add up to 0 or less"
            )
    return _efficiency(signal), _efficiency(background), np.concatenate([[np.inf], thresholds])


def one_against_rest(
    scores: ArrayLike, labels: ArrayLike, classes: Sequence[str], weights: ArrayLike | None = None
) -> dict[str, float | None]:
    """AUC of each class against all others by that class's own score, and their mean.

    Parameters
    ----------
    scores : array_like, shape (N, C)
        A column per class.
    labels : array_like of int, shape (N,)
        The true class of each event, as an index into `classes`.
    classes : sequence of str, length C
        Their labels.
    weights : array_like, shape (N,), optional
        Event weights, 1 by default.

    Returns
    -------
    dict of str to (float or None)
        `<class>_AUC` for each class, None where the class is absent or alone, and `Mean_AUC`, the plain mean
        of those that are defined. What negative weights take beyond 0 or 1 is that limit, as in a record.

    Raises
    ------
    DataError
        If a score is nan, a weight is not finite, or a label is no index into `classes`.
    """
    table, truth = checked_table(scores, labels, len(classes))
    areas = {
        f"{name}_AUC": auc(table[:, number], truth == number, weights) for number, name in enumerate(classes)
    }
    defined = [found for found in areas.values() if found is not None]
    areas["Mean_AUC"] = float(np.mean(defined)) if defined else None
    return {name: None if found is None else min(max(found, 0.0), 1.0) for name, found in areas.items()}


def _per_threshold(
    scores: ArrayLike, positive: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    """The different scores, falling, with the weight of signal and of background at each."""
    values, signal, counts = checked_ranking(scores, positive, weights)
    order = np.argsort(values)[::-1]
    values, signal, counts = values[order], signal[order], counts[order]
    first = np.flatnonzero(np.concatenate([[len(values) > 0], values[1:] != values[:-1]]))
    if not len(first):
        return np.empty(0), np.empty(0), np.empty(0)
    return (
        values[first].astype(np.float64),
        np.add.reduceat(np.where(signal, counts, 0.0), first),
        np.add.reduceat(np.where(signal, 0.0, counts), first),
    )


def _efficiency(counts: Floats) -> Floats:
    passed = np.cumsum(counts)
    share = passed / passed[-1]
    if counts.min() < 0:
        highest, lowest = np.maximum.accumulate(share), np.minimum.accumulate(share[::-1])[::-1]
        share = np.clip((highest + lowest) / 2, 0.0, 1.0)
    return np.concatenate([[0.0], share])
