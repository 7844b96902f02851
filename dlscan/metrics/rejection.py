"""Background rejection at a fixed signal efficiency, as triggers and analyses quote it."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlscan.metrics.checks import Floats, checked_ranking, weight_sum
from dlscan.metrics.estimate import Estimate, effective_count, efficiency_estimate, signed_share
from dlscan.metrics.ranking import roc_curve

Curve = tuple[Floats, Floats, Floats]


def rejection_estimate(
    scores: ArrayLike, positive: ArrayLike, weights: ArrayLike | None = None, efficiency: float = 0.5
) -> Estimate | None:
    """One over the background efficiency where the signal efficiency is `efficiency`.

    Between two different scores the ROC curve is a straight line. The interval holds two fluctuations: the
    binomial one of the background that passes (Wilson's interval), and that of the cut, which is a quantile
    of the same sample's signal and moves with it. The second is what the background efficiency changes by
    when the signal efficiency changes by its own binomial fluctuation. Both are relative, and add in squares.

    Parameters
    ----------
    scores, positive, weights
        As for `auc`.
    efficiency : float
        Of the signal, between 0 and 1.

    Returns
    -------
    Estimate or None
        None when signal or background is absent, the sum of its weights is not above 0, or the background
        that passes cannot be told from none; what is known then is `background_efficiencies`.

    Raises
    ------
    DataError
        If a score is nan or a weight is not finite.
    """
    found = background_efficiencies(scores, positive, weights, (efficiency,))
    return None if found is None else inverted(found[0])


def inverted(background: Estimate) -> Estimate | None:
    """The rejection that belongs to a background efficiency; None where that, or its lower end, is 0."""
    if background.value - background.down <= 0:
        return None
    value = 1 / background.value
    least, most = background.value - background.down, background.value + background.up
    return Estimate(value, value - 1 / most, 1 / least - value)


def background_efficiencies(
    scores: ArrayLike, positive: ArrayLike, weights: ArrayLike | None, efficiencies: Sequence[float]
) -> list[Estimate] | None:
    """The background efficiency at each signal efficiency, with the interval of `rejection_estimate`.

    Returns
    -------
    list of Estimate, or None
        None when signal or background is absent, or the sum of its weights is not above 0. Where no
        background passes, the value and `down` are 0 and `up` is the upper limit.

    Raises
    ------
    DataError
        If a score is nan or a weight is not finite.
    """
    for efficiency in efficiencies:
        if not 0 < efficiency < 1:
            raise ValueError(f"a signal efficiency must be between 0 and 1, got {efficiency:g}")
    values, signal, counts = checked_ranking(scores, positive, weights)
    if min(weight_sum(counts[signal]), weight_sum(counts[~signal])) <= 0:
        return None
    curve = roc_curve(values, signal, counts)
    return [_background(values, signal, counts, curve, efficiency) for efficiency in efficiencies]


def _background(
    scores: NDArray[Any], signal: NDArray[np.bool_], weights: Floats, curve: Curve, efficiency: float
) -> Estimate:
    share, cut = _at(curve, efficiency)
    passed = scores >= cut
    binomial = _given_cut(weights[~signal], passed[~signal], share)
    if share <= 0:
        return binomial
    # the cut moves by the signal's fluctuation: the slope of the curve over that distance, from both sides
    step = math.sqrt(efficiency * (1 - efficiency) / _effective(weights[signal], passed[signal], efficiency))
    low, high = max(efficiency - step, 0.0), min(efficiency + step, 1.0)
    change = abs(_at(curve, high)[0] - _at(curve, low)[0]) / (high - low) * step
    if weights.min() < 0 and binomial.down >= share:
        # weights cancel, and the efficiency may be 0: nothing is relative to it
        return Estimate(share, share, min(math.hypot(binomial.up, change), 1 - share))
    # as much while it is small, its logarithm where hardly any background passes
    moved = math.asinh(change / share)
    # rounding must not take the lower limit to 0, whose inverse is infinite
    least = max(share - binomial.down, 1e-9 * share)
    down = math.hypot(math.log(share / least), moved)
    up = math.hypot(math.log((share + binomial.up) / share), moved)
    return Estimate(share, share - share * math.exp(-down), min(share * math.exp(up), 1.0) - share)


def _at(curve: Curve, efficiency: float) -> tuple[float, float]:
    """Background efficiency and threshold of the first point that passes as much signal.

    Among equal scores, which the curve crosses in a straight line, a share of them is passed.
    """
    ahead, behind, thresholds = curve
    after = int(np.searchsorted(ahead, efficiency))
    before = max(after - 1, 0)
    width = ahead[after] - ahead[before]
    part = (efficiency - ahead[before]) / width if width > 0 else 1.0
    share = behind[before] + part * (behind[after] - behind[before])
    return min(max(float(share), 0.0), 1.0), float(thresholds[after])


def _given_cut(weights: Floats, passed: NDArray[np.bool_], share: float) -> Estimate:
    """The background efficiency as if the cut were given and did not fluctuate."""
    if weights.min() < 0:
        variance = float(np.sum((weights * (passed - share)) ** 2)) / float(weights.sum()) ** 2
        return signed_share(share, variance, effective_count(weights))
    count = _effective(weights, passed, share)
    return efficiency_estimate(share * count, count)


def _effective(weights: Floats, passed: NDArray[np.bool_], share: float) -> float:
    """How many events of weight 1 give a share with the same fluctuation."""
    squares = float(np.sum((weights * (passed - share)) ** 2))
    if not 0 < share < 1 or not squares:
        return effective_count(weights)
    return share * (1 - share) * float(weights.sum()) ** 2 / squares
