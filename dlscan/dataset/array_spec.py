"""How one dataset of the events is stored."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class ArraySpec:
    """One dataset of the events: an input or an extra.

    Attributes
    ----------
    shape : tuple of int
        Of one event, without the event axis; `()` is a number per event.
    dtype : str
        As stored. Inputs are delivered as float32 whatever it is.
    encoding : {"dense", "sparse"}
        Sparse keeps index and value of what is not zero.
    """

    shape: tuple[int, ...]
    dtype: str
    encoding: str

    @property
    def size(self) -> int:
        """Values per event."""
        return math.prod(self.shape)
