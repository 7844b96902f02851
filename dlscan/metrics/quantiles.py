"""Quantiles of weighted values, and how sure they are.

The share of values below a quantile fluctuates as the efficiency of any cut does: an event adds
w (1 or 0 - share) / sum of w to it, its *influence*. The quantile moves by that divided by the density of the
values there, which the quantiles one fluctuation below and above tell. Influences on two quantiles of the
same events add up event by event, so that the interval of a width knows their correlation.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from dlscan.metrics.checks import Floats, checked_weights, require_no_nan, weight_sum
from dlscan.metrics.estimate import Estimate, too_few

# of a normal distribution these lie one standard deviation below and above its middle
LOW, HIGH = 0.158655254, 0.841344746

# with fewer effective events the outer quantiles would be single events
LEAST_EVENTS = 10


@dataclasses.dataclass(frozen=True)
class _Quantile:
    """A quantile, those one fluctuation of its share away, and what each event adds to its own, (N,)."""

    value: float
    below: float
    above: float
    influence: Floats


def quantiles(values: ArrayLike, shares: Sequence[float], weights: ArrayLike | None = None) -> Floats | None:
    """The values below which the given shares of the weight lie.

    A value stands in the middle of its own weight, and between two values the share is a straight line. With
    negative weights the share below a value may fall where the value rises; it is then the mean of two that
    never fall, as in `roc_curve`.

    Parameters
    ----------
    values : array_like, shape (N,)
        Of the events.
    shares : sequence of float, length K
        Between 0 and 1.
    weights : array_like, shape (N,), optional
        Event weights, 1 by default.

    Returns
    -------
    ndarray, shape (K,), or None
        None when there are no events, or the sum of their weights is not above 0.

    Raises
    ------
    DataError
        If a value is nan or a weight is not finite.
    """
    checked = _checked(values, weights)
    return None if checked is None else np.interp(shares, *_shares_below(*checked))


def quantile_estimate(values: ArrayLike, share: float, weights: ArrayLike | None = None) -> Estimate | None:
    """One quantile with its 68.27 % interval; None with fewer than 10 effective events, else as `quantiles`.

    The interval ends at the quantiles whose share is one fluctuation lower and higher (R. S. Woodruff, JASA
    47 (1952) 635).
    """
    checked = _checked(values, weights)
    if checked is None or too_few(checked[1], LEAST_EVENTS):
        return None
    found = _quantile(*checked, share)
    return Estimate(found.value, found.value - found.below, found.above - found.value)


def half_width_estimate(values: ArrayLike, weights: ArrayLike | None = None) -> Estimate | None:
    """Half the distance between the quantiles that hold the middle 68.27 % of the weight.

    Of a normal distribution it is the standard deviation, and events in far tails do not change it. The
    interval is symmetric in its logarithm. None and errors as for `quantile_estimate`.
    """
    found = half_width_influence(values, weights)
    if found is None:
        return None
    width, influence = found
    half = float(np.linalg.norm(influence))
    if not width > 0:
        return Estimate(0.0, 0.0, half)
    # events that cancel each other may leave next to nothing of a width
    factor = math.exp(min(half / width, 700.0))
    return Estimate(width, width - width / factor, width * factor - width)


def half_width_influence(values: ArrayLike, weights: ArrayLike | None = None) -> tuple[float, Floats] | None:
    """The half width of `half_width_estimate`, and what each event adds to its fluctuation, (N,)."""
    checked = _checked(values, weights)
    if checked is None or too_few(checked[1], LEAST_EVENTS):
        return None
    low, high = (_quantile(*checked, share) for share in (LOW, HIGH))
    influence = np.zeros(len(np.asarray(values)))
    here = slice(None) if weights is None else np.asarray(weights) != 0
    influence[here] = (high.influence - low.influence) / 2
    return max((high.value - low.value) / 2, 0.0), influence


def _checked(values: ArrayLike, weights: ArrayLike | None) -> tuple[Floats, Floats] | None:
    """Values and weights (N,) of the events that weigh something; None if all together do not."""
    table = np.asarray(values, np.float64)
    require_no_nan(table)
    counts = checked_weights(weights, len(table))
    here = counts != 0
    return (table[here], counts[here]) if weight_sum(counts) > 0 else None


def _shares_below(values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """The share of the weight below each different value, never falling, and these values, rising."""
    different, place = np.unique(values, return_inverse=True)
    sums = np.bincount(place, weights)
    share = (np.cumsum(sums) - sums / 2) / weights.sum()
    if weights.min() < 0:
        highest, lowest = np.maximum.accumulate(share), np.minimum.accumulate(share[::-1])[::-1]
        share = np.clip((highest + lowest) / 2, 0.0, 1.0)
    return share, different


def _quantile(values: Floats, weights: Floats, share: float) -> _Quantile:
    curve = _shares_below(values, weights)
    found = float(np.interp(share, *curve))
    influence = weights * ((values <= found) - share) / weights.sum()
    step = min(float(np.linalg.norm(influence)), share, 1 - share)
    below, above = np.interp((share - step, share + step), *curve)
    return _Quantile(found, float(below), float(above), influence * (above - below) / (2 * step))
