"""Read events of a raw file, in blocks that decode each HDF5 chunk once."""

import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dlscan.raw.direct import DirectFile
from dlscan.raw.index import DatasetIndex

# A block is what is dense in memory at once: large enough to hide Python, small enough for a cache.
BLOCK_BYTES = 8 * 2**20
# It is longer where a chunk holds parts of more events than that: each would be inflated for every block.
MOST_BLOCK_BYTES = 64 * 2**20


def read_rows(
    path: Path, index: Mapping[str, DatasetIndex], start: int, stop: int, types: Mapping[str, DTypeLike] = {}
) -> Iterator[tuple[int, dict[str, NDArray[np.generic]]]]:
    """Yield the rows from `start` to `stop` block by block.

    Parameters
    ----------
    path : Path
        The file.
    index : mapping of str to DatasetIndex
        The datasets to read, from `index_file`.
    start, stop : int
        Rows.
    types : mapping of str to dtype
        What to convert values to; by default they stay as they are, in the byte order of this machine.

    Yields
    ------
    first : int
        Row number of the block's first event.
    block : dict of str to ndarray, each (rows, ...)
        The events; the memory is used again for the next block.

    Raises
    ------
    RawFileError
        If the file is damaged or shorter than its index says.
    """
    step = block_rows(index.values())
    length = min(step, stop - start)
    buffers = {
        name: np.empty((length, *found.shape), types.get(name, np.dtype(found.dtype).newbyteorder("=")))
        for name, found in index.items()
    }
    with DirectFile(path, index, keep=True) as file:
        first = start
        while first < stop:
            # blocks end where chunks end, wherever the first one starts
            last = min(first - first % step + step, stop)
            rows = np.arange(first, last)
            block = {name: buffer[: last - first] for name, buffer in buffers.items()}
            file.read_several(block, rows)
            yield first, block
            first = last


def block_rows(index: Collection[DatasetIndex]) -> int:
    """Rows to read at once: whole chunks of every dataset, about `BLOCK_BYTES` dense."""
    event = max(1, sum(found.event_bytes for found in index))
    target = max(1, BLOCK_BYTES // event)
    largest = max(index, key=lambda found: found.event_bytes)
    if largest.chunks and largest.chunks[0] > target:
        length = largest.chunks[0]
        return -(-length // -(-length * event // MOST_BLOCK_BYTES))
    # other chunks that are longer than a block hold little: inflating them again costs less than a long block
    chunks = [found.chunks[0] for found in index if found.chunks and found.chunks[0] <= target]
    unit = math.lcm(*chunks)
    if unit > target:
        unit = max(chunks)
    return target // unit * unit
