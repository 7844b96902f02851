"""What is measured of an input over the training split."""

import dataclasses
from typing import Any

# Where quantiles are measured: closer at both ends, where wild values lie.
RANKS = (0.0, 0.001, 0.005, 0.01, 0.02, *(step / 32 for step in range(1, 32)), 0.98, 0.99, 0.995, 0.999, 1.0)


@dataclasses.dataclass(frozen=True)
class Placeholder:
    """A value at an end of a feature, repeated and far from all others: it may stand for "missing".

    Attributes
    ----------
    feature : int
        Of a vector; 0 for images.
    value : float
        The value.
    share : float
        Of the values of this feature.
    """

    feature: int
    value: float
    share: float


@dataclasses.dataclass(frozen=True)
class Statistics:
    """What was measured of an input over the training split.

    Tuples hold one number per feature for vectors, a single one for images, whose cells share a scale.

    Attributes
    ----------
    mean, std, minimum, maximum : tuple of float
        Of the raw values, zeros included.
    magnitude : float
        Mean of the absolute value of what is not zero.
    occupancy : float
        Share of the values that are not zero.
    quantiles : tuple of tuple of float
        For each feature of a vector its quantiles at `RANKS`, of a sample of the events; empty for images,
        and in datasets of older versions.
    placeholders : tuple of Placeholder
        Values that may stand for "missing"; none in datasets of older versions.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    minimum: tuple[float, ...]
    maximum: tuple[float, ...]
    magnitude: float
    occupancy: float
    quantiles: tuple[tuple[float, ...], ...] = ()
    placeholders: tuple[Placeholder, ...] = ()

    @classmethod
    def from_plain(cls, value: dict[str, Any]) -> "Statistics":
        """Read what `dataclasses.asdict` gives, from JSON."""
        listed = {name: tuple(value[name]) for name in ("mean", "std", "minimum", "maximum")}
        quantiles = tuple(map(tuple, value.get("quantiles", ())))
        placeholders = tuple(Placeholder(**found) for found in value.get("placeholders", ()))
        return cls(**value | listed | {"quantiles": quantiles, "placeholders": placeholders})
