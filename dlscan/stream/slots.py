"""What a batch looks like in memory, and the memory of many of them."""

import dataclasses
import math
import mmap
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dlscan.dataset import Manifest

Arrays = dict[str, NDArray[Any]]

# What frameworks want of an array that they read in place.
_ALIGNMENT = 64
# The parts of a sparse input, one entry per value: event in the batch, cell in the event, value.
SPARSE_PARTS = {"rows": np.int32, "index": np.int32, "value": np.float32}


@dataclasses.dataclass(frozen=True)
class Field:
    """One array of a slot.

    Attributes
    ----------
    name, dtype : str
        What it is called, and its type.
    shape : tuple of int
        Of one item: an event, or an entry of a sparse input.
    length : int
        Items that there is room for.
    offset : int
        Its place in the slot, in bytes.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    length: int
    offset: int

    @property
    def nbytes(self) -> int:
        """Bytes in the slot."""
        return self.length * math.prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclasses.dataclass(frozen=True)
class SlotLayout:
    """Where the arrays of a batch lie in a slot of shared memory.

    Attributes
    ----------
    batch_size : int
        Events that there is room for.
    fields : tuple of Field
        Its arrays.
    size : int
        Bytes from one slot to the next.
    used : int
        Bytes that a batch touches: room for sparse entries is made for the worst case and costs nothing
        until it is written.
    sparse : tuple of str
        Inputs that are delivered as entries.
    """

    batch_size: int
    fields: tuple[Field, ...]
    size: int
    used: int
    sparse: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        manifest: Manifest,
        batch_size: int,
        extras: bool | Collection[str],
        sparse: Collection[str] = (),
        inputs: bool = True,
        sources: bool = False,
    ) -> "SlotLayout":
        """The layout for batches of a dataset, with `sources` or without; other options as for `Batches`."""
        wanted: list[tuple[str, DTypeLike, tuple[int, ...], int]] = [
            ("labels", np.int32, (), batch_size),
            ("weights", np.float32, (), batch_size),
        ]
        spare = 0
        for name, column in manifest.inputs.items() if inputs else ():
            if name in sparse:
                room = batch_size * column.size
                wanted += [(f"sparse/{name}/{part}", dtype, (), room) for part, dtype in SPARSE_PARTS.items()]
                spare += int(12 * room * max(0.0, 1 - 1.5 * manifest.statistics[name].occupancy))
            else:
                wanted.append((f"inputs/{name}", np.float32, column.shape, batch_size))
            if column.masked:
                wanted.append((f"masks/{name}", np.bool_, column.shape[:1], batch_size))
        if extras is True or sources:
            wanted.append(("sources", np.uint32, (2,), batch_size))
        wanted += [
            (f"extras/{name}", column.dtype, column.shape, batch_size)
            for name, column in manifest.extras.items()
            if extras is True or (extras and name in extras)
        ]
        if sparse:
            wanted.append(("entries", np.int64, (), len(sparse)))
        fields = []
        end = 0
        for name, dtype, shape, length in wanted:
            fields.append(Field(name, np.dtype(dtype).str, shape, length, end))
            end += -(-fields[-1].nbytes // _ALIGNMENT) * _ALIGNMENT
        # whole pages, so that workers populate their own slots
        size = -(-end // mmap.PAGESIZE) * mmap.PAGESIZE
        return cls(batch_size, tuple(fields), size, size - spare, tuple(sparse))

    def cells(self, memory: mmap.mmap, slots: int) -> Arrays:
        """Every array of all slots at once; (slots, length, ...) each."""
        return {
            field.name: np.ndarray(
                (slots, field.length, *field.shape),
                field.dtype,
                memory,
                field.offset,
                (self.size, *_strides(field)),
            )
            for field in self.fields
        }

    def arrays(self, slot: NDArray[np.uint8], events: int) -> Arrays:
        """The arrays in the memory of one slot, cut to its events and entries.

        Each is made of `slot` itself, so that it lives as long as any of them, or of their views.
        """
        entries = {}
        if self.sparse:
            counts = self.fields[-1]
            found = np.ndarray((counts.length,), counts.dtype, slot, counts.offset)
            entries = {
                f"sparse/{name}": count for name, count in zip(self.sparse, found.tolist(), strict=True)
            }
        return {
            field.name: np.ndarray(
                (entries.get(field.name.rpartition("/")[0], events), *field.shape),
                field.dtype,
                slot,
                field.offset,
            )
            for field in self.fields
            if field.name != "entries"
        }


def copy_arrays(arrays: Arrays) -> Arrays:
    """The same in memory of this process alone, aligned as in a slot."""
    copies = {}
    for name, array in arrays.items():
        memory = mmap.mmap(-1, max(array.nbytes, 1))
        copies[name] = np.ndarray(array.shape, array.dtype, memory)
        copies[name][...] = array
    return copies


def _strides(field: Field) -> tuple[int, ...]:
    step = np.dtype(field.dtype).itemsize
    strides: list[int] = []
    for length in reversed(field.shape):
        strides.insert(0, step)
        step *= length
    return (step, *strides)
