"""Files with the checksums of their blocks: any bit that turns over is found, and HDF5 never sees it."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from dlscan.sealed import BLOCK, SealedFile, content_size, seal, sealed_size


def write(path: Path) -> int:
    """A file of three blocks, sealed; its bytes before that."""
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(2 * BLOCK // 8 + 100)
        file["group/y"] = np.ones(3)
    return seal(path)


def read_all(path: Path) -> int:
    file = SealedFile(path, sealed=True)
    try:
        with file.hdf5() as handle:
            place = handle["x"].id.get_offset()
            assert set(handle) == {"x", "group"}
        found = np.empty(100, np.int64)
        file.read(found, place + 8)
        assert found.tolist() == list(range(1, 101))
        file.check(0, file.size)
        return file.size
    finally:
        file.close()


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK])
def test_a_sealed_file_holds_what_it_held(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    content = np.random.default_rng(size).bytes(size)
    path.write_bytes(content)
    assert seal(path) == size
    assert path.read_bytes()[:size] == content
    assert path.stat().st_size == sealed_size(size)
    assert content_size(path) == size
    file = SealedFile(path, sealed=True)
    found = np.empty(size, np.uint8)
    file.read(found, 0)
    file.close()
    assert found.tobytes() == content


def test_hdf5_reads_it_as_before(tmp_path: Path) -> None:
    size = write(tmp_path / "a.h5")
    assert read_all(tmp_path / "a.h5") == size
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["group/y"][:].tolist() == [1, 1, 1]


def test_any_bit_that_turned_over_is_found(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    size = write(path)
    good = path.read_bytes()
    places = [*range(0, 2000, 37), *range(2000, size, 4999), *range(size - 700, len(good), 17), len(good) - 1]
    for place in places:
        damaged = bytearray(good)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"^damaged: (block \d does not match its|its checksums are)"):
            read_all(path)
    for cut in (0, 1, 10, size // 2, size, len(good) - 1):
        path.write_bytes(good[:cut])
        with pytest.raises(ValueError, match=r"damaged|truncated"):
            read_all(path)


def test_damage_beyond_what_is_read_is_nobodys_trouble(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write(path)
    content = bytearray(path.read_bytes())
    content[BLOCK + 5] ^= 1
    path.write_bytes(content)
    file = SealedFile(path, sealed=True)
    found = np.empty(10, np.uint8)
    file.read(found, BLOCK - 10)
    with pytest.raises(ValueError, match="block 1 does not match its checksum"):
        file.read(found, BLOCK - 9)
    file.close()


def test_process_that_met_damage_ends_well(tmp_path: Path) -> None:
    """Objects of HDF5 that live until Python ends would be a crash, though the error was handled."""
    write(tmp_path / "a.h5")
    content = bytearray((tmp_path / "a.h5").read_bytes())
    content[300] ^= 1
    (tmp_path / "a.h5").write_bytes(content)
    code = """
import pathlib, sys
from dlscan.sealed import SealedFile
kept = []
for sealed in (True, False):
    try:
        with SealedFile(pathlib.Path(sys.argv[1]), sealed).hdf5() as file:
            file["x"].id.get_offset(), file["nothing"]
    except ValueError as error:
        error.kept = kept
        kept.append(error)
print(len(kept))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.h5")], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr
