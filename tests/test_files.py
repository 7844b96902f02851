"""Files are whole or not there."""

import errno
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dlscan.errors import DlscanError
from dlscan.files import (
    checksum,
    created,
    directory_whole,
    modified,
    read_json,
    recover_directory,
    remove,
    server_time,
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


@pytest.mark.parametrize("content", [b'{"a":', b"\xff\xfe", b"", b"[" * 100_000, b"1" * 5000])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DlscanError, match=r"a\.json: damaged"):
        read_json(tmp_path / "a.json")


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


def test_a_file_is_created_by_one_and_left_alone_by_others(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    assert created(path, "first")
    assert not created(path, "second")
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK])
def test_a_file_is_created_where_there_are_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(path: Path, target: Path) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    path = tmp_path / "a.json"
    assert created(path, "first")
    assert not created(path, "second")
    assert path.read_text() == "first"


def test_a_link_whose_answer_got_lost_is_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = Path.hardlink_to

    def twice(path: Path, target: Path) -> None:
        link(path, target)
        link(path, target)

    monkeypatch.setattr(Path, "hardlink_to", twice)
    assert created(tmp_path / "a.json", "first")


def test_other_errors_of_creating_are_not_hidden(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        created(tmp_path / "nowhere" / "a.json", "first")


def test_the_time_is_that_of_the_files(tmp_path: Path) -> None:
    path = tmp_path / "a"
    before = server_time(tmp_path)
    path.touch()
    written = modified(path)
    assert written is not None
    assert before <= written <= server_time(tmp_path)
    assert list(tmp_path.iterdir()) == [path]


def test_the_time_where_nothing_can_be_written_is_that_of_this_machine(tmp_path: Path) -> None:
    before = time.time()
    assert server_time(tmp_path / "nowhere") >= before
    assert modified(tmp_path / "nowhere") is None


def test_a_link_is_removed_and_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/file").touch()
    (tmp_path / "file").touch()
    for name in ("link", "broken", "tree", "file", "absent"):
        remove(tmp_path / name)
    assert [path.name for path in sorted(tmp_path.rglob("*"))] == ["kept", "file"]


def test_stamps_of_the_clock_that_stayed_are_removed_by_the_next(tmp_path: Path) -> None:
    old, new = tmp_path / ".clock-1-old", tmp_path / ".clock-1-new"
    old.touch()
    new.touch()
    os.utime(old, (time.time() - 100, time.time() - 100))
    assert abs(server_time(tmp_path) - time.time()) < 60
    assert [path.name for path in tmp_path.iterdir()] == [".clock-1-new"]


@pytest.mark.parametrize("read", [read_json, checksum])
def test_errors_of_an_open_file_name_it(read: Callable[[Path], object]) -> None:
    """The kernel does not say which open file it is about; the start of this one is never mapped."""
    memory = Path("/proc/self/mem")
    with pytest.raises(OSError, match="Input/output error") as plain:
        memory.read_bytes()
    assert plain.value.filename is None
    with pytest.raises(OSError, match=r"Input/output error.*/proc/self/mem"):
        read(memory)
