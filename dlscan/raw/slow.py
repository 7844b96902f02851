"""Datasets that only HDF5 can read: other filters, other files, types to convert."""

import math
from pathlib import Path

import h5py
import numpy as np

from dlscan.raw.cells import Rows, Target
from dlscan.raw.index import DatasetIndex

# Dense bytes that are read at once
_BLOCK_BYTES = 8 * 2**20
_MOST_CACHE = 256 * 2**20


class Slow:
    """A dataset that HDF5 reads; the file is opened when the first events are wanted."""

    def __init__(self, index: DatasetIndex, path: Path, name: str) -> None:
        self._index = index
        self._path, self._name = path, name
        self._handle: h5py.File | None = None
        event = max(index.event_bytes, 1)
        length = index.chunks[0] if index.chunks else 1
        self._block = max(1, _BLOCK_BYTES // event)
        if length <= self._block:
            self._block -= self._block % length
        # a chunk that is longer than a block is inflated once only if the cache holds it with its neighbours
        self._cache = min(length * event, _MOST_CACHE) if length > self._block else 0

    def read(self, rows: Rows, to: Target) -> None:
        """See `DirectFile.read`."""
        if self._handle is None:
            self._handle = h5py.File(self._path, rdcc_nbytes=max(self._cache, 2**20))
        dataset = self._handle[self._name]
        if dataset.shape != (self._index.rows, *self._index.shape):
            raise ValueError(f"has shape {dataset.shape} now")
        numbers = rows // self._block
        for edge in np.flatnonzero(np.diff(numbers, prepend=-1)).tolist():
            last = int(np.searchsorted(numbers, numbers[edge], side="right"))
            begin, end = int(rows[edge]), int(rows[last - 1]) + 1
            values = dataset[begin:end].reshape(end - begin, math.prod(self._index.shape))
            to.part(edge, last).put(values, rows[edge:last] - begin)

    def close(self) -> None:
        """Close the file."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None
