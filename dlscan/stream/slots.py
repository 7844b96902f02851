"""What a batch looks like in memory."""

import dataclasses
import math
import mmap
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dlscan.dataset import Manifest

# What frameworks want of an array that they read in place.
_ALIGNMENT = 64


@dataclasses.dataclass(frozen=True)
class Field:
    """One array of a slot: its name, type, shape without the batch axis, and its place in the slot."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int


@dataclasses.dataclass(frozen=True)
class SlotLayout:
    """Where the arrays of a batch lie in a slot of shared memory."""

    batch_size: int
    fields: tuple[Field, ...]
    size: int

    @classmethod
    def of(cls, manifest: Manifest, batch_size: int, extras: bool) -> "SlotLayout":
        """The layout for batches of a dataset; `rows` is where the owner says which events it wants."""
        wanted: list[tuple[str, DTypeLike, tuple[int, ...]]] = [
            ("rows", np.int64, ()),
            ("labels", np.int32, ()),
            ("weights", np.float32, ()),
        ]
        wanted += [(f"inputs/{name}", np.float32, column.shape) for name, column in manifest.inputs.items()]
        if extras:
            wanted.append(("sources", np.uint32, (2,)))
            wanted += [
                (f"extras/{name}", column.dtype, column.shape) for name, column in manifest.extras.items()
            ]
        fields = []
        end = 0
        for name, dtype, shape in wanted:
            fields.append(Field(name, np.dtype(dtype).str, shape, end))
            length = batch_size * math.prod(shape) * np.dtype(dtype).itemsize
            end += -(-length // _ALIGNMENT) * _ALIGNMENT
        # whole pages, so that workers populate their own slots
        return cls(batch_size, tuple(fields), -(-end // mmap.PAGESIZE) * mmap.PAGESIZE)

    def views(self, memory: mmap.mmap, slot: int, events: int) -> dict[str, NDArray[Any]]:
        """The arrays of a slot, cut to `events`."""
        return {
            field.name: np.ndarray(
                (events, *field.shape), field.dtype, memory, slot * self.size + field.offset
            )
            for field in self.fields
        }

    def allocate(self, events: int) -> dict[str, NDArray[Any]]:
        """The same arrays in memory of this process alone."""
        memory = mmap.mmap(-1, self.size)
        return self.views(memory, 0, events)
