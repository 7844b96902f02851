"""The least value of a feature: how often it comes, and how far it is from the next one."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from dlscan.dataset.statistics import Placeholder

Floats = NDArray[np.float64]

# A value is far off if the gap to the next one is so many times as wide as the range of all others; one that
# is written as nines need not be as far.
_FAR, _FAR_NINES = 3.0, 0.01


@dataclasses.dataclass(frozen=True)
class Least:
    """The least values of some events, feature by feature; of negated values it is the greatest.

    Attributes
    ----------
    value : ndarray of float64, (features,)
        Infinite without events.
    copies : ndarray of int64, (features,)
        How many values are equal to it.
    following : ndarray of float64, (features,)
        The least of the values above it, infinite if there is none.
    """

    value: Floats
    copies: NDArray[np.int64]
    following: Floats

    @classmethod
    def of(cls, values: Floats, zeros: int = 0) -> "Least":
        """Find it in values (n, features), and in so many zeros more of each feature."""
        value = values.min(axis=0, initial=0.0 if zeros else np.inf)
        equal = values == value
        following = values.min(axis=0, initial=np.inf, where=~equal)
        copies = np.count_nonzero(equal, axis=0) + zeros * (value == 0)
        if zeros:
            following = np.where(value < 0, np.minimum(following, 0.0), following)
        return cls(value, copies.astype(np.int64), following)

    def __add__(self, other: "Least") -> "Least":
        """Merge."""
        value = np.minimum(self.value, other.value)
        copies, following = np.zeros_like(self.copies), np.minimum(self.following, other.following)
        for part in (self, other):
            equal = part.value == value
            copies += np.where(equal, part.copies, 0)
            following = np.where(equal, following, np.minimum(following, part.value))
        return Least(value, copies, following)


def placeholders(low: Least, high: Least, count: int) -> tuple[Placeholder, ...]:
    """Values at an end of their feature that may stand for "missing".

    Parameters
    ----------
    low, high : Least
        Of `count` values of each feature; `high` of the negated ones.
    """
    found = []
    for feature in range(len(low.value)):
        for sign, end, other in ((1, low, high), (-1, high, low)):
            value, following, copies = (
                float(part[feature]) for part in (end.value, end.following, end.copies)
            )
            gap, rest = following - value, -float(other.value[feature]) - following
            far = _FAR_NINES if _is_nines(sign * value) else _FAR
            if copies > 1 and np.isfinite(following) and rest > 0 and gap > far * rest:
                found.append(Placeholder(feature, sign * value, copies / count))
    return tuple(found)


def _is_nines(value: float) -> bool:
    """Whether it is -99, -999, 999, -9999 and so on."""
    digits = str(int(abs(value))) if value.is_integer() else ""
    return set(digits) == {"9"} and len(digits) > (1 if value < 0 else 2)
