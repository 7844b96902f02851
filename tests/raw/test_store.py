"""An index of many files gives back what was written, one file at a time."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest

from dlscan.raw import DatasetIndex, index_file
from dlscan.raw.store import RawIndex
from dlscan.raw.writer import FileIndex, IndexWriter, refresh_stats, unit_rows
from dlscan.sealed import content_size


def dataset(
    shape: tuple[int, ...] = (25, 25, 25), chunks: tuple[int, ...] | None = None, rows: int = 1000
) -> DatasetIndex:
    count = 1 if chunks is None else 7
    offsets = np.arange(count) * 10**12 - 1
    codec = "contiguous" if chunks is None else "gzip"
    sizes = np.full(count, rows * 4 * int(np.prod(shape)) if chunks is None else 99)
    return DatasetIndex("<f4", shape, rows, chunks, codec, "", offsets, sizes, b"\0\0\0\1")


def write(path: Path, raw: Path, files: list[FileIndex]) -> None:
    chunks = sum(len(found.offsets) for file in files for found in file.datasets.values())
    with IndexWriter(path, raw, ["x", "y"], sum(map(events, files)), chunks) as writer:
        for file in files:
            writer.add(file)
            half = events(file) // 2
            writer.add_codes(np.full(half, file.number % 3))
            writer.add_codes(np.full(events(file) - half, 2))


def events(file: FileIndex) -> int:
    return file.datasets["x"].rows


def many(count: int) -> list[FileIndex]:
    kinds = [None, (8, 25, 25, 25), (125, 4, 4, 7)]
    return [
        FileIndex(
            f"Ele/ä {n}.h5",
            n % 4,
            2 * n,
            (n, 10**18 + n),
            {"x": dataset(chunks=kinds[n % 3], rows=1 + n % 5), "y": dataset((2,), (5, 2), 1 + n % 5)},
        )
        for n in range(count)
    ]


def assert_same(found: DatasetIndex, expected: DatasetIndex) -> None:
    for name in ("dtype", "shape", "rows", "chunks", "codec", "why", "fill"):
        assert getattr(found, name) == getattr(expected, name), name
    np.testing.assert_array_equal(found.offsets, expected.offsets)
    np.testing.assert_array_equal(found.sizes, expected.sizes)
    assert found.sizes.dtype == found.offsets.dtype == np.int64


def test_what_is_written_is_read(tmp_path: Path) -> None:
    files = many(200)
    write(tmp_path / "index.h5", tmp_path / "räw", files)
    with RawIndex.open(tmp_path / "index.h5") as index:
        assert len(index) == 200
        assert index.raw == tmp_path / "räw"
        assert index.starts.tolist() == np.cumsum([0, *map(events, files)]).tolist()
        for number in (0, 1, 2, 77, 199):
            path, datasets, stat = index.file(number)
            assert (path, stat) == (tmp_path / "räw" / files[number].name, files[number].stat)
            assert index.labels[number] == files[number].label
            assert index.numbers[number] == files[number].number
            assert index.unit_rows_all[number] == unit_rows(files[number].datasets)
            assert datasets.keys() == {"x", "y"}
            for name, expected in files[number].datasets.items():
                assert_same(datasets[name], expected)
            codes = index.codes[index.starts[number] : index.starts[number + 1]]
            half = events(files[number]) // 2
            assert codes.tolist() == [files[number].number % 3] * half + [2] * (events(files[number]) - half)
        codes = index.codes
    assert codes.sum() > 0  # arrays outlive the index


def test_a_real_file_is_found_again(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        handle.create_dataset("x", data=np.ones((50, 6, 7), np.float32), chunks=(8, 4, 4), compression=4)
        handle.create_dataset("y", data=np.ones((50, 2), ">f8"))
    found = index_file(tmp_path / "a.h5", ["x", "y"])
    write(tmp_path / "index.h5", tmp_path, [FileIndex("a.h5", 0, 0, (1, 2), found)])
    with RawIndex.open(tmp_path / "index.h5") as index:
        path, datasets, _ = index.file(0)
    assert path == tmp_path / "a.h5"
    for name, expected in found.items():
        assert_same(datasets[name], expected)


def test_touched_files_get_their_new_times(tmp_path: Path) -> None:
    write(tmp_path / "index.h5", tmp_path, many(3))
    refresh_stats(tmp_path / "index.h5", [(5, 6), (7, 8), (9, 10)], {}, sealed=True)
    with RawIndex.open(tmp_path / "index.h5") as index:
        assert [index.file(number)[2] for number in range(3)] == [(5, 6), (7, 8), (9, 10)]


@pytest.mark.parametrize(
    ("datasets", "rows"),
    [
        ({"x": dataset((25, 25, 25), (32, 25, 25, 25)), "y": dataset((5, 5, 60), (32, 5, 5, 60))}, 32),
        ({"x": dataset((25, 25, 25), (125, 4, 4, 7)), "y": dataset((5,), (500, 5))}, 125),
        ({"x": dataset((25, 25, 25), (8, 4, 4, 7))}, 32),
        ({"x": dataset((25, 25, 25))}, 33),
        ({"x": dataset((10,))}, 4096),
        ({"x": dataset((10,), (1000, 10))}, 4000),
        ({"x": dataset((10,), (10_000, 10))}, 3334),
        ({"x": dataset((512, 512, 4))}, 1),
        ({"x": dataset(())}, 4096),
    ],
)
def test_rows_that_are_decoded_together(datasets: dict[str, DatasetIndex], rows: int) -> None:
    assert unit_rows(datasets) == rows


def test_a_cut_index_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "index.h5", tmp_path, many(200))
    path = tmp_path / "index.h5"
    path.write_bytes(path.read_bytes()[:-100])
    for sealed in (True, False):
        with pytest.raises(ValueError, match="damaged"):
            RawIndex.open(path, sealed)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("starts", 2**40, "its numbers do not fit each other"),
        ("starts", -1, "its numbers do not fit each other"),
        ("unit_rows", 0, "its numbers do not fit each other"),
        ("name_starts", 2**40, "it has no names from"),
        ("name_starts", -1, "it has no names from"),
        ("chunk_starts", 2**40, "it has no offsets from"),
        ("kind", 99, r"it has no kinds of datasets \[99, 99\]"),
    ],
)
def test_numbers_of_an_index_without_checksums_that_do_not_fit_are_an_error(
    tmp_path: Path, name: str, value: int, said: str
) -> None:
    path = tmp_path / "index.h5"
    write(path, tmp_path, many(3))
    os.truncate(path, content_size(path))
    with h5py.File(path, "a") as handle:
        handle[name][2] = value

    def read_all() -> None:
        with RawIndex.open(path, sealed=False) as index:
            for number in range(len(index)):
                index.file(number)

    with pytest.raises(ValueError, match=f"damaged: {said}"):
        read_all()
