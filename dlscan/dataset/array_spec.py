"""How one dataset of the events is stored."""

import dataclasses
import math
from typing import Any


@dataclasses.dataclass(frozen=True)
class ArraySpec:
    """One dataset of the events: an input or an extra.

    Attributes
    ----------
    shape : tuple of int
        Of one event, without the event axis; `()` is a number per event.
    dtype : str
        As stored. Inputs are delivered as float32 whatever it is.
    encoding : {"dense", "sparse", "ragged"}
        Sparse keeps index and value of what is not zero, ragged the entries of each event.
    masked : bool
        Whether events have up to `shape[0]` entries of `shape[1]` numbers each. It is delivered with a mask,
        the entries of an event first and zeros behind.
    """

    shape: tuple[int, ...]
    dtype: str
    encoding: str
    masked: bool = False

    @property
    def size(self) -> int:
        """Values per event."""
        return math.prod(self.shape)

    @property
    def by_feature(self) -> bool:
        """Whether its numbers are measured one by one: not those of an image, whose cells share a scale."""
        return self.masked or len(self.shape) <= 1

    @property
    def features(self) -> int:
        """Numbers that are measured apart from each other."""
        return (self.shape[-1] if self.masked else self.size) if self.by_feature else 1

    def plain(self) -> dict[str, Any]:
        """What a manifest keeps."""
        own = dataclasses.asdict(self)
        return own if self.masked else {name: value for name, value in own.items() if name != "masked"}

    @classmethod
    def from_plain(cls, value: dict[str, Any]) -> "ArraySpec":
        """Read what `plain` gives, from JSON."""
        return cls(tuple(value["shape"]), value["dtype"], value["encoding"], value.get("masked", False))
