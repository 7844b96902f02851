"""Read events of a raw file, in blocks that decode each HDF5 chunk once."""

import math
from collections.abc import Iterator, Sequence

import h5py
import numpy as np
from numpy.typing import NDArray

from dlscan.raw.find import RawFile

# A block is what is dense in memory at once: large enough to hide Python, small beside any machine's memory.
BLOCK_BYTES = 16 * 2**20
_MOST_CACHE = 256 * 2**20


def read_rows(
    file: RawFile, datasets: Sequence[str], start: int, stop: int
) -> Iterator[tuple[int, dict[str, NDArray[np.generic]]]]:
    """Yield the rows from `start` to `stop` block by block.

    Yields
    ------
    first : int
        Row number of the block's first event.
    block : dict of str to ndarray, each (rows, ...)
        As the file has them.

    Raises
    ------
    OSError
        If a chunk is damaged.
    """
    with h5py.File(file.path) as handle:
        chunk = max(_chunk_bytes(handle[name]) for name in datasets)
    # HDF5 inflates a chunk anew for each block that needs it, unless its cache holds the chunk
    with h5py.File(file.path, rdcc_nbytes=min(chunk, _MOST_CACHE)) as handle:
        found = [handle[name] for name in datasets]
        step = block_rows(found)
        for first in range(start, stop, step):
            last = min(first + step, stop)
            yield first, {name: dataset[first:last] for name, dataset in zip(datasets, found, strict=True)}


def block_rows(datasets: Sequence[h5py.Dataset]) -> int:
    """Rows to read at once: whole chunks of every dataset, about `BLOCK_BYTES` dense."""
    event: int = sum(dataset.dtype.itemsize * math.prod(dataset.shape[1:]) for dataset in datasets)
    target = max(1, BLOCK_BYTES // max(event, 1))
    # a chunk longer than a block would make the block as long: the cache keeps it instead
    chunks: list[int] = [
        dataset.chunks[0] for dataset in datasets if dataset.chunks and dataset.chunks[0] <= target
    ]
    unit: int = math.lcm(*chunks)
    if unit > target:
        unit = max(chunks)
    return max(unit, int(target // unit) * unit)


def _chunk_bytes(dataset: h5py.Dataset) -> int:
    return math.prod(dataset.chunks or (0,)) * int(dataset.dtype.itemsize)
