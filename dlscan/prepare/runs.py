"""Runs read by their rows: where columns lie is looked up once in a process, and then HDF5 is not needed.

HDF5 takes milliseconds to open a file. Each run is read for each group of shards: with a terabyte these are
a million times.
"""

import functools
import math
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from dlscan.hdf5 import open_hdf5
from dlscan.sealed import SealedFile

# Each event's shard: see `spill._Runs`
STARTS = "starts"


class _Place(NamedTuple):
    """Where an array lies in a file, contiguous; one without values has no place."""

    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, ...]


class _Array:
    """Rows of an array in a file, read when they are asked for."""

    def __init__(self, file: SealedFile, place: _Place) -> None:
        self._file, self._place = file, place

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        offset, dtype, shape = self._place
        start, stop, _ = rows.indices(shape[0])
        found = np.empty((stop - start, *shape[1:]), dtype)
        self._file.read(found, offset + start * dtype.itemsize * math.prod(shape[1:]))
        return found


class OpenRun:
    """A run that is open, as `read_shard` wants files: by the names of columns."""

    def __init__(self, path: Path) -> None:
        self._file = SealedFile(path, sealed=True)
        status = path.stat()
        self._places = _places(path, status.st_size, status.st_mtime_ns)

    def __enter__(self) -> "OpenRun":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __getitem__(self, name: str) -> Any:
        found = self._places[name]
        if isinstance(found, _Place):
            return _Array(self._file, found)
        return {part: _Array(self._file, place) for part, place in found.items()}


@functools.lru_cache(maxsize=2**14)
def _places(path: Path, size: int, mtime_ns: int) -> dict[str, _Place | dict[str, _Place]]:
    """Where the columns of a run lie; size and time of change tell it from one of before."""
    with open_hdf5(path) as handle:
        found: dict[str, _Place | dict[str, _Place]] = {}

        def note(name: str | bytes, stored: h5py.Group | h5py.Dataset) -> None:
            if isinstance(stored, h5py.Dataset):
                found[str(name)] = _place(stored)
            elif "offsets" in stored and all(isinstance(part, h5py.Dataset) for part in stored.values()):
                found[str(name)] = {part: _place(item) for part, item in stored.items()}

        handle.visititems(note)
    return found


def _place(stored: h5py.Dataset) -> _Place:
    return _Place(stored.id.get_offset() or 0, stored.dtype, stored.shape)
