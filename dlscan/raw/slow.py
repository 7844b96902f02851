"""Datasets that only HDF5 can read: other filters, other files, types to convert."""

import math
import time
from pathlib import Path

import h5py
import numpy as np

from dlscan.raw.cells import Array, Destination, Rows
from dlscan.raw.faults import RawError, hdf5_errors
from dlscan.raw.handle import FoundDataset, RawHandle
from dlscan.raw.index import DatasetIndex
from dlscan.raw.links import first_changed, require_open_files
from dlscan.raw.lists import read_lists

# Dense bytes that are read at once
_BLOCK_BYTES = 8 * 2**20
_MOST_CACHE = 256 * 2**20
# Lists that are read at once
_LISTS = 4096
# Seconds between two looks at the files that a dataset links to, which may be thousands
_LOOK_AGAIN = 1


class Slow:
    """A dataset that HDF5 reads; the file is opened when the first events are wanted."""

    def __init__(self, index: DatasetIndex, path: Path, name: str) -> None:
        self._index = index
        self._path, self._name = path, name
        self._handle: RawHandle | None = None
        self._found: FoundDataset | None = None
        self._looked = 0.0
        event = max(index.event_bytes, 1)
        length = index.chunks[0] if index.chunks else 1
        self._block = max(1, _BLOCK_BYTES // event)
        if length <= self._block:
            self._block -= self._block % length
        # a chunk that is longer than a block is inflated once only if the cache holds it with its neighbours
        self._cache = min(length * event, _MOST_CACHE) if length > self._block else 0

    def read(self, rows: Rows, to: Destination) -> None:
        """See `DirectFile.read`."""
        dataset = self._dataset()
        if self._found is not None and self._found.linked:
            require_open_files(len(self._found.linked))
        part = self._index.part
        if dataset.shape != (self._index.rows, *(part.shape if part else self._index.shape)):
            raise RawError(f"its shape is now {dataset.shape}")
        numbers = rows // self._block
        for edge in np.flatnonzero(np.diff(numbers, prepend=-1)).tolist():
            last = int(np.searchsorted(numbers, numbers[edge], side="right"))
            begin, end = int(rows[edge]), int(rows[last - 1]) + 1
            with hdf5_errors():
                values = dataset[begin:end]
            for word in part.field.split(".") if part and part.field else ():
                values = values[word]
            values = values.reshape(end - begin, math.prod(self._index.shape))
            to.part(edge, last).put(values, rows[edge:last] - begin)

    def lists(self, rows: Rows) -> list[Array]:
        """The lists of some events, ascending."""
        dataset = self._dataset()
        if dataset.shape != (self._index.rows,):
            raise RawError(f"its shape is now {dataset.shape}")
        found: list[Array] = []
        for edge in range(0, len(rows), _LISTS):
            some = rows[edge : edge + _LISTS]
            begin = int(some[0])
            with hdf5_errors():
                lists = read_lists(dataset, begin, int(some[-1]) + 1)
            found += [lists[row] for row in (some - begin).tolist()]
        return found

    def close(self) -> None:
        """Close the file."""
        if self._handle is not None:
            self._handle.close()
        self._handle = self._found = None

    def _dataset(self) -> h5py.Dataset:
        """The dataset, once no file that it links to has changed."""
        if self._found is None:
            self._handle = self._handle or RawHandle(self._path, cache=self._cache)
            self._found = self._handle.find(self._name)
        known = self._index.linked
        if known is not None and time.monotonic() > self._looked + _LOOK_AGAIN:
            if {file.path for file in self._found.linked} != {file.path for file in known}:
                raise RawError("it no longer links to the files it linked to when it was indexed")
            if (path := first_changed(known)) is not None:
                raise RawError(f"it links to {path}, which has changed since it was indexed")
            self._looked = time.monotonic()
        return self._found.dataset
