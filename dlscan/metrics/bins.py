"""Bins of a number of each event."""

import numpy as np
from numpy.typing import NDArray

from dlscan.metrics.checks import Floats


def in_bins(values: Floats, edges: Floats) -> NDArray[np.int64]:
    """The bin of each value, -1 outside; the last bin holds its upper edge."""
    number = np.searchsorted(edges, values, side="right") - 1
    number[values == edges[-1]] = len(edges) - 2
    outside = ~np.isfinite(values) | (number >= len(edges) - 1)
    return np.where(outside, -1, number)
