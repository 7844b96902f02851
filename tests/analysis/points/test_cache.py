"""One cache file per scan, which is never trusted over the records."""

import json
import os
import re
import shutil
import threading
import zlib

import pytest

from dlscan.analysis.points import cache as module
from dlscan.analysis.points.cache import FILE
from dlscan.analysis.points.records import load
from dlscan.record import Record


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A cache for scans as small as those of these tests."""
    monkeypatch.setattr(module, "FEWEST_NEW", 1)


@pytest.fixture
def scan(write_scan):
    return write_scan()


@pytest.fixture
def reads(monkeypatch):
    """The records that are read from their own file."""
    found = []
    parsed = Record.parsed.__func__

    def counted(cls, path, content):
        found.append(path.parent.name[:4])
        return parsed(cls, path, content)

    monkeypatch.setattr(Record, "parsed", classmethod(counted))
    return found


def record_of(scan, number):
    return next((scan / "points").glob(f"{number:04}*")) / "record.json"


def change(record):
    record.write_text(re.sub(r'"epochs": 12', '"epochs": 99', record.read_text()))


def test_records_are_read_once_and_come_back_the_same(scan, reads):
    first = load([scan])
    assert len(reads) == 4
    assert load([scan]) == first
    assert len(reads) == 4


def test_a_record_that_has_changed_is_read_again(scan, reads):
    load([scan])
    reads.clear()
    change(record_of(scan, 2))
    assert [point.record.epochs for point in load([scan])] == [12, 99, 12, 12]
    assert reads == ["0002"]


def test_a_record_that_was_replaced_at_the_same_size_and_time_is_read_again(scan, reads):
    load([scan])
    record = record_of(scan, 2)
    before = record.stat()
    other = record.with_name("other")
    shutil.copy2(record, other)
    change(other)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(record)
    assert record.stat().st_size == before.st_size
    assert [point.record.epochs for point in load([scan])] == [12, 99, 12, 12]


def test_a_record_that_was_overwritten_with_its_times_kept_is_read_again(scan):
    load([scan])
    record = record_of(scan, 2)
    before = record.stat()
    with record.open("r+") as file:
        content = file.read()
        file.seek(0)
        file.write(content.replace('"epochs": 12', '"epochs": 99'))
    os.utime(record, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert record.stat().st_ino == before.st_ino
    assert load([scan])[1].record.epochs == 99


def test_points_that_come_and_go_are_noticed(write_scan, reads):
    scan = write_scan()
    aside = scan.parent / "aside"
    shutil.move(record_of(scan, 3).parent, aside)
    load([scan])
    shutil.move(aside, scan / "points" / "0003-back")
    shutil.rmtree(record_of(scan, 1).parent)
    reads.clear()
    assert [point.record.point for point in load([scan])] == [2, 3, 4]
    assert reads == ["0003"]


def test_a_damaged_record_stays_damaged(scan, caplog):
    load([scan])
    record_of(scan, 2).write_text("{")
    for _ in range(2):
        caplog.clear()
        assert len(load([scan])) == 3
        assert str(record_of(scan, 2)) in caplog.text


def with_other_content(scan):
    """Whole, and not what we write."""
    head, _, _ = (scan / FILE).read_bytes().partition(b"\n")
    changed = b'[{"layout": 7}]'
    head = json.loads(head) | {"crc32": zlib.crc32(changed), "size": len(changed), "texts": len(changed)}
    return json.dumps(head).encode() + b"\n" + changed


def with_fewer_floats(scan):
    head, _, body = (scan / FILE).read_bytes().partition(b"\n")
    head, body = json.loads(head), body[:-16]
    head |= {"crc32": zlib.crc32(body), "size": len(body)}
    return json.dumps(head).encode() + b"\n" + body


def of_another_version(scan):
    head, _, body = (scan / FILE).read_bytes().partition(b"\n")
    return json.dumps(json.loads(head) | {"dlscan records": 999}).encode() + b"\n" + body


def with_a_field_too_few(scan):
    head, _, body = (scan / FILE).read_bytes().partition(b"\n")
    head = json.loads(head)
    return json.dumps(head | {"fields": head["fields"][1:]}).encode() + b"\n" + body


def with_a_flipped_bit(scan):
    content = bytearray((scan / FILE).read_bytes())
    content[-3] ^= 1
    return bytes(content)


@pytest.mark.parametrize(
    "damaged",
    [
        lambda scan: b"",
        lambda scan: b"\xff\xfe\n{}",
        lambda scan: b"null\nnull",
        lambda scan: b'{"somebody": "else"}',
        lambda scan: (scan / FILE).read_bytes()[:-100],
        of_another_version,
        with_a_field_too_few,
        with_a_flipped_bit,
        with_other_content,
        with_fewer_floats,
    ],
)
def test_a_damaged_or_foreign_cache_is_made_anew(scan, reads, damaged):
    first = load([scan])
    whole = (scan / FILE).read_bytes()
    (scan / FILE).write_bytes(damaged(scan))
    reads.clear()
    assert load([scan]) == first
    assert len(reads) == 4
    assert (scan / FILE).read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_done_without(scan, caplog):
    # root writes everywhere but over a directory
    (scan / FILE).mkdir()
    assert len(load([scan])) == 4
    assert caplog.text == ""
    assert [path.name for path in scan.iterdir() if "records" in path.name] == [FILE]


def test_a_small_scan_gets_no_cache(scan, monkeypatch):
    monkeypatch.setattr(module, "FEWEST_NEW", 5)
    load([scan])
    assert not (scan / FILE).exists()


def test_several_writers_at_once_leave_a_whole_cache(scan, reads):
    first = load([scan])
    failed = []

    def work():
        for _ in range(5):
            (scan / FILE).unlink(missing_ok=True)
            if load([scan]) != first:
                failed.append(1)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failed
    load([scan])
    reads.clear()
    assert load([scan]) == first
    assert reads == []
    assert [path.name for path in scan.iterdir() if "records" in path.name] == [FILE]


def test_what_a_killed_writer_left_is_removed_in_time(scan):
    old, young = scan / f".{FILE}-1-aa", scan / f".{FILE}-2-bb"
    # the cache of older versions
    before = scan / f"{FILE}.json"
    for leftover in (old, young, before):
        leftover.write_text("")
    os.utime(old, (1, 1))
    load([scan])
    there = [path.exists() for path in (old, young, before, scan / FILE)]
    assert there == [False, True, False, True]
