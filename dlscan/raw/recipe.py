"""How an input is put together from datasets of a raw file."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

# Whole numbers up to here are the same in float32.
EXACT = 2**24


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How an input is put together.

    Attributes
    ----------
    layout : {"vector", "padded", "lists", "flat"}
        Numbers of an event; entries in an array that is as long for all events; HDF5's lists of different
        lengths; entries of all events one after the other, with offsets.
    parts : tuple of str
        Datasets, or fields as `jets.pt`, whose numbers follow each other; of lists that are compound the
        fields follow behind `::`.
    features : tuple of str
        What the numbers are called; empty where nobody says it.
    shape : tuple of int
        Of an event, or of an entry.
    widths : tuple of int
        How many of the numbers along the last axis each part gives.
    dtype : str
        Of the numbers, as they are stored.
    valid : str or None
        Named as a part: which entries are there.
    offsets : tuple of str
        Where an event begins, or that and how many entries it has or where it ends.
    edges : {"", "edges", "ends", "counts", "stops"}
        What `offsets` say: the first entry of each event and the end, the end of each event, its first
        entry and how many it has, or its first entry and its end.
    longest : int
        Entries of an event that are kept.
    fill : float or None
        What takes the place of nan.
    wide : tuple of int
        Places of the numbers that are whole ones which float32 may not hold exactly.
    """

    layout: str
    parts: tuple[str, ...]
    features: tuple[str, ...]
    shape: tuple[int, ...]
    widths: tuple[int, ...]
    dtype: str
    valid: str | None = None
    offsets: tuple[str, ...] = ()
    edges: str = ""
    longest: int = 0
    fill: float | None = None
    wide: tuple[int, ...] = ()

    @property
    def masked(self) -> bool:
        """Whether events have entries, and a mask."""
        return self.layout != "vector"

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Of an event as it is delivered."""
        return (self.longest, *self.shape) if self.masked else self.shape

    @property
    def roles(self) -> dict[str, str]:
        """The datasets and fields that are read, and how long they are; see `DatasetIndex.role`."""
        own = [*self.parts, *([self.valid] if self.valid else [])]
        flat = self.layout == "flat"
        roles = {name.partition("::")[0]: "entries" if flat else "events" for name in own}
        return roles | dict.fromkeys(self.offsets, "edges" if self.edges == "edges" else "events")

    @classmethod
    def from_plain(cls, value: dict[str, Any]) -> "Recipe":
        """Read what `dataclasses.asdict` gives, from JSON."""
        listed: dict[str, Any] = {name: tuple(item) for name, item in value.items() if isinstance(item, list)}
        return cls(**value | listed)


def common_type(types: Sequence[np.dtype[Any]]) -> str:
    """The type that numbers are stored in: theirs where that is narrow and they have it in common."""
    kept = {stored_type(dtype) for dtype in types}
    return kept.pop() if len(kept) == 1 else "<f4"


def stored_type(dtype: np.dtype[Any]) -> str:
    """Inputs reach the network as float32: narrower types stay as they are, wider ones become that."""
    if dtype.kind == "b":
        return "|u1"
    exact = dtype.itemsize <= 2 or (dtype.kind == "f" and dtype.itemsize == 4)
    return dtype.newbyteorder("=").str if exact else "<f4"


def is_wide(dtype: np.dtype[Any]) -> bool:
    """Whether float32 may not hold whole numbers of this type exactly."""
    return dtype.kind in "iu" and dtype.itemsize >= 4
