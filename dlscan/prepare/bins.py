"""The bins of several numbers of an event, counted through."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def bins_of(
    values: Sequence[NDArray[Any]], edges: Sequence[Sequence[float] | NDArray[np.float64]]
) -> NDArray[np.int64]:
    """The bin (n,) of events with the numbers `values`, (variables, n); the outermost bins have no end."""
    places = [
        np.searchsorted(np.asarray(own)[1:-1], each, "right") for own, each in zip(edges, values, strict=True)
    ]
    found: NDArray[np.int64] = np.ravel_multi_index(tuple(places), tuple(len(own) - 1 for own in edges))
    return found
