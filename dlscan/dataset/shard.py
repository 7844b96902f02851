"""A shard: events in one HDF5 file, every dataset contiguous and uncompressed.

Contiguous, so that a reader maps them into memory and never takes HDF5's lock; sparse inputs are small enough
without compression, and decoding would cost more than it saves.
"""

import mmap
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from dlscan.dataset.events import Array, Dense, Events, Sparse

# Frameworks take memory without a copy only if it starts at a multiple of 64 bytes.
_ALIGNMENT = 64


def write_shard(path: Path, parts: Sequence[Events], names: Sequence[str], order: Array) -> None:
    """Write events to a new file.

    Parameters
    ----------
    path : Path
        The file; one that is there is replaced.
    parts : sequence of Events
        What to write: all rows of the first, then all of the second, and so on.
    names : sequence of str
        The columns to write. One at a time is put together, so that memory holds the parts and one column.
    order : ndarray of int, (n,)
        The rows, counted through all parts, in the order of the file.
    """
    with h5py.File(path, "w", alignment_threshold=_ALIGNMENT, alignment_interval=_ALIGNMENT) as handle:
        for name in names:
            blocks = [part.columns[name] for part in parts]
            type(blocks[0]).concatenate(blocks).take(order).write(handle, name)


def read_shard(handle: h5py.File, names: list[str], start: int, stop: int) -> Events:
    """Read the rows from `start` to `stop` of an open shard into memory."""
    columns: dict[str, Dense | Sparse] = {}
    for name in names:
        stored = handle[name]
        kind = Sparse if isinstance(stored, h5py.Group) else Dense
        columns[name] = kind.read(stored, start, stop)
    return Events(columns)


def map_shard(path: Path, names: list[str]) -> Events:
    """Open a shard without reading it: its columns are views of the file, read as they are touched.

    Raises
    ------
    OSError, KeyError, ValueError
        If the file is missing, damaged or shorter than it says.
    """
    with h5py.File(path) as handle, path.open("rb") as raw:
        memory = mmap.mmap(raw.fileno(), 0, prot=mmap.PROT_READ)

        def view(stored: h5py.Dataset) -> Array:
            offset = stored.id.get_offset()
            if offset is None:  # HDF5 gives no place to a dataset without values
                return np.empty(stored.shape, stored.dtype)
            return np.ndarray(stored.shape, stored.dtype, memory, offset)

        columns: dict[str, Dense | Sparse] = {}
        for name in names:
            stored = handle[name]
            if isinstance(stored, h5py.Group):
                columns[name] = Sparse(*(view(stored[part]) for part in ("offsets", "index", "value")))
            else:
                columns[name] = Dense(view(stored))
        return Events(columns)
