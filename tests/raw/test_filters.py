"""Filters that HDF5 lacks: named, with what to do; used where hdf5plugin is installed."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from dlscan.raw import RawError, RawFile, check_files, filters, index_file

SPACE = (60, 3)


def write(path: Path, code: int) -> None:
    """A dataset that says it is stored with a filter that is not here."""
    created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    created.set_chunk((16, 3))
    created.set_filter(code, h5py.h5z.FLAG_OPTIONAL, (1, 2))
    with h5py.File(path, "w") as handle:
        space = h5py.h5s.create_simple(SPACE)
        dataset = h5py.h5d.create(handle.id, b"x", h5py.h5t.IEEE_F32LE, space, created)
        for row in range(0, 60, 16):
            dataset.write_direct_chunk((row, 0), bytes(100))


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (
            307,
            "x is stored with bzip2 (HDF5 filter 307), which HDF5 cannot .*; run `pip install hdf5plugin`",
        ),
        (32001, "x is stored with blosc (HDF5 filter 32001), .*; run `pip install hdf5plugin`"),
        (32015, "x is stored with zstd (HDF5 filter 32015), .*; run `pip install hdf5plugin`"),
        (
            40000,
            "x is stored with filter 40000 .* set HDF5_PLUGIN_PATH to the directory of its plug-in, or "
            "rewrite .*gzip",
        ),
    ],
)
def test_a_filter_that_is_not_here_is_named_with_the_remedy(
    tmp_path: Path, code: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hdf5plugin", None)
    filters._load_plugins.cache_clear()
    path = tmp_path / "a.h5"
    write(path, code)
    file = RawFile(path, path.name, 0)
    (found,) = check_files([file], ["x"])[1].values()
    assert found.startswith("x is stored with ")
    for part in reason.split(".*"):
        assert part in found
    with pytest.raises(RawError, match="is stored with"):
        index_file(path, ["x"])
    filters._load_plugins.cache_clear()


def test_plugins_are_loaded_where_a_file_needs_them(tmp_path: Path) -> None:
    """In a process that has not imported them, such as a worker; their package is a stand-in."""
    (tmp_path / "hdf5plugin.py").write_text(
        "import h5py, pathlib\npathlib.Path('loaded').touch()\nh5py.h5z.filter_avail = lambda code: True\n"
    )
    write(tmp_path / "a.h5", 32001)
    with h5py.File(tmp_path / "b.h5", "w") as handle:
        handle.create_dataset("x", data=np.ones(SPACE, np.float32), compression="gzip")
    code = (
        "import sys, pathlib\n"
        "from dlscan.raw import index_file\n"
        "index_file(pathlib.Path('b.h5'), ['x'])\n"
        "assert not pathlib.Path('loaded').exists()\n"
        "print(index_file(pathlib.Path('a.h5'), ['x'])['x'].why)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("is stored with blosc\n", "")
    assert (tmp_path / "loaded").exists()


def test_blosc_is_read_by_its_plugin(tmp_path: Path) -> None:
    plugin = pytest.importorskip("hdf5plugin")
    values = np.arange(180, dtype=np.float32).reshape(SPACE)
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as handle:
        handle.create_dataset("x", data=values, chunks=(16, 3), **plugin.Blosc())
    code = (
        "import pathlib\n"
        "from dlscan.raw import index_file, read_rows\n"
        "path = pathlib.Path('a.h5')\n"
        "((_, block),) = read_rows(path, index_file(path, ['x']), 0, 60)\n"
        "print(block['x'].sum())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"{values.sum()}\n", "")
