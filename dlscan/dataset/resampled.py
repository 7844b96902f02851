"""What was measured, and decided, to resample classes."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Resampled:
    """Bins of some numbers of an event, and what an event of a class counts in each.

    Attributes
    ----------
    variables : tuple of str
        Extras, one number per event each.
    edges : tuple of tuple of float
        Of the bins of each. The outermost bins take all values beyond.
    before : tuple of tuple of float, (classes, bins)
        Sums of weights, or counts, of training events; the bins of the last variable follow each other.
    factors : tuple of tuple of float, (classes, bins)
        What the weight of an event is multiplied by, or how probably it stays; zero in bins in which a class
        has no events.
    """

    variables: tuple[str, ...]
    edges: tuple[tuple[float, ...], ...]
    before: tuple[tuple[float, ...], ...]
    factors: tuple[tuple[float, ...], ...]

    @classmethod
    def from_plain(cls, value: dict[str, Any]) -> "Resampled":
        """Read what `dataclasses.asdict` gives, from JSON."""
        nested = {name: tuple(map(tuple, value[name])) for name in ("edges", "before", "factors")}
        return cls(tuple(value["variables"]), **nested)
