"""Running moments of an input, merged block by block without losing digits."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.dataset.events import DenseBlock, RaggedBlock, SparseBlock
from dlscan.dataset.extremes import Least, placeholders
from dlscan.dataset.statistics import Statistics


@dataclasses.dataclass(frozen=True)
class Moments:
    """Running moments of one input; arrays hold one number per feature (vectors) or a single one (images).

    Attributes
    ----------
    count : int
        Values seen for each number.
    mean, m2 : ndarray of float64, (features,) or (1,)
        `m2` is the sum of squared deviations from the mean.
    low, high : Least
        Of the values, and of the negated values.
    nonzero : int
        Values that are not zero, over all features.
    total : float
        Sum of absolute values, over all features.
    """

    count: int
    mean: NDArray[np.float64]
    m2: NDArray[np.float64]
    low: Least
    high: Least
    nonzero: int
    total: float

    @classmethod
    def of(
        cls,
        block: DenseBlock | SparseBlock | RaggedBlock,
        size: int,
        vector: bool,
        chosen: NDArray[np.bool_] | None = None,
    ) -> "Moments":
        """Measure a block of events with `size` values each, or the `chosen` ones of it.

        `vector` keeps features apart. Of entries they are always apart, and only those that are there count.
        """
        if isinstance(block, SparseBlock):
            return cls._of_sparse(block, size, chosen)
        if isinstance(block, RaggedBlock):
            columns = block.value.shape[1]
            events = block.value if chosen is None else block.chosen(chosen)
        else:
            columns = size if vector else 1
            events = block.array if chosen is None else block.array[chosen]
        values = events.reshape(-1, columns).astype(np.float64)
        if not len(values):
            return cls.nothing(columns)
        mean = values.mean(axis=0)
        return cls(
            len(values),
            mean,
            np.square(values - mean).sum(axis=0),
            Least.of(values),
            Least.of(-values),
            int(np.count_nonzero(values)),
            float(np.abs(values).sum()),
        )

    @classmethod
    def _of_sparse(cls, block: SparseBlock, size: int, chosen: NDArray[np.bool_] | None) -> "Moments":
        stored, events = block.value, len(block)
        if chosen is not None:
            stored = stored[np.repeat(chosen, np.diff(block.offsets))]
            events = int(np.count_nonzero(chosen))
        values = stored.astype(np.float64)
        count, zeros = events * size, events * size - len(values)
        if not count:
            return cls.nothing(1)
        mean = values.sum() / count
        # the zeros that are not stored count too
        m2 = np.square(values - mean).sum() + zeros * mean**2
        low, high = (Least.of(signed[:, None], zeros) for signed in (values, -values))
        nonzero, total = int(np.count_nonzero(values)), float(np.abs(values).sum())
        return cls(count, np.array([mean]), np.array([m2]), low, high, nonzero, total)

    @classmethod
    def nothing(cls, columns: int) -> "Moments":
        """The moments of no events."""
        zero = np.zeros(columns)
        least = Least.of(np.empty((0, columns)))
        return cls(0, zero, zero, least, least, 0, 0.0)

    def __add__(self, other: "Moments") -> "Moments":
        """Merge (Chan, Golub and LeVeque, 1979)."""
        count = self.count + other.count
        if not other.count or not self.count:
            return self if self.count else other
        step = other.mean - self.mean
        return Moments(
            count,
            self.mean + step * (other.count / count),
            self.m2 + other.m2 + step**2 * (self.count * other.count / count),
            self.low + other.low,
            self.high + other.high,
            self.nonzero + other.nonzero,
            self.total + other.total,
        )

    def statistics(self) -> Statistics:
        """What the manifest keeps."""

        def numbers(values: NDArray[Any]) -> tuple[float, ...]:
            return tuple(float(value) for value in values)

        return Statistics(
            mean=numbers(self.mean),
            std=numbers(np.sqrt(self.m2 / self.count)),
            minimum=numbers(self.low.value),
            maximum=numbers(0.0 - self.high.value),
            magnitude=self.total / self.nonzero if self.nonzero else 0.0,
            occupancy=self.nonzero / (self.count * len(self.mean)),
            placeholders=placeholders(self.low, self.high, self.count),
        )

    def plain(self) -> dict[str, Any]:
        """What `of_plain` reads back, for JSON: infinite numbers, of what there is not, are null."""
        arrays = {"mean": self.mean, "m2": self.m2}
        ends = {"low": self.low, "high": self.high}
        return {
            "count": self.count,
            **{name: _numbers(values) for name, values in arrays.items()},
            **{name: {key: _numbers(part) for key, part in vars(end).items()} for name, end in ends.items()},
            "nonzero": self.nonzero,
            "total": self.total,
        }

    @classmethod
    def of_plain(cls, value: dict[str, Any]) -> "Moments":
        """Read what `plain` gives."""
        low, high = (
            Least(_floats(end["value"]), np.array(end["copies"], np.int64), _floats(end["following"]))
            for end in (value["low"], value["high"])
        )
        mean, m2 = _floats(value["mean"]), _floats(value["m2"])
        return cls(value["count"], mean, m2, low, high, value["nonzero"], value["total"])


def merged(parts: Sequence[Moments]) -> Moments:
    """The moments of all parts together."""
    return sum(parts[1:], start=parts[0])


def _numbers(values: NDArray[Any]) -> list[Any]:
    return [value if np.isfinite(value) else None for value in values.tolist()]


def _floats(values: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([np.inf if value is None else value for value in values])
