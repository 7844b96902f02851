"""Numbers of a sample with what each event adds to their fluctuation, its *influence*.

The sum of the squared influences is the variance. Influences on two numbers of the same events are subtracted
event by event: what both have in common, an easy sample above all, cancels in their difference.
"""

import dataclasses
import math

import numpy as np
from numpy.typing import ArrayLike

from dlscan.errors import DataError
from dlscan.metrics.checks import Floats, checked_weights, weight_sum
from dlscan.metrics.estimate import Estimate, effective_count
from dlscan.metrics.quantiles import half_width_influence


@dataclasses.dataclass(frozen=True)
class Influenced:
    """A number and the influence of each event.

    Attributes
    ----------
    value : float
        The number.
    influence : ndarray, shape (N,)
        Of each event.
    effective : float
        The effective number of events. With 1 nothing is known of the fluctuation.
    """

    value: float
    influence: Floats
    effective: float

    @property
    def estimate(self) -> Estimate:
        """The number with its 68.27 % interval."""
        half = float(np.linalg.norm(self.influence)) if self.effective > 1 else math.inf
        return Estimate(self.value, half, half)

    def less(self, other: "Influenced") -> Estimate:
        """The difference from another number of the same events in the same order, with its interval."""
        half = math.inf
        if min(self.effective, other.effective) > 1:
            half = float(np.linalg.norm(self.influence - other.influence))
        return Estimate(self.value - other.value, half, half)


def mean_influence(
    values: ArrayLike, weights: ArrayLike | None = None, *, corrected: bool = True
) -> Influenced | None:
    """The weighted mean of values (N,): see `dlscan.metrics.mean_estimate`, whose interval it has.

    `corrected` is for the mean's being estimated from these events, the n - 1 in the variance of any sample.
    The interval of a log loss has always been without.

    Raises
    ------
    DataError
        If a value or a weight is not finite.
    """
    numbers = np.asarray(values, np.float64)
    if not np.isfinite(numbers).all():
        raise DataError("some predictions are not finite; a network whose training diverged has no error")
    counts = checked_weights(weights, len(numbers))
    total, count = weight_sum(counts), effective_count(counts)
    if total <= 0:
        return None
    mean = float(np.sum(counts * numbers)) / total
    factor = 1.0
    if corrected:
        factor = math.sqrt(count / (count - 1)) if count > 1 else 0.0
    return Influenced(mean, factor * counts * (numbers - mean) / total, count)


def root(square: Influenced) -> Influenced:
    """The square root of a number."""
    value = math.sqrt(max(square.value, 0.0))
    influence = square.influence / (2 * value) if value > 0 else 0.0 * square.influence
    return Influenced(value, influence, square.effective)


def width_influence(values: ArrayLike, weights: ArrayLike | None = None) -> Influenced | None:
    """Half the width of the middle 68.27 % of values: see `dlscan.metrics.half_width_estimate`."""
    found = half_width_influence(values, weights)
    if found is None:
        return None
    return Influenced(*found, effective_count(checked_weights(weights, len(np.asarray(values)))))
