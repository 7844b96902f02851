"""Encodings keep every bit."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from dlscan.dataset.events import Dense, Events, Sparse, entries_of
from dlscan.dataset.shard import map_shard, read_shard, write_shard


def dense_of(block: Sparse, shape: tuple[int, ...]) -> np.ndarray:
    out = np.zeros((len(block), int(np.prod(shape))), block.value.dtype)
    for row in range(len(block)):
        own = slice(block.offsets[row], block.offsets[row + 1])
        out[row, block.index[own]] = block.value[own]
    return out.reshape(-1, *shape)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.uint8, np.int16])
@pytest.mark.parametrize("shape", [(3, 4), (70_000,)])
def test_sparse_keeps_every_value(dtype: type, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3)
    values = (rng.integers(0, 100, (20, *shape)) * (rng.random((20, *shape)) < 0.05)).astype(dtype)
    values[3] = 0
    block = Sparse.encode(values)
    assert block.index.dtype == (np.uint16 if np.prod(shape) <= 2**16 else np.uint32)
    np.testing.assert_array_equal(dense_of(block, shape), values)
    np.testing.assert_array_equal(dense_of(block.take(np.array([5, 3, 5])), shape), values[[5, 3, 5]])
    np.testing.assert_array_equal(dense_of(Sparse.concatenate([block, block]), shape)[20:], values)


def test_sparse_keeps_negative_zeros_and_nans_bit_by_bit() -> None:
    values = np.array([[0.0, -0.0, np.nan, 1e-45]], np.float32)
    again = dense_of(Sparse.encode(values), (4,))
    np.testing.assert_array_equal(again.view(np.uint32), values.view(np.uint32))


def test_entries_of_any_order() -> None:
    entries, offsets = entries_of(np.array([0, 2, 2, 5]), np.array([2, 1, 0]))
    assert entries.tolist() == [2, 3, 4, 0, 1]
    assert offsets.tolist() == [0, 3, 3, 5]


def test_a_shard_gives_back_what_was_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    image = (rng.random((30, 5, 5)) * (rng.random((30, 5, 5)) < 0.1)).astype(np.float32)
    events = Events(
        {
            "labels": Dense(np.arange(30, dtype=np.int16)),
            "inputs/deep/ECAL": Sparse.encode(image),
            "inputs/empty": Sparse.encode(np.zeros((30, 2), np.float32)),
        }
    )
    path = tmp_path / "shard.h5"
    names = list(events.columns)
    halves = [
        Events({name: events.columns[name].take(rows) for name in names})
        for rows in np.split(np.arange(30), 2)
    ]
    write_shard(path, halves, names, np.arange(30))
    mapped = map_shard(path, names)
    with h5py.File(path) as handle:
        part = read_shard(handle, names, 10, 20)
    for found, rows in ((mapped, slice(None)), (part, slice(10, 20))):
        np.testing.assert_array_equal(found.array("labels"), np.arange(30)[rows])
        np.testing.assert_array_equal(dense_of(found.columns["inputs/deep/ECAL"], (5, 5)), image[rows])
        assert not found.columns["inputs/empty"].value.size


def test_a_shard_is_written_in_the_order_asked_for(tmp_path: Path) -> None:
    parts = [Events({"x": Dense(np.arange(3))}), Events({"x": Dense(np.arange(3, 5))})]
    write_shard(tmp_path / "a.h5", parts, ["x"], np.array([4, 0, 2]))
    assert map_shard(tmp_path / "a.h5", ["x"]).array("x").tolist() == [4, 0, 2]


def test_mapped_arrays_start_where_frameworks_take_them_in_place(tmp_path: Path) -> None:
    events = Events({"odd": Dense(np.ones(100, np.int8)), "x": Dense(np.ones((100, 7), np.float32))})
    write_shard(tmp_path / "a.h5", [events], ["odd", "x"], np.arange(99))
    mapped = map_shard(tmp_path / "a.h5", ["x"])
    assert mapped.array("x").ctypes.data % 64 == 0
