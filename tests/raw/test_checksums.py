"""Checksums (Fletcher-32) of chunks of any size are those of HDF5."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from dlscan.raw.decode import decode


def test_checksums_of_long_chunks_fit_and_see_a_changed_byte(tmp_path: Path) -> None:
    # of words as large as they can be but for one bit, whose sums overflow 64 bits unless taken apart
    values = np.full(64 * 2**20 + 1, 0xFE, np.uint8)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        stored = file.create_dataset("x", data=values, chunks=values.shape, fletcher32=True)
        data = bytearray(stored.id.read_direct_chunk((0,))[1])
    assert bytes(decode("fletcher32", memoryview(data), len(values), 1)) == values.tobytes()
    data[5_000_001] ^= 1
    with pytest.raises(ValueError, match="its checksum does not fit"):
        decode("fletcher32", memoryview(data), len(values), 1)
