"""HDF5 files without locks, and errors of writing that name the file."""

import errno
import resource
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from dlscan.hdf5 import open_hdf5, written_hdf5


def test_what_is_written_is_read_by_h5py(tmp_path: Path) -> None:
    with written_hdf5(tmp_path / "a.h5") as handle:
        handle["a"] = np.arange(100_000)
        handle.create_dataset("b", data=np.arange(1000), chunks=(10,), compression="gzip")
    with written_hdf5(tmp_path / "a.h5", "r+") as handle:
        handle["a"][3] = -1
        handle["c"] = 7
    with h5py.File(tmp_path / "a.h5") as handle:
        assert handle["a"][:5].tolist() == [0, 1, 2, -1, 4]
        assert handle["a"][-1] == 99_999
        assert handle["b"][:].tolist() == list(range(1000))
        assert handle["c"][()] == 7


@pytest.mark.parametrize("most", [0, 500, 5000, 50_000])
def test_a_full_disk_is_an_error_with_number_and_name(tmp_path: Path, most: int) -> None:
    """In a process of its own, which ends as it should: HDF5 would crash on a file that it cannot close."""
    code = (
        "import sys, numpy as np; from pathlib import Path; from dlscan.hdf5 import written_hdf5\n"
        "try:\n"
        "    with written_hdf5(Path(sys.argv[1])) as handle:\n"
        "        late = handle.create_dataset('late', (100_000,), np.int64)\n"
        "        for part in range(100): late[part * 1000 : (part + 1) * 1000] = np.arange(1000)\n"
        "        handle['a'] = np.ones(5000); late[:10].sum()\n"
        "except OSError as error: print(error.errno, error.filename)\n"
    )

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    path = tmp_path / "full.h5"
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", f"{errno.EFBIG} {path}\n")


def test_an_error_of_the_caller_stays_its_own(tmp_path: Path) -> None:
    with pytest.raises(KeyError), written_hdf5(tmp_path / "a.h5") as handle:
        handle["nothing"]


def test_a_file_that_the_caller_has_open_with_a_lock_is_read(tmp_path: Path) -> None:
    with written_hdf5(tmp_path / "a.h5") as handle:
        handle["a"] = 1
    with h5py.File(tmp_path / "a.h5") as theirs, open_hdf5(tmp_path / "a.h5") as ours:
        assert theirs["a"][()] == ours["a"][()] == 1


def test_what_is_no_hdf5_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_text("text")
    with pytest.raises(OSError, match="signature not found"):
        open_hdf5(tmp_path / "a.h5")
