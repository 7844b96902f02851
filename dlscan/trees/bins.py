"""Bins of features: trees are sought between them.

scikit-learn bins features too, but with event weights so slowly (version 1.9) that it takes longer than the
trees. It gets the numbers of bins, of which it makes the same bins at once.
"""

import numpy as np
from numpy.typing import NDArray

# Events by which features are binned where there are more.
_BINNED = 200_000


class Bins:
    """The bins of features, equally full as far as that can be.

    Parameters
    ----------
    features : ndarray, (N, F)
        Of the training events; nan is no value.
    most : int
        Bins of a feature, from 2 on.
    """

    def __init__(self, features: NDArray[np.float32], most: int) -> None:
        some = features[:: max(1, len(features) // _BINNED)]
        self._borders = [_borders(some[:, number], most) for number in range(features.shape[1])]

    def numbers(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """The number of the bin of each value, from 0, (N, F); nan stays."""
        found = np.empty(features.shape)
        for number, borders in enumerate(self._borders):
            values = features[:, number].astype(np.float64)
            found[:, number] = np.where(np.isnan(values), np.nan, np.searchsorted(borders, values))
        return found

    def border(self, features: NDArray[np.intp], numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """The value up to which those of features are in bins of at most these numbers."""
        last = max(map(len, self._borders))
        table = np.full((len(self._borders), last + 1), np.inf)
        for own, borders in zip(table, self._borders, strict=True):
            own[: len(borders)] = borders
        # between two bins, or infinite where events without a value are parted from others
        place = np.minimum(np.floor(numbers), last).astype(np.intp)
        return np.asarray(table[features, place])


def _borders(values: NDArray[np.float32], most: int) -> NDArray[np.float64]:
    """Between two neighbouring values where these are few, else at quantiles."""
    known = np.sort(values[~np.isnan(values)]).astype(np.float64)
    distinct = np.unique(known)
    if len(distinct) <= most:
        return np.asarray((distinct[:-1] + distinct[1:]) / 2)
    shares = np.linspace(0, 100, most + 1)[1:-1]
    return np.unique(np.percentile(known, shares, method="averaged_inverted_cdf"))
