"""The chunks of a dataset as they are stored, checked before anybody takes memory for them."""

import math

import h5py
import numpy as np
from numpy.typing import NDArray

from dlscan.raw.faults import RawError

# No filter makes a chunk longer than by a few bytes; HDF5 takes the memory that a longer one inflates to
_SLACK = 2**16

Numbers = NDArray[np.int64]


def stored_chunks(dataset: h5py.Dataset, name: str) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """All chunks that are written of a dataset; `name` is for errors.

    Returns
    -------
    corners : ndarray of int, (n, axes)
        The first value of each.
    masks, begins, lengths : ndarray of int, (n,)
        Which filters were left out, and where it lies in the file.

    Raises
    ------
    RawError
        If a chunk takes far more bytes than its values do, or ends beyond the file.
    """
    found: list[tuple[tuple[int, ...], int, int, int]] = []
    dataset.id.chunk_iter(found.append)
    if not found:
        nothing = np.zeros(0, np.int64)
        return np.zeros((0, dataset.ndim), np.int64), nothing, nothing, nothing
    corners, masks, begins, lengths = (np.array(part) for part in zip(*found, strict=True))
    full = math.prod(dataset.chunks) * dataset.dtype.itemsize
    if (longest := int(lengths.max())) > 2 * full + _SLACK:
        raise RawError(f"{name} has a chunk of {longest:,} bytes, but its values take only {full:,}")
    if (end := int((begins + lengths).max())) > (size := dataset.file.id.get_filesize()):
        raise RawError(f"{name} has a chunk that ends at byte {end:,}, but the file ends at {size:,}")
    return corners, masks, begins, lengths
