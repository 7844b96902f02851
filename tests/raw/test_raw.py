"""Finding and reading raw files."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from dlscan.config import Experiment
from dlscan.raw import block_rows, find_files, index_file, read_rows
from dlscan.raw import read as reading


def test_files_are_found_by_class_and_number(raw: Path, experiment: Experiment) -> None:
    (raw / "Ele/Ele_10.h5").touch()
    (raw / "Ele/.Ele_3.h5").touch()
    (raw / "Ele/notes.txt").touch()
    classes, files = find_files(experiment)
    assert classes == ("Ele", "Pi0", "ChPi")
    assert [file.name for file in files if file.label == 0] == [
        "Ele/Ele_0.h5",
        "Ele/Ele_1.h5",
        "Ele/Ele_10.h5",
    ]
    assert {file.label for file in files} == {0, 1, 2}


@pytest.mark.parametrize("chunks", [None, True, (16, 4), (7, 4), (100, 4)])
@pytest.mark.parametrize("block", [1, 300, 4000])
def test_blocks_give_every_row_once_and_in_order(
    tmp_path: Path, chunks: object, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", block)
    values = np.arange(400, dtype=np.float32).reshape(100, 4)
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as handle:
        handle.create_dataset("x", data=values, chunks=chunks)
        handle.create_dataset("y", data=values[:, 0], chunks=(33,))
    index = index_file(path, ["x", "y"])
    found = [
        (first, {name: values.copy() for name, values in block.items()})
        for first, block in read_rows(path, index, 3, 98)
    ]
    assert [first for first, _ in found] == list(np.cumsum([3] + [len(b["x"]) for _, b in found[:-1]]))
    np.testing.assert_array_equal(np.concatenate([b["x"] for _, b in found]), values[3:98])
    np.testing.assert_array_equal(np.concatenate([b["y"] for _, b in found]), values[3:98, 0])


def test_a_block_is_whole_chunks_of_about_the_wanted_size(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as handle:
        handle.create_dataset("ECAL", (10_000, 25, 25, 25), np.float32, chunks=(50, 25, 25, 25))
        handle.create_dataset("target", (10_000, 1, 5), np.float32)
        handle.create_dataset("time", (10_000,), np.float32, chunks=(10_000,))
        handle.create_dataset("tiles", (10_000, 25, 25, 25), np.float32, chunks=(600, 3, 3, 3))
        handle.create_dataset("endless", (10_000, 25, 25, 25), np.float32, chunks=(10_000, 1, 1, 1))
    index = index_file(path, ["ECAL", "target", "time", "tiles", "endless"])
    rows = block_rows([index["ECAL"], index["target"]])
    assert rows % 50 == 0
    assert 0.7 < rows * 62520 / reading.BLOCK_BYTES <= 1
    assert block_rows([index["ECAL"], index["target"], index["time"]]) == rows
    assert block_rows([index["tiles"], index["target"]]) == 600
    rows = block_rows([index["endless"]])
    assert 0.9 < rows * 62500 / reading.MOST_BLOCK_BYTES <= 1


@pytest.mark.parametrize("chunks", [(1000, 3), (1000, 2)])
def test_chunks_longer_than_a_block_are_read_in_parts(
    tmp_path: Path, chunks: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", 600)
    monkeypatch.setattr(reading, "MOST_BLOCK_BYTES", 1200)
    values = np.arange(9000, dtype=np.float32).reshape(3000, 3)
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        handle.create_dataset("x", data=values, chunks=chunks, compression=4)
    index = index_file(tmp_path / "a.h5", ["x"])
    blocks = [block["x"].copy() for _, block in read_rows(tmp_path / "a.h5", index, 10, 2990, {"x": ">f8"})]
    assert max(map(len, blocks)) == 100
    np.testing.assert_array_equal(np.concatenate(blocks), values[10:2990])


def test_a_class_directory_without_files_is_named(
    make_experiment: Callable[..., Experiment], raw: Path
) -> None:
    for path in (raw / "Pi0").iterdir():
        path.unlink()
    with pytest.raises(Exception, match=r"data\.classes\.Pi0: no HDF5 files"):
        find_files(make_experiment())
