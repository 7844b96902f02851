"""Reading past HDF5 gives the bits that h5py gives, or goes through h5py and says why."""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dlscan.raw import Cells, DirectFile, RawFileError, Straight, index_file, whole
from dlscan.raw import blobs as blobs_module
from dlscan.raw import cells as cells_module
from dlscan.raw import decode as decode_module
from dlscan.raw import slow as slow_module
from dlscan.raw import tiles as tiles_module

RNG = np.random.default_rng(5)


def image(events: int = 103, shape: tuple[int, ...] = (6, 5, 9), filled: float = 0.05) -> np.ndarray:
    """Mostly empty events, with every kind of float that is easily lost."""
    values = (RNG.normal(size=(events, *shape)) * (RNG.random((events, *shape)) < filled)).astype(np.float32)
    odd = np.array([0x80000000, 0x7FC00001, 0xFF800000, 1, 0x807FFFFF], np.uint32).view(np.float32)
    for number, value in enumerate(odd):
        values.reshape(-1)[(number + 1) * values.size // 7] = value
    return values


def dense(events: int = 103, shape: tuple[int, ...] = (6, 5, 9)) -> np.ndarray:
    return image(events, shape, filled=0.9)


def noise() -> np.ndarray:
    """What lzf cannot make shorter, in most chunks."""
    values = RNG.integers(0, 2**32, (103, 50)).astype(np.uint32)
    values[40:70] = 0
    return values


LAYOUTS: dict[str, tuple[str, Callable[[], np.ndarray], dict[str, Any]]] = {
    "contiguous": ("contiguous", image, {}),
    "contiguous numbers": ("contiguous", lambda: image(103, ()), {}),
    "contiguous long": ("contiguous", lambda: image(31, (60, 80)), {}),
    "plain whole events": ("plain", image, {"chunks": (16, 6, 5, 9)}),
    "plain long whole events": ("plain", lambda: image(31, (60, 80)), {"chunks": (7, 60, 80)}),
    "plain tiles": ("plain", image, {"chunks": (16, 4, 2, 7)}),
    "gzip whole events": ("gzip", image, {"chunks": (32, 6, 5, 9), "compression": "gzip"}),
    "gzip long whole events": (
        "gzip",
        lambda: image(31, (60, 80)),
        {"chunks": (7, 60, 80), "compression": 1},
    ),
    "gzip one event a chunk": ("gzip", image, {"chunks": (1, 6, 5, 9), "compression": "gzip"}),
    "gzip longer than the file": (
        "gzip",
        image,
        {"chunks": (200, 6, 5, 9), "maxshape": (None, 6, 5, 9), "compression": "gzip"},
    ),
    "gzip boxes wider than events": (
        "gzip",
        image,
        {"chunks": (16, 8, 5, 9), "maxshape": (None, None, 5, 9), "compression": "gzip"},
    ),
    "gzip numbers": ("gzip", lambda: image(103, ()), {"chunks": (10,), "compression": "gzip"}),
    "gzip targets": ("gzip", lambda: dense(103, (1, 5)), {"chunks": (32, 1, 5), "compression": "gzip"}),
    "gzip ragged tiles": ("gzip", image, {"chunks": (16, 4, 2, 7), "compression": "gzip"}),
    "gzip full tiles": ("gzip", dense, {"chunks": (16, 4, 2, 7), "compression": "gzip"}),
    "gzip tiles of one event": ("gzip", image, {"chunks": (1, 4, 2, 7), "compression": "gzip"}),
    "gzip tiles of all events": ("gzip", image, {"chunks": (103, 1, 1, 2), "compression": "gzip"}),
    "gzip automatic": (
        "gzip",
        lambda: image(300, (11, 12, 13)),
        {"chunks": True, "compression": "gzip"},
    ),
    "gzip 5-D": ("gzip", lambda: image(40, (3, 4, 5, 6)), {"chunks": (9, 2, 3, 4, 5), "compression": "gzip"}),
    "empty": ("gzip", lambda: np.zeros((40, 6, 5), np.float32), {"chunks": (9, 4, 5), "compression": "gzip"}),
    "shuffle": ("shuffle+gzip", image, {"chunks": (16, 6, 5, 9), "compression": "gzip", "shuffle": True}),
    "shuffle tiles": (
        "shuffle+gzip",
        image,
        {"chunks": (16, 4, 2, 7), "compression": "gzip", "shuffle": True},
    ),
    "shuffle alone": ("h5py", image, {"chunks": (16, 4, 2, 7), "shuffle": True}),
    "shuffle lzf tiles": (
        "shuffle+lzf",
        image,
        {"chunks": (16, 4, 2, 7), "compression": "lzf", "shuffle": True},
    ),
    "lzf of noise": ("lzf", noise, {"chunks": (16, 50), "compression": "lzf"}),
    "all filters": (
        "shuffle+gzip+fletcher32",
        image,
        {"chunks": (16, 6, 5, 9), "compression": 1, "shuffle": True, "fletcher32": True},
    ),
    "lzf of noise with checksums": (
        "shuffle+lzf+fletcher32",
        noise,
        {"chunks": (16, 25), "compression": "lzf", "shuffle": True, "fletcher32": True},
    ),
    "lzf": ("lzf", image, {"chunks": (16, 6, 5, 9), "compression": "lzf"}),
    "fletcher32": ("fletcher32", image, {"chunks": (16, 6, 5, 9), "fletcher32": True}),
    "gzip fletcher32": (
        "gzip+fletcher32",
        image,
        {"chunks": (16, 4, 5, 9), "compression": 4, "fletcher32": True},
    ),
}
SELECTIONS = {
    "all": np.arange,
    "most": lambda n: np.flatnonzero(RNG.random(n) < 0.8),
    "few": lambda n: np.flatnonzero(RNG.random(n) < 0.1),
    "a run": lambda n: np.arange(n // 3, n // 2),
    "the last": lambda n: np.array([n - 1]),
    "none": lambda n: np.zeros(0, np.int64),
}


def check(path: Path, name: str, dtype: Any = None, selections: Any = SELECTIONS) -> str:
    """Read rows to strided batches, and in a row, and compare with what h5py gives; returns the codec."""
    index = index_file(path, [name])
    with h5py.File(path) as handle, np.errstate(all="ignore"):
        values = handle[name][...]
        expected = values.astype(dtype or values.dtype.newbyteorder("="))
    # batches with something between them, as in shared memory
    slots, events, between = 3, len(values), 5
    size = int(np.prod(expected.shape[1:]))
    width = expected.dtype.itemsize
    with DirectFile(path, index, stat_of(path)) as file:
        for select in selections.values():
            rows = select(len(values)).astype(np.int64)
            memory = np.full(slots * (events * size + between), 77, expected.dtype)
            before = memory.copy()
            cells = np.ndarray(
                (slots, events, *expected.shape[1:]),
                expected.dtype,
                memory,
                0,
                ((events * size + between) * width, size * width, *expected[:1].strides[1:]),
            )
            target = RNG.permutation(slots * events)[: len(rows)]
            file.read(name, rows, Cells(cells).at(target // events, target % events))
            for row, place in zip(rows, target, strict=True):
                found = cells[place // events, place % events, ...]
                assert found.tobytes() == expected[row].tobytes(), (row, place)
                found[...] = 77
            assert memory.tobytes() == before.tobytes()
            straight = np.empty_like(expected, shape=(len(rows), *expected.shape[1:]))
            file.read(name, rows, Straight(straight))
            assert straight.tobytes() == expected[rows].tobytes()
    return index[name].codec


def stat_of(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_size, stat.st_mtime_ns


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [None, np.float64])
def test_every_layout_gives_what_h5py_gives(tmp_path: Path, layout: str, dtype: Any) -> None:
    codec, make, options = LAYOUTS[layout]
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        handle.create_dataset("x", data=make(), **options)
    assert check(tmp_path / "a.h5", "x", dtype) == codec


@pytest.mark.parametrize(
    "layout",
    ["contiguous", "plain tiles", "gzip whole events", "gzip ragged tiles", "gzip tiles of all events"],
)
@pytest.mark.parametrize("small", [1, 500])
def test_however_small_the_buffers(
    tmp_path: Path, layout: str, small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs_module, "_READ_BYTES", small)
    monkeypatch.setattr(blobs_module, "_GAP_BYTES", small)
    monkeypatch.setattr(whole, "_BLOCK_BYTES", small)
    monkeypatch.setattr(whole, "_GAP_BYTES", 64)
    monkeypatch.setattr(whole, "_MOST_BUFFERS", 4)
    # of the image's events five are put together at a time, and tiles of twelve are held
    monkeypatch.setattr(tiles_module, "_TOGETHER_BYTES", 5 * 1080 if small > 1 else 1)
    monkeypatch.setattr(tiles_module, "_HELD_BYTES", 12 * 1080 if small > 1 else 1)
    for long_event in (1, 10**9):
        for module in (whole, cells_module):
            monkeypatch.setattr(module, "LONG_EVENT", long_event)
        test_every_layout_gives_what_h5py_gives(tmp_path, layout, None)


@pytest.mark.parametrize(
    "options", [{}, {"chunks": (16, 3), "compression": 4}, {"chunks": (16, 7), "compression": 4}]
)
@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<f2", ">f4", "u1", "<i2", ">i4", "<u8", "?", "<i8"])
@pytest.mark.parametrize("to", [np.float32, None])
def test_every_type_becomes_what_h5py_makes_of_it(
    tmp_path: Path, options: dict[str, Any], dtype: str, to: Any
) -> None:
    values = (RNG.normal(0, 40, (103, 7)) * (RNG.random((103, 7)) < 0.1)).astype(dtype)
    if np.dtype(dtype).kind == "f":
        values[5, :4] = [np.nan, -0.0, np.inf, 6e-8]
    if dtype == "<f8":
        values[6, 0] = 1e300
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        handle.create_dataset("x", data=values, **options)
    assert check(tmp_path / "a.h5", "x", to) != "h5py"


def write_partly(handle: h5py.File, **options: Any) -> None:
    dataset = handle.create_dataset("x", (50, 6, 5), np.float32, **options)
    dataset[10:20] = image(10, (6, 5))
    dataset[40:43, 2:, :2] = 5
    dataset[44] = 0


@pytest.mark.parametrize("fill", [None, 0, 3.5, -0.0, np.nan])
@pytest.mark.parametrize("options", [{"compression": 4}, {}])
@pytest.mark.parametrize("chunks", [(8, 6, 5), (8, 4, 2)])
def test_chunks_never_written_hold_the_fill_value(
    tmp_path: Path, fill: float | None, options: dict[str, Any], chunks: tuple[int, ...]
) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        write_partly(handle, chunks=chunks, fillvalue=fill, **options)
    assert (index_file(tmp_path / "a.h5", ["x"])["x"].offsets == -1).any()
    assert check(tmp_path / "a.h5", "x") != "h5py"


def test_a_dataset_without_any_chunk_is_all_fill_value(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        handle.create_dataset("x", (50, 6), np.float32, chunks=(8, 6), compression=4, fillvalue=2)
        handle.create_dataset("y", (50, 6), np.float32)
        handle.create_dataset("z", (0, 6), np.float32, chunks=(8, 6), maxshape=(None, 6))
    assert check(tmp_path / "a.h5", "x") == "gzip"
    assert check(tmp_path / "a.h5", "y") == "h5py"
    assert check(tmp_path / "a.h5", "z", selections={"none": SELECTIONS["none"]}) == "plain"


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize(
    "layout", ["contiguous", "plain tiles", "gzip whole events", "gzip longer than the file"]
)
def test_every_version_of_the_format(tmp_path: Path, libver: str, layout: str) -> None:
    codec, make, options = LAYOUTS[layout]
    with h5py.File(tmp_path / "a.h5", "w", libver=libver) as handle:
        handle.create_dataset("x", data=make(), **options)
    assert check(tmp_path / "a.h5", "x") == codec


def test_groups_and_soft_links_are_followed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        handle.create_dataset("calo/ecal/x", data=image(), chunks=(16, 4, 2, 7), compression=4)
        handle["calo/link"] = h5py.SoftLink("/calo/ecal/x")
    for name in ("calo/ecal/x", "/calo/ecal/x", "calo/link"):
        assert check(tmp_path / "a.h5", name) == "gzip"


def user_block(path: Path) -> None:
    with h5py.File(path, "w", userblock_size=512) as handle:
        handle["x"] = image()


def compact(path: Path) -> None:
    with h5py.File(path, "w") as handle:
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((20, 5))
        dataset = h5py.h5d.create(handle.id, b"x", h5py.h5t.IEEE_F32LE, space, created)
        h5py.Dataset(dataset)[...] = image(20, (5,))


def external_values(path: Path) -> None:
    image(20, (5,)).tofile(path.with_name("values.bin"))
    with h5py.File(path, "w") as handle:
        place = str(path.with_name("values.bin"))
        handle.create_dataset("x", (20, 5), np.float32, external=[(place, 0, h5py.h5f.UNLIMITED)])


def external_link(path: Path) -> None:
    with h5py.File(path.with_name("other.h5"), "w") as handle:
        handle["x"] = image()
    with h5py.File(path, "w") as handle:
        handle["x"] = h5py.ExternalLink("other.h5", "/x")


def virtual(path: Path) -> None:
    with h5py.File(path.with_name("other.h5"), "w") as handle:
        handle["x"] = image(20, (5,))
    layout = h5py.VirtualLayout((20, 5), np.float32)
    layout[...] = h5py.VirtualSource(str(path.with_name("other.h5")), "x", (20, 5))
    with h5py.File(path, "w") as handle:
        handle.create_virtual_dataset("x", layout)


def unfiltered_chunk(path: Path) -> None:
    with h5py.File(path, "w") as handle:
        dataset = handle.create_dataset("x", data=image(20, (5,)), chunks=(5, 5), compression=4)
        dataset.id.write_direct_chunk((5, 0), image(5, (5,)).tobytes(), filter_mask=1)


def unfiltered_edge(path: Path) -> None:
    """The flag for it is not in h5py; HDF5 without the flag takes such a chunk for a damaged one."""
    with h5py.File(path, "w") as handle:
        dataset = handle.create_dataset("x", data=image(20, (5,)), chunks=(8, 5), compression=4)
        dataset.id.write_direct_chunk((16, 0), image(8, (5,)).tobytes(), filter_mask=0)


def odd_floats(path: Path) -> None:
    with h5py.File(path, "w") as handle:
        kind = h5py.h5t.IEEE_F32LE.copy()
        kind.set_fields(31, 20, 11, 0, 20)  # a float of its own: 11 bits of exponent
        kind.set_ebias(1023)
        space = h5py.h5s.create_simple((20, 5))
        h5py.Dataset(h5py.h5d.create(handle.id, b"x", kind, space))[...] = np.arange(100.0).reshape(20, 5)


@pytest.mark.parametrize(
    ("write", "why"),
    [
        (user_block, "user block"),
        (compact, "compact"),
        (external_values, "another file"),
        (external_link, "link into another file"),
        (virtual, "virtual"),
        (unfiltered_chunk, "without its filter"),
        (odd_floats, "number type"),
    ],
)
def test_what_only_hdf5_can_read_is_left_to_it(
    tmp_path: Path, write: Callable[[Path], None], why: str
) -> None:
    write(tmp_path / "a.h5")
    assert check(tmp_path / "a.h5", "x") == "h5py"
    assert why in index_file(tmp_path / "a.h5", ["x"])["x"].why


def test_a_chunk_at_the_edge_may_lack_its_filter(tmp_path: Path) -> None:
    unfiltered_edge(tmp_path / "a.h5")
    assert index_file(tmp_path / "a.h5", ["x"])["x"].why == "has chunks stored without its filter"


def test_a_gzip_chunk_as_long_as_a_plain_one_is_gzip(tmp_path: Path) -> None:
    """Found by trying: whether noise grows or shrinks by gzip is a matter of a few bytes."""
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        for number in range(300):
            values = RNG.integers(0, 256, (63, 8)).astype(np.uint8)
            values.reshape(-1)[: number % 60] = 0
            handle.create_dataset(
                f"x{number}", data=values, chunks=(64, 8), maxshape=(None, 8), compression=4
            )
    index = index_file(tmp_path / "a.h5", [f"x{number}" for number in range(300)])
    assert any((item.sizes == 512).any() for item in index.values())
    assert {item.codec for item in index.values()} == {"gzip"}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"shuffle": True}, "is stored with shuffle"),
        ({"scaleoffset": 3}, "is stored with scaleoffset"),
        ({"scaleoffset": 3, "compression": "gzip"}, "is stored with scaleoffset + gzip"),
    ],
)
def test_filters_that_hdf5_must_undo_are_named(tmp_path: Path, options: dict[str, Any], why: str) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as handle:
        handle.create_dataset("x", data=image(), chunks=(16, 4, 2, 7), **options)
    assert index_file(tmp_path / "a.h5", ["x"])["x"].why == why


@pytest.mark.parametrize("options", [{"compression": "lzf"}, {"fletcher32": True}, {"compression": "gzip"}])
@pytest.mark.parametrize("place", [0, 20, -1])
def test_damage_behind_filters_is_found(tmp_path: Path, options: dict[str, Any], place: int) -> None:
    path, values = tmp_path / "a.h5", image(32)
    with h5py.File(path, "w") as handle:
        handle.create_dataset("x", data=values, chunks=(32, 6, 5, 9), shuffle=True, **options)
    index = index_file(path, ["x"])
    begin, size = int(index["x"].offsets[0]), int(index["x"].sizes[0])
    data = bytearray(path.read_bytes())
    data[range(begin, begin + size)[place]] ^= 0x5A
    path.write_bytes(data)
    found = np.empty_like(values)
    # lzf has no checksum: what is wrong may be a value
    ends = contextlib.suppress(RawFileError) if "lzf" in options.values() else None
    with ends or pytest.raises(RawFileError, match="chunk 0 is damaged"), DirectFile(path, index) as file:
        file.read("x", np.arange(32), Straight(found))


@pytest.fixture(params=["package", "h5py"])
def lzf(request, monkeypatch):
    """With the package lzf, if it is installed, and without it."""
    if request.param == "h5py":
        monkeypatch.setitem(sys.modules, "lzf", None)
    decode_module._lzf.cache_clear()
    yield
    decode_module._lzf.cache_clear()


@pytest.mark.parametrize("cut", [0, 7])
def test_lzf_is_unpacked_with_and_without_a_package(tmp_path: Path, lzf: None, cut: int) -> None:
    path, values = tmp_path / "a.h5", image(32)
    with h5py.File(path, "w") as handle:
        handle.create_dataset("x", data=values, chunks=(32, 6, 5, 9), compression="lzf")
    found, index = np.empty_like(values), index_file(path, ["x"])
    index["x"].sizes[0] -= cut
    ends = pytest.raises(RawFileError, match="chunk 0 is damaged") if cut else contextlib.nullcontext()
    with ends, DirectFile(path, index) as file:
        file.read("x", np.arange(32), Straight(found))
        assert found.tobytes() == values.tobytes()


def test_old_checksums_have_their_bytes_in_reverse(tmp_path: Path) -> None:
    path, values = tmp_path / "a.h5", image(16)
    with h5py.File(path, "w") as handle:
        handle.create_dataset("x", data=values, chunks=(16, 6, 5, 9), fletcher32=True)
    index = index_file(path, ["x"])
    end = int(index["x"].offsets[0] + index["x"].sizes[0])
    data = bytearray(path.read_bytes())
    data[end - 4 : end] = bytes([data[end - 3], data[end - 4], data[end - 1], data[end - 2]])
    path.write_bytes(data)
    with h5py.File(path) as handle:
        np.testing.assert_array_equal(handle["x"][...], values)
    assert check(path, "x") == "fletcher32"


@pytest.mark.parametrize("block", [1, 3000])
def test_hdf5_reads_in_blocks_of_bounded_size(
    tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow_module, "_BLOCK_BYTES", block)
    test_every_layout_gives_what_h5py_gives(tmp_path, "shuffle alone", None)


def test_events_in_pieces_are_refused() -> None:
    pieces = np.zeros((1, 1, 6, 5, 18), np.float32)[..., ::2]
    for target, cells in ((Cells, pieces), (Straight, pieces[0])):
        with pytest.raises(ValueError, match="must be contiguous"):
            target(cells)


def damage_shorter(path: Path, offset: int, size: int) -> None:
    with path.open("r+b") as handle:
        handle.truncate(offset + size // 2)


def damage_bytes(path: Path, offset: int, size: int) -> None:
    with path.open("r+b") as handle:
        handle.seek(offset + size // 2)
        handle.write(b"\xff" * 20)


def damage_checksum(path: Path, offset: int, size: int) -> None:
    with path.open("r+b") as handle:
        handle.seek(offset + size - 1)
        last = handle.read(1)
        handle.seek(offset + size - 1)
        handle.write(bytes([last[0] ^ 1]))


@pytest.mark.parametrize("layout", ["gzip whole events", "gzip long whole events", "gzip ragged tiles"])
@pytest.mark.parametrize("damage", [damage_shorter, damage_bytes, damage_checksum])
def test_a_damaged_chunk_is_an_error_that_names_file_and_dataset(
    tmp_path: Path, layout: str, damage: Callable[[Path, int, int], None]
) -> None:
    _, make, options = LAYOUTS[layout]
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as handle:
        values = handle.create_dataset("x", data=make(), **options)[...]
    index = index_file(path, ["x"])
    damage(path, int(index["x"].offsets.max()), int(index["x"].sizes[index["x"].offsets.argmax()]))
    rows = np.arange(len(values))
    with DirectFile(path, index) as file, pytest.raises(RawFileError) as caught:
        file.read("x", rows, Straight(np.empty_like(values)))
    assert str(path) in str(caught.value)
    assert "x cannot be read: " in caught.value.reason
    assert "\n" not in caught.value.reason


@pytest.mark.parametrize("layout", ["contiguous", "contiguous long", "plain whole events"])
def test_a_file_that_ends_too_early_is_an_error(tmp_path: Path, layout: str) -> None:
    _, make, options = LAYOUTS[layout]
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as handle:
        values = handle.create_dataset("x", data=make(), **options)[...]
    index = index_file(path, ["x"])
    os.truncate(path, int(index["x"].offsets.max()) + values[0].nbytes // 2)
    rows = np.arange(len(values))
    with DirectFile(path, index) as file, pytest.raises(RawFileError, match=r"a\.h5: x cannot .* truncated"):
        file.read("x", rows, Straight(np.empty_like(values)))


@pytest.mark.parametrize("when", ["before it is opened", "while it is open"])
def test_a_file_that_changed_since_it_was_indexed_is_an_error(tmp_path: Path, when: str) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as handle:
        handle["x"] = image()
    index, stat = index_file(path, ["x"]), stat_of(path)
    rows, cells = np.arange(2), Straight(np.empty((2, 6, 5, 9), np.float32))
    with contextlib.ExitStack() as stack:
        if when == "while it is open":
            file = stack.enter_context(DirectFile(path, index, stat))
            file.read("x", rows, cells)
        os.utime(path, ns=(1, 1))
        with pytest.raises(RawFileError, match=r"a\.h5: has changed since it was indexed"):
            DirectFile(path, index, stat) if when != "while it is open" else file.read("x", rows, cells)


def test_a_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as handle:
        handle["x"] = image()
    index = index_file(path, ["x"])
    shutil.move(path, tmp_path / "b.h5")
    with pytest.raises(RawFileError, match=r"a\.h5: No such file"):
        DirectFile(path, index)
