"""Files are whole or not there; locks end with their owner."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dlscan.errors import DlscanError
from dlscan.files import (
    directory_whole,
    is_locked,
    locked,
    read_json,
    recover_directory,
    write_json,
    written_whole,
)


class Stop(Exception):
    pass


def test_an_interrupted_write_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"old": 1})
    with pytest.raises(Stop), written_whole(path) as temporary:
        temporary.write_text("half")
        raise Stop
    assert read_json(path) == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_nan_is_not_json(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", float("nan"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", [b'{"a":', b"\xff\xfe", b""])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DlscanError, match=r"a\.json: damaged"):
        read_json(tmp_path / "a.json")


def test_a_lock_keeps_others_out_and_ends_with_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = (
        "import sys, time; from pathlib import Path; from dlscan.files import locked\n"
        "with locked(Path(sys.argv[1]), Exception()): print('held', flush=True); time.sleep(60)"
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
    code = (
        "import sys, fcntl, time; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_SH)\n"
        "print('seen', flush=True); time.sleep(0.2)"
    )
    looker = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert looker.stdout is not None
    with looker, looker.stdout:
        looker.stdout.readline()
        begin = time.monotonic()
        with locked(path, DlscanError("busy")):
            assert time.monotonic() - begin > 0.02


@pytest.mark.parametrize("moment", ["building", "between the renames", "done"])
def test_a_directory_is_old_or_new_whenever_its_writer_is_killed(tmp_path: Path, moment: str) -> None:
    target = tmp_path / "data"
    target.mkdir()
    (target / "a").write_text("old")
    building, old = tmp_path / ".data.building", tmp_path / ".data.old"
    if moment == "building":
        building.mkdir()
        (building / "a").write_text("half")
    else:
        target.rename(old)
    if moment == "done":
        target.mkdir()
        (target / "a").write_text("new")
    recover_directory(target)
    assert (target / "a").read_text() == ("new" if moment == "done" else "old")
    assert list(tmp_path.iterdir()) == [target]


def test_a_directory_is_replaced_in_one_step(tmp_path: Path) -> None:
    target = tmp_path / "data"
    for content in ("1", "2"):
        with directory_whole(target) as place:
            (place / "a.json").write_text(content)
        assert json.loads((target / "a.json").read_text()) == int(content)
    with pytest.raises(Stop), directory_whole(target):
        raise Stop
    assert (target / "a.json").read_text() == "2"
    assert list(tmp_path.iterdir()) == [target]
