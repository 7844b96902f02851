"""A number with its interval, and the intervals of efficiencies."""

import dataclasses
import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from dlscan.metrics.checks import Floats, checked_weights, weight_sum

# an end of an interval that is shorter than this part of the other is no end, but rounding
_NO_LENGTH = 1e-6


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A number measured on a sample.

    Attributes
    ----------
    value : float
        The number.
    down, up : float
        The 68.27 % interval is [value - down, value + up].
    """

    value: float
    down: float
    up: float

    @property
    def bound(self) -> tuple[Literal["<", ">"], float] | None:
        """What to quote where the number sits on a limit of its range: `(">", 0.9998)`.

        An area of 1, or an efficiency of 0, has an interval to one side alone. The other end of the interval
        is then the bound, at the same 68 %. None where the interval has two sides, or none.
        """
        if self.up < _NO_LENGTH * self.down:
            return ">", self.value - self.down
        return ("<", self.value + self.up) if self.down < _NO_LENGTH * self.up else None


def effective_count(weights: Floats) -> float:
    """How many events of weight 1 fluctuate as much as these: (sum of w)^2 / (sum of w^2)."""
    squares = float(np.sum(weights**2))
    return float(np.sum(weights)) ** 2 / squares if squares else 0.0


def too_few(weights: Floats, least: int) -> bool:
    """Whether the effective number of events is below `least` by more than rounding."""
    return effective_count(weights) < least * (1 - 1e-9)


def efficiency_estimate(passed: float, total: float) -> Estimate:
    """Share `passed / total` with Wilson's score interval (E. B. Wilson, JASA 22 (1927) 209).

    It stays within 0 and 1 and has a length even where none or all pass.

    Parameters
    ----------
    passed, total : float
        Numbers of events, or effective numbers; 0 <= passed <= total and total > 0.

    Raises
    ------
    ValueError
        If they are not so.
    """
    if not 0 <= passed <= total or total <= 0:
        raise ValueError(f"no efficiency of {passed:g} events out of {total:g}")
    share = passed / total
    # one standard deviation: z = 1
    centre = (share + 0.5 / total) / (1 + 1 / total)
    half = math.sqrt(share * (1 - share) / total + 0.25 / total**2) / (1 + 1 / total)
    return Estimate(share, max(share - (centre - half), 0.0), max(centre + half - share, 0.0))


def signed_share(share: float, variance: float, count: float) -> Estimate:
    """A share of weights of both signs, with the standard deviation that was measured as its interval.

    Where weights cancel, a share near 0 may fluctuate as much as one of a half: Wilson's interval does not
    hold. As his, this one stays within 0 and 1 and has a length where none or all pass: that of one event.

    Parameters
    ----------
    share : float
        Sum of weights that pass over the sum of all. Beyond 0 or 1, to where weights of both signs may
        fluctuate, it is taken as that limit.
    variance : float
        Of the share.
    count : float
        The effective number of events, above 0.
    """
    half = math.sqrt(variance)
    return bounded(share, half if 0 < share < 1 else max(half, 1 / (count + 1)), 0.0, 1.0)


def weighted_mean(values: Floats, weights: Floats) -> float:
    """The mean of `values` by `weights`, whose sum is above 0; negative ones take it to an end at most."""
    mean = float(np.average(values, weights=weights))
    return min(max(mean, float(values.min())), float(values.max())) if weights.min() < 0 else mean


def bounded(value: float, half: float, low: float, high: float) -> Estimate:
    """`value` with the interval of `half` to each side, both within the range that is possible."""
    inside = min(max(value, low), high)
    return Estimate(inside, min(half, inside - low), min(half, high - inside))


def share_estimate(passed: ArrayLike, weights: ArrayLike | None = None) -> Estimate | None:
    """Weighted share of the events that pass a cut, with Wilson's interval for the effective numbers.

    With negative weights the share may fluctuate beyond 0 and 1, and is then that limit: see `signed_share`.

    Parameters
    ----------
    passed : array_like of bool, shape (N,)
        Which events pass.
    weights : array_like, shape (N,), optional
        Event weights, 1 by default.

    Returns
    -------
    Estimate or None
        None when there are no events, or the sum of their weights is not above 0.
    """
    cut = np.asarray(passed, dtype=bool)
    counts = checked_weights(weights, len(cut))
    total = weight_sum(counts)
    if total <= 0:
        return None
    share = min(max(float(counts[cut].sum()) / total, 0.0), 1.0)
    variance = float(np.sum((counts * (cut - share)) ** 2)) / total**2
    if counts.min() < 0:
        return signed_share(share, variance, effective_count(counts))
    # weights may go with passing; where nothing or all passes, only the sample's size is known
    effective = share * (1 - share) / variance if variance > 0 else effective_count(counts)
    return dataclasses.replace(efficiency_estimate(share * effective, effective), value=share)
