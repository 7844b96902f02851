"""Damaged files and files made to do harm: a reason in one line, in no more memory than honest files take."""

import os
import random
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from dlscan.raw import (
    DirectFile,
    RawError,
    RawFile,
    RawFileError,
    Straight,
    check_files,
    index_file,
    linked_files,
)

VALUES = np.arange(180, dtype=np.float32).reshape(60, 3)
LITTLE = 64 * 2**20


def reason(path: Path) -> str:
    """Why a file is bad, in one line; "" if it is not."""
    file = RawFile(path, path.name, 0, (path.parent,))
    found = check_files([file], ["x"])[1].get(file, "")
    assert "\n" not in found
    return found


def read(path: Path) -> np.ndarray:
    index = index_file(path, ["x"])
    cells = np.empty((index["x"].rows, *index["x"].shape), np.float32)
    with DirectFile(path, index) as file:
        file.read("x", np.arange(len(cells)), Straight(cells))
    return cells


def peak(work: Callable[[], object]) -> int:
    """Bytes that Python and numpy allocated at most."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("options", [{}, {"chunks": (1, 5)}, {"chunks": (1000, 5), "compression": "gzip"}])
def test_a_small_file_that_declares_huge_data_is_bad(tmp_path: Path, options: dict[str, object]) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as handle:
        dataset = handle.create_dataset("x", (10**12, 5), np.float32, **options)
        if options:
            dataset[:3] = 1
    assert path.stat().st_size < 100_000
    assert peak(lambda: reason(path)) < LITTLE
    assert reason(path).startswith("declares 1,000,000,000,000 events of 20,000,000,000,000 bytes")


def test_few_chunks_of_many_are_not_listed_one_by_one(tmp_path: Path) -> None:
    """What was never written is the fill value, as HDF5 gives it."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as handle:
        handle.create_dataset("x", (2**26, 1), np.uint8, chunks=(1, 1), fillvalue=7)[5] = 1
    assert reason(path) == ""
    assert peak(lambda: index_file(path, ["x"])) < LITTLE
    index = index_file(path, ["x"])
    assert index["x"].why == "is mostly chunks that were never written"
    cells = np.empty((4, 1), np.uint8)
    with DirectFile(path, index) as file:
        file.read("x", np.array([4, 5, 6, 2**26 - 1]), Straight(cells))
    assert cells[:, 0].tolist() == [7, 1, 7, 7]


