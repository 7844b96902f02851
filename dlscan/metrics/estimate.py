"""A number with its interval, and the intervals of efficiencies."""

import dataclasses
import math

import numpy as np
from numpy.typing import ArrayLike

from dlscan.metrics.checks import Floats, checked_weights


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


def effective_count(weights: Floats) -> float:
    """How many events of weight 1 fluctuate as much as these: (sum of w)^2 / (sum of w^2)."""
    squares = float(np.sum(weights**2))
    return float(np.sum(weights)) ** 2 / squares if squares else 0.0


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


def share_estimate(passed: ArrayLike, weights: ArrayLike | None = None) -> Estimate | None:
    """Weighted share of the events that pass a cut, with Wilson's interval for the effective numbers.

    Parameters
    ----------
    passed : array_like of bool, shape (N,)
        Which events pass.
    weights : array_like, shape (N,), optional
        Event weights, 1 by default.

    Returns
    -------
    Estimate or None
        None when there are no events, or none with weight.
    """
    cut = np.asarray(passed, dtype=bool)
    counts = checked_weights(weights, len(cut))
    total = float(counts.sum())
    if total <= 0:
        return None
    share = min(max(float(counts[cut].sum()) / total, 0.0), 1.0)
    variance = float(np.sum((counts * (cut - share)) ** 2)) / total**2
    # weights may go with passing; where nothing or all passes, only the sample's size is known
    effective = share * (1 - share) / variance if variance > 0 else effective_count(counts)
    return dataclasses.replace(efficiency_estimate(share * effective, effective), value=share)
