"""Lists of different lengths, HDF5's variable-length types."""

from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray


def read_lists(dataset: h5py.Dataset, begin: int, end: int) -> list[NDArray[Any]]:
    """The lists of the rows `begin` to `end`.

    h5py cannot read an empty one of a compound type, nor any that it is read together with.
    """
    try:
        return list(dataset[begin:end])
    except ValueError as error:
        if "NULL pointer" not in str(error):
            raise
    if end - begin == 1:
        return [np.empty(0, h5py.check_vlen_dtype(dataset.dtype))]
    middle = (begin + end) // 2
    return read_lists(dataset, begin, middle) + read_lists(dataset, middle, end)
