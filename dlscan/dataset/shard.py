"""A shard: events in one HDF5 file, every dataset contiguous and uncompressed.

Contiguous, so that a reader reads at known places and never takes HDF5's lock; sparse inputs are small enough
without compression, and decoding would cost more than it saves.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from dlscan.dataset.events import Array, DenseBlock, Events, RaggedBlock, SparseBlock
from dlscan.hdf5 import written_hdf5
from dlscan.sealed import SealedFile


def write_shard(target: Path | BinaryIO, parts: Sequence[Events], names: Sequence[str], order: Array) -> None:
    """Write events to a new file.

    Parameters
    ----------
    target : Path or binary file
        The path of the file, one that is there is replaced; or an empty file, open for reading and writing.
    parts : sequence of Events
        What to write: all rows of the first, then all of the second, and so on.
    names : sequence of str
        The columns to write. One at a time is put together, so that memory holds the parts and one column.
    order : ndarray of int, (n,)
        The rows, counted through all parts, in the order of the file.
    """
    with written_hdf5(target) as handle:
        for name in names:
            blocks = [part.columns[name] for part in parts]
            type(blocks[0]).concatenate(blocks).take(order).write(handle, name)


def read_shard(handle: Any, names: list[str], start: int, stop: int) -> Events:
    """Read the rows from `start` to `stop` of an open shard into memory.

    `handle` is a file of h5py, or gives what can be cut into rows by the names of columns as that does.
    """
    columns: dict[str, DenseBlock | SparseBlock | RaggedBlock] = {}
    for name in names:
        stored = handle[name]
        kind = _kind_of(stored)
        columns[name] = kind.read(stored, start, stop)
    return Events(columns)


def _kind_of(stored: Any) -> type[DenseBlock | SparseBlock | RaggedBlock]:
    if not isinstance(stored, Mapping):
        return DenseBlock
    return SparseBlock if "index" in stored else RaggedBlock


class OpenShard:
    """A shard open for reading: positioned reads at the places of its columns, never HDF5's lock.

    Parameters
    ----------
    path : Path
        The file.
    size : int
        Its bytes, without checksums.
    sealed : bool
        Whether it ends with checksums: its blocks are compared with them when they are first read.

    Raises
    ------
    OSError, KeyError, ValueError
        If the file is missing, damaged or of another size; also by the methods.
    """

    def __init__(self, path: Path, size: int, sealed: bool) -> None:
        self._columns: dict[str, _Place | dict[str, _Place]] = {}
        self._file = SealedFile(path, sealed)
        try:
            if self._file.size != size:
                raise ValueError(f"has {self._file.size} bytes, not {size}")
            with self._file.hdf5() as handle:
                handle.visititems(self._locate)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def is_sparse(self, name: str) -> bool:
        """Whether a column is stored as index and value of what is not zero."""
        places = self._columns[name]
        return not isinstance(places, _Place) and "index" in places

    def is_ragged(self, name: str) -> bool:
        """Whether a column is stored as the entries of each event."""
        places = self._columns[name]
        return not isinstance(places, _Place) and "index" not in places

    def read(self, name: str, start: int, out: Array) -> None:
        """Read the rows of a dense column from `start` on into `out`, (n, ...), contiguous, of any type."""
        place = self._columns[name]
        if not isinstance(place, _Place) or place.row_bytes * len(out) != place.dtype.itemsize * out.size:
            raise ValueError(f"{name} has another shape")
        if place.dtype == out.dtype:
            self._file.read(out, place.at(start))
        else:
            stored = np.empty(out.shape, place.dtype)
            self._file.read(stored, place.at(start))
            out[...] = stored

    def read_entries(self, name: str, start: int, stop: int) -> tuple[Array, Array, Array]:
        """Offsets (n + 1,), indices and values of the rows `start` to `stop` of a sparse column."""
        offsets, index, value = self._read_parts(name, ("index", "value"), start, stop)
        return offsets, index, value

    def read_ragged(self, name: str, start: int, stop: int) -> tuple[Array, Array]:
        """Offsets (n + 1,) and entries (entries, F) of the rows `start` to `stop` of a ragged column."""
        offsets, value = self._read_parts(name, ("value",), start, stop)
        return offsets, value

    def _read_parts(self, name: str, parts: Sequence[str], start: int, stop: int) -> list[Array]:
        """Offsets of some rows, and what belongs to them of each part."""
        places = self._columns[name]
        if isinstance(places, _Place) or not set(parts) <= places.keys():
            raise ValueError(f"{name} is stored in another way")
        offsets = np.empty(stop - start + 1, places["offsets"].dtype)
        self._file.read(offsets, places["offsets"].at(start))
        count = int(offsets[-1] - offsets[0])
        if not 0 <= count <= places[parts[0]].rows:
            raise ValueError(f"{name} has damaged offsets")
        found = [offsets]
        for part in parts:
            place = places[part]
            found.append(np.empty((count, *place.shape), place.dtype))
            self._file.read(found[-1], place.at(int(offsets[0])))
        return found

    def _locate(self, name: str, stored: h5py.Dataset | h5py.Group) -> None:
        if isinstance(stored, h5py.Dataset):
            self._columns[name] = _Place.of(stored)
        elif "offsets" in stored and isinstance(stored["offsets"], h5py.Dataset):
            self._columns[name] = {part: _Place.of(item) for part, item in stored.items()}


@dataclasses.dataclass(frozen=True)
class _Place:
    """Where a dataset lies in its file, in bytes; without values it has no place."""

    offset: int
    dtype: np.dtype[Any]
    rows: int
    shape: tuple[int, ...]
    row_bytes: int

    @classmethod
    def of(cls, stored: h5py.Dataset) -> "_Place":
        row_bytes = stored.dtype.itemsize * math.prod(stored.shape[1:])
        offset = stored.id.get_offset()
        if offset is None and stored.size:
            raise ValueError(f"{stored.name} is not contiguous")
        return cls(offset or 0, stored.dtype, stored.shape[0], stored.shape[1:], row_bytes)

    def at(self, row: int) -> int:
        """Where a row begins."""
        return self.offset + row * self.row_bytes
