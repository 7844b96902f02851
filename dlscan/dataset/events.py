"""Events in memory as they lie on disk: dense arrays, or index and value of what is not zero."""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

# Entries that are looked up at once: their places take more memory than they do
_ENTRIES = 2**18

Array = NDArray[Any]
Self = TypeVar("Self")


class Block(Protocol):
    """Some events of one column."""

    def __len__(self) -> int: ...

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""

    @property
    def values(self) -> Array:
        """What is stored, in any order: all values, or those that are not zero."""

    def take(self: Self, rows: Array) -> Self:
        """The events `rows`, in that order."""

    def part(self: Self, start: int, stop: int) -> Self:
        """The events from `start` to `stop`, in the same memory."""

    def write(self, parent: h5py.Group, name: str) -> None:
        """Store under `name`."""


@dataclasses.dataclass(frozen=True)
class DenseBlock:
    """Every value of every event.

    Attributes
    ----------
    array : ndarray, (n, ...)
        The events.
    """

    array: Array

    def __len__(self) -> int:
        return len(self.array)

    @property
    def nbytes(self) -> int:
        return self.array.nbytes

    @property
    def values(self) -> Array:
        return self.array

    def take(self, rows: Array) -> "DenseBlock":
        return DenseBlock(self.array[rows])

    def part(self, start: int, stop: int) -> "DenseBlock":
        return DenseBlock(self.array[start:stop])

    def write(self, parent: h5py.Group, name: str) -> None:
        parent.create_dataset(name, data=self.array)

    @staticmethod
    def read(stored: h5py.Dataset, start: int, stop: int) -> "DenseBlock":
        """Rows `start` to `stop` of what `write` stored."""
        return DenseBlock(stored[start:stop])

    @staticmethod
    def concatenate(blocks: Sequence["DenseBlock"]) -> "DenseBlock":
        """All events of `blocks`, one after the other."""
        return DenseBlock(np.concatenate([block.array for block in blocks]))


@dataclasses.dataclass(frozen=True)
class SparseBlock:
    """What is not zero.

    Attributes
    ----------
    offsets : ndarray of int64, (n + 1,)
        Event i owns the entries from offsets[i] to offsets[i + 1].
    index : ndarray of uint16 or uint32, (entries,)
        Place of each value in the flattened event.
    value : ndarray, (entries,)
        The values.
    """

    offsets: Array
    index: Array
    value: Array

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def nbytes(self) -> int:
        return self.offsets.nbytes + self.index.nbytes + self.value.nbytes

    @property
    def values(self) -> Array:
        return self.value

    def take(self, rows: Array) -> "SparseBlock":
        offsets = offsets_of(self.offsets[rows + 1] - self.offsets[rows])
        index, value = (np.empty(offsets[-1], part.dtype) for part in (self.index, self.value))
        edges = np.searchsorted(offsets, np.arange(0, offsets[-1] + _ENTRIES, _ENTRIES)).clip(max=len(rows))
        for first, last in itertools.pairwise(np.unique([0, *edges, len(rows)])):
            entries, _ = entries_of(self.offsets, rows[first:last])
            here = slice(offsets[first], offsets[last])
            index[here], value[here] = self.index[entries], self.value[entries]
        return SparseBlock(offsets, index, value)

    def part(self, start: int, stop: int) -> "SparseBlock":
        return SparseBlock.read(vars(self), start, stop)

    def write(self, parent: h5py.Group, name: str) -> None:
        group = parent.create_group(name)
        for part in ("offsets", "index", "value"):
            group.create_dataset(part, data=getattr(self, part))

    @staticmethod
    def read(stored: Mapping[str, Any], start: int, stop: int) -> "SparseBlock":
        """Rows `start` to `stop` of what `write` stored."""
        offsets = stored["offsets"][start : stop + 1]
        first, last = offsets[0], offsets[-1]
        return SparseBlock(offsets - first, stored["index"][first:last], stored["value"][first:last])

    @staticmethod
    def concatenate(blocks: Sequence["SparseBlock"]) -> "SparseBlock":
        """All events of `blocks`, one after the other."""
        counts = np.concatenate([np.diff(block.offsets) for block in blocks])
        return SparseBlock(
            offsets_of(counts),
            np.concatenate([block.index for block in blocks]),
            np.concatenate([block.value for block in blocks]),
        )

    @staticmethod
    def encode(dense: Array) -> "SparseBlock":
        """Encode (n, ...) dense values; a negative zero counts as a value, so that nothing is changed."""
        size = math.prod(dense.shape[1:])
        flat = np.ascontiguousarray(dense).reshape(-1)
        bits = flat.view(f"u{flat.dtype.itemsize}")
        # comparing first is three times as fast as asking numpy for the places of numbers that are not zero
        places = (bits != 0).nonzero()[0]
        starts = np.arange(0, len(flat) + 1, size) if size else np.zeros(len(dense) + 1, np.int64)
        offsets = np.searchsorted(places, starts)
        value = flat[places]
        places -= np.repeat(starts[:-1], np.diff(offsets))
        return SparseBlock(offsets, places.astype(np.uint16 if size <= 2**16 else np.uint32), value)


