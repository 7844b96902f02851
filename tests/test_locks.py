"""Locks end with their owner, on file systems with locks and without."""

import errno
import fcntl
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dlscan.config import Experiment
from dlscan.dataset import Manifest
from dlscan.errors import DataError, DlscanError
from dlscan.locks import is_locked, locked
from dlscan.prepare import prepare

# `flock` fails on files below $LOCKS_OF with the number $ERRNO
LIBRARY = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int flock(int fd, int operation) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
    if (strstr(path, getenv("LOCKS_OF"))) { errno = atoi(getenv("ERRNO")); return -1; }
    return ((int (*)(int, int))dlsym(RTLD_NEXT, "flock"))(fd, operation);
}
"""


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that makes file systems without locks of those that have them."""
    if shutil.which("gcc") is None:
        pytest.skip("NO GCC: file systems without locks are not tested")
    place = tmp_path_factory.mktemp("nolock")
    (place / "nolock.c").write_text(LIBRARY)
    command = ["gcc", "-shared", "-fPIC", "-o", place / "nolock.so", place / "nolock.c", "-ldl"]
    subprocess.run(command, check=True)
    return place / "nolock.so"


@pytest.fixture
def without_locks(library: Path, tmp_path: Path) -> Callable[..., dict[str, str]]:
    """The environment in which files of the test have no locks."""

    def environment(number: int = errno.ENOLCK, below: Path = tmp_path) -> dict[str, str]:
        return {**os.environ, "LD_PRELOAD": str(library), "LOCKS_OF": str(below), "ERRNO": str(number)}

    return environment


HOLD = (
    "import sys, time; from pathlib import Path; from dlscan.locks import locked\n"
    "from dlscan.errors import DlscanError\n"
    "with locked(Path(sys.argv[1]), DlscanError('busy')): print('held', flush=True); sys.stdin.read()"
)


