"""The mean AUC, by which early stopping may choose."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.metrics import one_against_rest


def mean_area(
    scores: NDArray[Any], labels: NDArray[Any], weights: NDArray[Any], factors: Sequence[float] | NDArray[Any]
) -> float | None:
    """The mean over the classes of the AUC against all others; None where no class has one.

    Parameters
    ----------
    scores : ndarray, (N, C)
        Of the events.
    labels : ndarray of int, (N,)
        Their classes.
    weights : ndarray, (N,)
        In the loss. An AUC is that of the events' own weights, as in the record.
    factors : sequence of float, (C,)
        What the weights of each class were multiplied by.

    Raises
    ------
    DataError
        If a weight is not finite.
    """
    if np.isnan(scores).any():
        return None
    own = weights / np.asarray(factors)[labels]
    names = [str(number) for number in range(len(factors))]
    return one_against_rest(scores, labels, names, own)["Mean_AUC"]