def test_a_chunk_far_longer_than_all_of_its_dataset_is_bad(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        handle.create_dataset("x", (60,), np.float32, chunks=(10**9,), maxshape=(None,), compression="gzip")
    assert reason(tmp_path / "a.h5") == (
        "x is stored in chunks of 4,000,000,000 bytes, larger than the whole dataset"
    )


def test_an_event_of_many_gigabytes_is_bad(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        handle.create_dataset("x", (2, 10**10), np.float32, chunks=(1, 1000))
    assert "x takes 40,000,000,000 bytes per event" in reason(tmp_path / "a.h5")


@pytest.mark.parametrize("filters", [{"compression": "gzip"}, {"compression": "gzip", "shuffle": True}])
def test_a_chunk_that_inflates_to_far_more_than_it_may_is_refused_early(
    tmp_path: Path, filters: dict[str, object]
) -> None:
    """32 MB in 150 kB, where a chunk has 720 bytes; HDF5 would inflate it, and may take its first bytes."""
    path = tmp_path / "a.h5"
    bomb = zlib.compress(bytes(2**25), 1)
    with h5py.File(path, "w") as handle:
        dataset = handle.create_dataset("x", data=VALUES, chunks=(60, 3), **filters)
        dataset.id.write_direct_chunk((0, 0), bomb)

    with pytest.raises(RawError, match=r"x has a chunk of [\d,]+ bytes, but its values take only 720"):
        read(path)


def test_a_chunk_that_lies_beyond_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as handle:
        dataset = handle.create_dataset("x", data=VALUES, chunks=(60, 3), compression="gzip")
        place = dataset.id.get_chunk_info(0).byte_offset
    data = path.read_bytes()
    address = place.to_bytes(8, "little")
    assert data.count(address) == 1
    path.write_bytes(data.replace(address, (2**40).to_bytes(8, "little")))
    with pytest.raises(RawError, match="x has a chunk that ends at byte"):
        read(path)


@pytest.mark.parametrize("kind", ["pipe", "device", "link to a pipe"])
def test_only_regular_files_are_opened(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.h5"
    if kind == "device":
        path.symlink_to("/dev/zero")
    else:
        os.mkfifo(path if kind == "pipe" else tmp_path / "pipe")
        if kind != "pipe":
            path.symlink_to("pipe")
    assert reason(path) == "a pipe, a socket or a device, not a regular file"


def test_a_pipe_in_the_place_of_an_indexed_file_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as handle:
        handle["x"] = VALUES
    index, stat = index_file(path, ["x"]), (path.stat().st_size, path.stat().st_mtime_ns)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(RawFileError, match="changed since it was indexed"):
        DirectFile(path, index, stat)


def write_kind(path: Path, kind: str) -> None:
    with h5py.File(path, "w", libver="latest" if "new" in kind else None) as handle:
        if "gzip" in kind:
            handle.create_dataset("x", data=VALUES, chunks=(16, 2), maxshape=(None, 3), compression="gzip")
        elif "virtual" in kind:
            handle["part"] = VALUES
            layout = h5py.VirtualLayout(VALUES.shape, np.float32)
            layout[...] = h5py.VirtualSource(".", "part", VALUES.shape)
            handle.create_virtual_dataset("x", layout)
        elif "link" in kind:
            handle["part"] = VALUES
            handle["soft"] = h5py.SoftLink("/part")
            handle["x"] = h5py.ExternalLink(path.name, "/soft")
        else:
            handle.create_dataset("x", data=VALUES, shuffle=True, chunks=(16, 3))


@pytest.mark.parametrize("kind", ["gzip", "gzip new", "shuffle", "virtual", "virtual new", "link"])
def test_whatever_bits_are_wrong_the_reason_is_one_line(tmp_path: Path, kind: str) -> None:
    draw = random.Random(7)
    path = tmp_path / "a.h5"
    write_kind(path, kind)
    whole, bad = path.read_bytes(), 0
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(draw.choice([1, 1, 3])):
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        path.write_bytes(data)
        found = reason(path)
        linked_files(RawFile(path, path.name, 0), ["x"])
        if not found:
            try:
                read(path)
            except (RawError, RawFileError) as error:
                found = str(error)
        assert "\n" not in found
        bad += found != ""
    assert bad > 3


def test_a_damaged_object_header_is_hdf5s_reason(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as handle:
        handle["x"] = VALUES
        place = h5py.h5o.get_info(handle["x"].id).addr
    data = bytearray(path.read_bytes())
    data[place] ^= 0x10  # the version of the header
    path.write_bytes(data)
    assert reason(path).startswith("x cannot be opened: Unable to")
    assert "bad version number" in reason(path) or "bad object header" in reason(path)


def odd(kind: str, space: h5py.h5s.SpaceID, handle: h5py.File) -> None:
    types = {
        "times": h5py.h5t.UNIX_D32LE,
        "references": h5py.h5t.STD_REF_OBJ,
        "opaque bytes": h5py.h5t.create(h5py.h5t.OPAQUE, 4),
        "text": h5py.h5t.C_S1,
        "lists of different lengths": h5py.h5t.vlen_create(h5py.h5t.IEEE_F32LE),
        "records of several fields": h5py.h5t.py_create(np.dtype("i4,f4")),
    }
    h5py.h5d.create(handle.id, b"x", types[kind], space)


@pytest.mark.parametrize(
    "kind",
    [
        "times",
        "references",
        "opaque bytes",
        "text",
        "lists of different lengths",
        "records of several fields",
    ],
)
def test_types_that_are_no_numbers_are_named(tmp_path: Path, kind: str) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        odd(kind, h5py.h5s.create_simple((60,)), handle)
    assert reason(tmp_path / "a.h5") == f"x holds {kind}, not numbers"


def test_a_dataset_without_a_fill_value_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as handle:
        handle.create_dataset("x", data=VALUES, chunks=(16, 3))
    data = path.read_bytes()
    assert data.count(b"\x02\x03\x02\x01") == 1  # version, when to allocate, when to write, defined
    path.write_bytes(data.replace(b"\x02\x03\x02\x01", b"\x02\x03\x02\x00"))
    with h5py.File(path) as handle:
        created = handle["x"].id.get_create_plist()
        assert created.fill_value_defined() == h5py.h5d.FILL_VALUE_UNDEFINED
    assert reason(path) == ""
    np.testing.assert_array_equal(read(path), VALUES)
