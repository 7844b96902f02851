"""Encodings keep every bit."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from dlscan.dataset import events as events_module
from dlscan.dataset.events import DenseBlock, Events, SparseBlock, entries_of
from dlscan.dataset.shard import OpenShard, read_shard, write_shard


def dense_of(block: SparseBlock, shape: tuple[int, ...]) -> np.ndarray:
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
    block = SparseBlock.encode(values)
    assert block.index.dtype == (np.uint16 if np.prod(shape) <= 2**16 else np.uint32)
    np.testing.assert_array_equal(dense_of(block, shape), values)
    np.testing.assert_array_equal(dense_of(block.take(np.array([5, 3, 5])), shape), values[[5, 3, 5]])
    np.testing.assert_array_equal(dense_of(SparseBlock.concatenate([block, block]), shape)[20:], values)


@pytest.mark.parametrize("entries", [1, 7, 100, 10**6])
def test_sparse_events_are_taken_in_pieces_of_any_size(entries: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "_ENTRIES", entries)
    rng = np.random.default_rng(3)
    values = (rng.random((50, 40)) * (rng.random((50, 40)) < 0.3)).astype(np.float32)
    values[20] = 0
    block = SparseBlock.encode(values)
    for rows in (rng.permutation(50), rng.integers(0, 50, 120), np.arange(0)):
        found, expected = block.take(rows), SparseBlock.encode(values[rows])
        np.testing.assert_array_equal(found.offsets, expected.offsets)
        np.testing.assert_array_equal(found.index, expected.index)
        np.testing.assert_array_equal(found.value, expected.value)


def test_sparse_keeps_negative_zeros_and_nans_bit_by_bit() -> None:
    values = np.array([[0.0, -0.0, np.nan, 1e-45]], np.float32)
    again = dense_of(SparseBlock.encode(values), (4,))
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
            "labels": DenseBlock(np.arange(30, dtype=np.int16)),
            "inputs/deep/ECAL": SparseBlock.encode(image),
            "inputs/empty": SparseBlock.encode(np.zeros((30, 2), np.float32)),
        }
    )
    path = tmp_path / "shard.h5"
    names = list(events.columns)
    halves = [
        Events({name: events.columns[name].take(rows) for name in names})
        for rows in np.split(np.arange(30), 2)
    ]
    write_shard(path, halves, names, np.arange(30))
    with h5py.File(path) as handle:
        part = read_shard(handle, names, 10, 20)
    np.testing.assert_array_equal(part.array("labels"), np.arange(10, 20))
    np.testing.assert_array_equal(dense_of(part.columns["inputs/deep/ECAL"], (5, 5)), image[10:20])
    assert not part.columns["inputs/empty"].value.size


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    image = np.zeros((5, 4), np.float32)
    image[[0, 3, 3], [1, 0, 2]] = 1, 2, 3
    events = Events(
        {"labels": DenseBlock(np.arange(5, dtype=np.int16)), "inputs/x": SparseBlock.encode(image)}
    )
    write_shard(tmp_path / "a.h5", [events], list(events.columns), np.arange(5))
    return tmp_path / "a.h5"


@pytest.mark.parametrize("dtype", [np.int16, np.int32])
def test_an_open_shard_reads_rows_where_they_are_wanted(shard: Path, dtype: type) -> None:
    opened = OpenShard(shard, shard.stat().st_size, sealed=False)
    out = np.zeros(4, dtype)
    opened.read("labels", 2, out[1:])
    assert out.tolist() == [0, 2, 3, 4]
    assert opened.is_sparse("inputs/x")
    assert not opened.is_sparse("labels")
    offsets, index, value = opened.read_entries("inputs/x", 2, 5)
    assert np.diff(offsets).tolist() == [0, 2, 0]
    assert (index.tolist(), value.tolist()) == ([0, 2], [2, 3])


def test_a_shard_of_another_size_is_refused(shard: Path) -> None:
    size = shard.stat().st_size
    with pytest.raises(ValueError, match=f"has {size} bytes, not 7"):
        OpenShard(shard, 7, sealed=False)


def test_damaged_offsets_are_noticed(shard: Path) -> None:
    with h5py.File(shard, "a") as handle:
        handle["inputs/x/offsets"][5] = 10**12
    with pytest.raises(ValueError, match="damaged offsets"):
        OpenShard(shard, shard.stat().st_size, sealed=False).read_entries("inputs/x", 2, 5)


def test_a_shard_is_written_in_the_order_asked_for(tmp_path: Path) -> None:
    parts = [Events({"x": DenseBlock(np.arange(3))}), Events({"x": DenseBlock(np.arange(3, 5))})]
    write_shard(tmp_path / "a.h5", parts, ["x"], np.array([4, 0, 2]))
    with h5py.File(tmp_path / "a.h5") as handle:
        assert handle["x"][:].tolist() == [4, 0, 2]
