"""What is measured of inputs and extras beside moments."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.dataset import RANKS, Statistics


def quantiles(sample: NDArray[Any], measured: Statistics) -> tuple[tuple[float, ...], ...]:
    """The quantiles at `RANKS` of each feature; the ends are those of all events.

    Parameters
    ----------
    sample : ndarray, (n, features)
        Events of the training split.
    measured : Statistics
        Of all of them.
    """
    if not len(sample):
        # hardly any training events: what is known are the ends
        sample = np.array([measured.minimum, measured.maximum])
    found = np.quantile(sample.astype(np.float64), RANKS, axis=0)
    found[0], found[-1] = measured.minimum, measured.maximum
    return tuple(tuple(map(float, feature)) for feature in found.T)


@dataclasses.dataclass(frozen=True)
class PerEvent:
    """Sums of an extra with one number per event, over events of one class.

    Attributes
    ----------
    total, squares : ndarray of float64, (parts,)
        Sum of the numbers that are finite, and of their squares.
    negative : ndarray of int64, (parts,)
        How many are below zero.
    not_finite : int or None
        The first row whose number is not.
    """

    total: NDArray[np.float64]
    squares: NDArray[np.float64]
    negative: NDArray[np.int64]
    not_finite: int | None

    @classmethod
    def of(cls, values: NDArray[Any], codes: NDArray[np.int8], rows: NDArray[Any], parts: int) -> "PerEvent":
        """Measure events by their parts; `rows` are those of the file."""
        finite = finite_weights(values)
        numbers = np.where(finite, values, 0).astype(np.float64)
        total, squares = np.zeros(parts), np.zeros(parts)
        for code in range(parts):
            own = numbers[codes == code]
            total[code], squares[code] = own.sum(), np.square(own).sum()
        negative = np.bincount(codes[numbers < 0], minlength=parts)
        return cls(total, squares, negative, None if finite.all() else int(rows[np.argmin(finite)]))

    @classmethod
    def nothing(cls, parts: int) -> "PerEvent":
        """The sums of no events."""
        zero = np.zeros(parts)
        return cls(zero, zero, zero.astype(np.int64), None)

    def __add__(self, other: "PerEvent") -> "PerEvent":
        """Add the events of a later block."""
        bad = other.not_finite if self.not_finite is None else self.not_finite
        sums = self.total + other.total, self.squares + other.squares, self.negative + other.negative
        return PerEvent(*sums, bad)


def finite_weights(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Which numbers are finite as float32, in which events are weighed."""
    with np.errstate(over="ignore"):
        finite: NDArray[np.bool_] = np.isfinite(values.astype(np.float32))
    return finite
