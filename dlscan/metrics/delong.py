"""The uncertainty of areas under ROC curves, and of differences between them.

The area is a mean over signal and over background at once. What each event adds to its fluctuation is the
event's *influence*: how far the share of the other side that the event is ranked against rightly (its
placement) is from the area. The sum of the squared influences is the variance of E. R. DeLong, D. M. DeLong,
D. L. Clarke-Pearson, Biometrics 44 (1988) 837; placements of all events come from one sort, as in X. Sun,
W. Xu, IEEE Signal Process. Lett. 21 (2014) 1389. Weights enter as w and as w^2, as for any weighted mean.
Influences on two areas of the same events add up event by event, which is what makes a difference paired.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlscan.metrics.checks import Floats, checked_ranking, weight_sum
from dlscan.metrics.estimate import Estimate, effective_count, efficiency_estimate, signed_share
from dlscan.metrics.influence import Influenced

Flags = NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class Area(Influenced):
    """An area under a ROC curve and what each event adds to its fluctuation.

    Attributes
    ----------
    value : float
        The area; with negative weights it may lie beyond 0 and 1.
    effective : float
        The smaller of the effective numbers of signal and background events. With 1 nothing is known of the
        fluctuation.
    signed : bool
        Whether some weights are negative.
    """

    signed: bool = False

    @property
    def estimate(self) -> Estimate:
        """The area with its 68.27 % interval: see `interval`."""
        return interval(self)

    def less(self, other: Influenced) -> Estimate:
        """The difference from another area: see `difference`."""
        return difference(self, other)


def area(scores: ArrayLike, positive: ArrayLike, weights: ArrayLike | None = None) -> Area | None:
    """The area under the ROC curve with its influences; arguments, errors and None as for `auc`."""
    values, signal, counts = checked_ranking(scores, positive, weights)
    totals = [weight_sum(counts[side]) for side in (signal, ~signal)]
    if min(totals) <= 0:
        return None
    placement = _placements(values.astype(np.float64), signal, counts, *totals)
    value = float(np.sum(counts[signal] * placement[signal]) / totals[0])
    influence = counts * (placement - value)
    effective = math.inf
    for side, total in zip((signal, ~signal), totals, strict=True):
        count = effective_count(counts[side])
        effective = min(effective, count)
        # as the n - 1 in the variance of any sample: the area itself was estimated from these events
        influence[side] *= math.sqrt(count / (count - 1)) / total if count > 1 else 0.0
    return Area(value, influence, effective, bool(counts.min() < 0))


def auc_estimate(scores: ArrayLike, positive: ArrayLike, weights: ArrayLike | None = None) -> Estimate | None:
    """Area under the ROC curve with its 68.27 % interval (DeLong).

    The interval is symmetric in log(A / (1 - A)), so that it stays within 0 and 1. Where signal and
    background do not overlap at all it is Wilson's for as many events as the smaller side has. With negative
    weights it is that of `signed_share`, and an area beyond 0 or 1 is taken as that limit.

    Parameters
    ----------
    scores, positive, weights
        As for `auc`.

    Returns
    -------
    Estimate or None
        None when signal or background is absent, or the sum of its weights is not above 0.

    Raises
    ------
    DataError
        If a score is nan or a weight is not finite.
    """
    found = area(scores, positive, weights)
    return None if found is None else interval(found)


def auc_difference(
    first: ArrayLike, second: ArrayLike, positive: ArrayLike, weights: ArrayLike | None = None
) -> Estimate | None:
    """`auc(first) - auc(second)` of two scores of the same events, with its interval (paired DeLong).

    What both scores have in common, an easy sample above all, cancels.

    Parameters
    ----------
    first, second : array_like, shape (N,)
        The scores of two networks.
    positive, weights
        As for `auc`.

    Returns
    -------
    Estimate or None
        None when signal or background is absent or weighs nothing. The interval is symmetric.

    Raises
    ------
    DataError
        If a score is nan or a weight is not finite.
    """
    one, other = area(first, positive, weights), area(second, positive, weights)
    return None if one is None or other is None else difference(one, other)


def difference(one: Influenced, other: Influenced) -> Estimate:
    """The difference of two areas of the same events in the same order: both of one class, or both means."""
    value = min(max(one.value - other.value, -1.0), 1.0)
    if one.effective <= 1:
        return Estimate(value, 1 + value, 1 - value)
    half = float(np.linalg.norm(one.influence - other.influence))
    return Estimate(value, half, half)


def mean_area(areas: Sequence[Area]) -> Area:
    """The plain mean of areas of the same events; their correlation is taken into account."""
    return Area(
        float(np.mean([each.value for each in areas])),
        np.mean([each.influence for each in areas], axis=0),
        min(each.effective for each in areas),
        any(each.signed for each in areas),
    )


def interval(found: Area) -> Estimate:
    """The 68.27 % interval of an area: see `auc_estimate`."""
    value = min(max(found.value, 0.0), 1.0)
    if found.effective <= 1:
        return Estimate(value, value, 1 - value)
    if found.signed:
        return signed_share(value, float(np.sum(found.influence**2)), found.effective)
    if value in (0.0, 1.0):
        return efficiency_estimate(value * found.effective, found.effective)
    half = float(np.linalg.norm(found.influence)) / (value * (1 - value))
    low, high = (1 / (1 + (1 - value) / value * math.exp(min(shift, 700.0))) for shift in (half, -half))
    return Estimate(value, value - low, high - value)


def _placements(scores: Floats, signal: Flags, weights: Floats, ahead: float, behind: float) -> Floats:
    """For signal the share of background that scores lower, for background of signal that scores higher."""
    order = np.argsort(scores)
    ordered = scores[order]
    new = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    first, step = np.flatnonzero(new), np.cumsum(new) - 1
    is_signal, counts = signal[order], weights[order]

    def lower(side: Flags) -> Floats:
        at_step = np.add.reduceat(np.where(side, counts, 0.0), first)
        return np.asarray((np.cumsum(at_step) - at_step / 2)[step])

    placement = np.empty(len(scores))
    placement[order] = np.where(is_signal, lower(~is_signal) / behind, 1 - lower(is_signal) / ahead)
    return placement