@dataclasses.dataclass(frozen=True)
class RaggedBlock:
    """Entries of events, of which each has its own number.

    Attributes
    ----------
    offsets : ndarray of int64, (n + 1,)
        Event i owns the entries from offsets[i] to offsets[i + 1].
    value : ndarray, (entries, F)
        Their numbers.
    """

    offsets: Array
    value: Array

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def nbytes(self) -> int:
        return self.offsets.nbytes + self.value.nbytes

    @property
    def values(self) -> Array:
        return self.value

    @property
    def counts(self) -> Array:
        """Entries of each event, (n,)."""
        return np.diff(self.offsets)

    def take(self, rows: Array) -> "RaggedBlock":
        entries, offsets = entries_of(self.offsets, rows)
        return RaggedBlock(offsets, self.value.take(entries, axis=0))

    def part(self, start: int, stop: int) -> "RaggedBlock":
        return RaggedBlock.read(vars(self), start, stop)

    def chosen(self, events: Array) -> Array:
        """The entries of those events where a mask (n,) is set."""
        value: Array = self.value[np.repeat(events, self.counts)]
        return value

    def write(self, parent: h5py.Group, name: str) -> None:
        group = parent.create_group(name)
        for part in ("offsets", "value"):
            group.create_dataset(part, data=getattr(self, part))

    @staticmethod
    def read(stored: Mapping[str, Any], start: int, stop: int) -> "RaggedBlock":
        """Rows `start` to `stop` of what `write` stored."""
        offsets = stored["offsets"][start : stop + 1]
        return RaggedBlock(offsets - offsets[0], stored["value"][offsets[0] : offsets[-1]])

    @staticmethod
    def concatenate(blocks: Sequence["RaggedBlock"]) -> "RaggedBlock":
        """All events of `blocks`, one after the other."""
        counts = np.concatenate([block.counts for block in blocks])
        return RaggedBlock(offsets_of(counts), np.concatenate([block.value for block in blocks]))

    @staticmethod
    def encode(dense: Array, mask: Array) -> "RaggedBlock":
        """Encode events (n, T, F), of which those entries are there where `mask` (n, T) is set."""
        values = dense.reshape(mask.size, -1).take(np.flatnonzero(mask), axis=0)
        return RaggedBlock(offsets_of(np.count_nonzero(mask, axis=1)), values)


def offsets_of(counts: Array) -> Array:
    """Where each run starts if runs of `counts` follow each other, and where the last ends."""
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def entries_of(offsets: Array, rows: Array) -> tuple[Array, Array]:
    """The entries of sparse events.

    Parameters
    ----------
    offsets : ndarray, (n + 1,)
        Of all events.
    rows : ndarray of int, (m,)
        The events wanted, in any order.

    Returns
    -------
    entries : ndarray of int64
        The places of their entries, event by event.
    new_offsets : ndarray of int64, (m + 1,)
        The offsets of the wanted events among themselves.
    """
    starts = offsets[rows]
    counts = offsets[rows + 1] - starts
    new_offsets = offsets_of(counts)
    entries = np.arange(new_offsets[-1])
    entries += np.repeat(starts - new_offsets[:-1], counts)
    return entries, new_offsets


@dataclasses.dataclass(frozen=True)
class Events:
    """Some events: the same rows of every column.

    Attributes
    ----------
    columns : dict of str to Block
        `labels`, `sources`, `inputs/NAME`, `extras/NAME`: the names in a shard.
    """

    columns: dict[str, Any]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def nbytes(self) -> int:
        """Bytes in memory."""
        return sum(block.nbytes for block in self.columns.values())

    def part(self, start: int, stop: int) -> "Events":
        """The events from `start` to `stop`, in the same memory."""
        return Events({name: block.part(start, stop) for name, block in self.columns.items()})

    def array(self, name: str) -> Array:
        """The array of a dense column."""
        array: Array = self.columns[name].array
        return array