def hold(path: Path, environment: dict[str, str]) -> "subprocess.Popen[str]":
    """A process that holds a lock until its input ends; its first line is `held`, or why it does not."""
    command = [sys.executable, "-c", HOLD, str(path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=environment, text=True, **pipes)


def test_a_lock_keeps_others_out_and_ends_with_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = (
        "import sys, time; from pathlib import Path; from dlscan.locks import locked\n"
        "with locked(Path(sys.argv[1]), Exception()): print('held', flush=True); time.sleep(1000)"
    )
    owner = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert owner.stdout is not None
    with owner, owner.stdout:
        owner.stdout.readline()
        assert is_locked(path)
        with pytest.raises(DlscanError, match="busy"), locked(path, DlscanError("busy")):
            pass
        owner.kill()
        owner.wait()
        assert not is_locked(path)
        with locked(path, DlscanError("busy")):
            pass


def test_looking_at_a_lock_does_not_keep_its_taker_out(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    taken = threading.Event()

    def take() -> None:
        with locked(path, DlscanError("busy"), patience=60):
            taken.set()

    taker = threading.Thread(target=take)
    with path.open() as looker:
        fcntl.flock(looker, fcntl.LOCK_SH)
        taker.start()
        assert not taken.wait(0.2)
    taker.join()
    assert taken.is_set()


def test_work_goes_on_where_there_are_no_locks_if_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: object, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    path = tmp_path / "lock"
    with locked(path, DlscanError(), needed=False) as handle:
        handle.write(b"1")
    assert path.read_bytes() == b"1"


def test_an_owner_reads_what_the_one_before_wrote_into_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path, DlscanError()) as handle:
        handle.write(b"first")
    with locked(path, DlscanError()) as handle:
        handle.seek(0)
        assert handle.read() == b"first"


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_without_locks_one_owner_keeps_others_out(
    tmp_path: Path, without_locks: Callable[..., dict[str, str]], number: int
) -> None:
    path, mark = tmp_path / "lock", tmp_path / "lock.owner"
    with hold(path, without_locks(number)) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with hold(path, without_locks(number)) as second:
            out, messages = second.communicate(timeout=60)
        assert out == ""
        assert f"busy; this file system has no locks: if process {first.pid} on " in messages
        assert messages.rstrip().endswith(f" has ended, remove {mark}")
        first.communicate(timeout=60)
    assert first.returncode == 0
    assert list(tmp_path.iterdir()) == [path]


def test_without_locks_an_owner_that_was_killed_is_replaced(
    tmp_path: Path, without_locks: Callable[..., dict[str, str]]
) -> None:
    path = tmp_path / "lock"
    with hold(path, without_locks()) as first:
        assert first.stdout is not None
        first.stdout.readline()
        first.kill()
    assert (tmp_path / "lock.owner").exists()
    with hold(path, without_locks()) as second:
        assert second.communicate(timeout=60)[0] == "held\n"
    assert list(tmp_path.iterdir()) == [path]


def test_without_locks_an_owner_elsewhere_is_named(
    tmp_path: Path, without_locks: Callable[..., dict[str, str]]
) -> None:
    """Whether it lives cannot be seen from here; a part of the text is what a full disk leaves."""
    for text, owner in (
        ("process 7 on node01\nboot:1:7:9\n", "process 7 on node01"),
        ("", "another process"),
    ):
        (tmp_path / "lock.owner").write_text(text)
        with hold(tmp_path / "lock", without_locks()) as process:
            out, messages = process.communicate(timeout=60)
        assert out == ""
        assert f"if {owner} has ended, remove {tmp_path / 'lock.owner'}" in messages
    assert {path.name for path in tmp_path.iterdir()} == {"lock", "lock.owner"}


def test_an_error_of_locking_names_the_file(
    tmp_path: Path, without_locks: Callable[..., dict[str, str]]
) -> None:
    with hold(tmp_path / "lock", without_locks(errno.EIO)) as process:
        _, messages = process.communicate(timeout=60)
    assert messages.rstrip().endswith(f"Input/output error: '{tmp_path / 'lock'}'")


def test_raw_files_without_locks_are_read_as_ever(
    make_experiment: Callable[..., Experiment], raw: Path, without_locks: Callable[..., dict[str, str]]
) -> None:
    experiment = make_experiment("data.prepared=here")
    prepare(experiment, processes=1)
    command = [sys.executable, "-P", "-m", "dlscan", "prepare", str(experiment.file), "data.prepared=there"]
    done = subprocess.run(command, env=without_locks(below=raw), capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    found, expected = (Manifest.read(experiment.data.prepared.parent / name) for name in ("there", "here"))
    assert found == expected


def test_a_scan_on_a_file_system_without_locks(
    make_experiment: Callable[..., Experiment], without_locks: Callable[..., dict[str, str]]
) -> None:
    """From raw files to a record, with HDF5's own locks failing too."""
    experiment = make_experiment("train.epochs=1", stream={"workers": 1})
    for verb in ("prepare", "scan"):
        command = [sys.executable, "-P", "-m", "dlscan", verb, str(experiment.file), "train.epochs=1"]
        done = subprocess.run(command, env=without_locks(), capture_output=True, text=True, check=False)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    (point,) = (experiment.directory / "points").iterdir()
    assert {"record.json", "predictions.h5", "best.keras"} <= {path.name for path in point.iterdir()}
    assert not list(experiment.file.parent.rglob("*.owner"))
    assert not list(experiment.file.parent.rglob("*.turn"))


def test_two_that_prepare_without_locks_do_not_mix(
    make_experiment: Callable[..., Experiment], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: object, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    experiment = make_experiment()
    experiment.data.prepared.parent.mkdir()
    (experiment.data.prepared.parent / ".small.lock.owner").write_text("process 7 on node01\nx:1:7:9\n")
    with pytest.raises(DataError, match=r"another `dlscan prepare` is writing .* process 7 on node01 has"):
        prepare(experiment, processes=1)


def test_hdf5_files_are_opened_in_one_place() -> None:
    """Elsewhere they would be locked by HDF5."""
    package = Path(sys.modules["dlscan"].__file__ or "").parent
    for path in [*package.rglob("*.py"), *(Path(__file__).parents[1] / "data_prep").glob("*.py")]:
        assert path.name == "hdf5.py" or "h5py.File(" not in path.read_text(encoding="utf-8"), path
