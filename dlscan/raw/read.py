"""Read events of a raw file, in blocks that decode each HDF5 chunk once."""

import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dlscan.raw.direct import DirectFile, RawFileError
from dlscan.raw.faults import RawError
from dlscan.raw.index import DatasetIndex, loads
from dlscan.raw.put_together import Entries, Vectors, read_input
from dlscan.raw.recipe import Recipe

# A block is what is dense in memory at once: large enough to hide Python, small enough for a cache.
BLOCK_BYTES = 8 * 2**20
# It is longer where a chunk holds parts of more events than that: each would be inflated for every block.
MOST_BLOCK_BYTES = 64 * 2**20


def read_rows(
    path: Path, index: Mapping[str, DatasetIndex], start: int, stop: int, types: Mapping[str, DTypeLike] = {}
) -> Iterator[tuple[int, dict[str, NDArray[np.generic]]]]:
    """Yield the rows from `start` to `stop` block by block.

    Parameters and what is yielded are as for `read_events`, without inputs that are put together.
    """
    for first, _, block, _ in read_events(path, index, start, stop, dict.fromkeys(index) | dict(types), {}):
        yield first, block


def read_events(
    path: Path,
    index: Mapping[str, DatasetIndex],
    start: int,
    stop: int,
    types: Mapping[str, DTypeLike | None],
    recipes: Mapping[str, Recipe],
) -> Iterator[tuple[int, int, dict[str, NDArray[np.generic]], dict[str, Vectors | Entries]]]:
    """Yield the rows from `start` to `stop` block by block.

    Parameters
    ----------
    path : Path
        The file.
    index : mapping of str to DatasetIndex
        All datasets that are needed, from `index_file`.
    start, stop : int
        Rows.
    types : mapping of str to dtype or None
        The datasets to read as they are, and what to convert their values to; with None they keep their type,
        in the byte order of this machine.
    recipes : mapping of str to Recipe
        Inputs to put together.

    Yields
    ------
    first : int
        Row number of the block's first event.
    rows : int
        How many events it has.
    block : dict of str to ndarray, each (rows, ...)
        The events; the memory is used again for the next block.
    inputs : dict of str to Vectors or Entries
        Those that were put together.

    Raises
    ------
    RawFileError
        If the file is damaged or shorter than its index says.
    """
    step = block_rows(index.values())
    length = min(step, stop - start)
    buffers = {
        name: np.empty((length, *index[name].shape), dtype or np.dtype(index[name].dtype).newbyteorder("="))
        for name, dtype in types.items()
    }
    with DirectFile(path, index, keep=True) as file:
        first = start
        while first < stop:
            # blocks end where chunks end, wherever the first one starts
            last = min(first - first % step + step, stop)
            rows = np.arange(first, last)
            block = {name: buffer[: last - first] for name, buffer in buffers.items()}
            file.read_several(block.items(), rows)
            try:
                inputs = {name: read_input(file, recipe, rows) for name, recipe in recipes.items()}
            except RawError as error:
                raise RawFileError(path, str(error)) from error
            yield first, last - first, block, inputs
            first = last


def block_rows(index: Collection[DatasetIndex]) -> int:
    """Rows to read at once: whole chunks of every dataset, about `BLOCK_BYTES` dense."""
    read = loads(index)
    event = max(1, sum(size for size, _ in read))
    target = max(1, BLOCK_BYTES // event)
    length = max(read, key=lambda load: load[0])[1]
    if length and length > target:
        return -(-length // -(-length * event // MOST_BLOCK_BYTES))
    # other chunks that are longer than a block hold little: inflating them again costs less than a long block
    chunks = [chunk for _, chunk in read if chunk and chunk <= target]
    unit = math.lcm(*chunks)
    if unit > target:
        unit = max(chunks)
    return target // unit * unit
