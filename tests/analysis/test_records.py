import logging

import pytest

from dlscan.analysis.records import load
from dlscan.errors import ScanError


def test_points_come_by_scan_as_given_and_by_number_within(write_scan):
    first, second = write_scan("b", {"model.width": list(range(1, 13))}), write_scan("a")
    points = load([first, second])
    assert [point.scan for point in points] == ["b"] * 12 + ["a"] * 4
    assert [point.record.point for point in points] == [*range(1, 13), 1, 2, 3, 4]


def test_points_that_are_not_done_are_counted_on_the_log(write_scan, caplog):
    scan = write_scan(done=3)
    (scan / "points" / "0004-running").mkdir()
    assert len(load([scan])) == 3
    assert f"{scan}: 1 of 4 points are not done; see dlscan status {scan}" in caplog.text


def test_a_complete_scan_is_read_in_silence(write_scan, caplog):
    caplog.set_level(logging.INFO)
    load([write_scan()])
    assert caplog.text == ""


def test_nothing_done_is_an_error_that_says_what_to_run(write_scan):
    scan = write_scan(done=0)
    with pytest.raises(ScanError, match=f"no point is done yet; see dlscan status {scan}"):
        load([scan])


def test_one_scan_without_a_done_point_does_not_hide_the_other(write_scan):
    assert len(load([write_scan("new", done=0), write_scan("old")])) == 4


def test_a_directory_that_is_no_scan_is_named(tmp_path):
    with pytest.raises(ScanError, match=f"{tmp_path}: not a scan"):
        load([tmp_path])


def test_a_directory_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(ScanError, match="nowhere: no such scan"):
        load([tmp_path / "nowhere"])


def test_a_scan_without_a_plan_is_read_from_its_points(write_scan):
    scan = write_scan()
    (scan / "plan.json").unlink()
    assert len(load([scan])) == 4


@pytest.mark.parametrize("content", [b'{"point": 1', b"[]", b"null", b"\xff\xfe\x00", b'{"point": 1}'])
def test_a_damaged_record_is_named_and_the_others_are_read(write_scan, caplog, content):
    scan = write_scan()
    record = next((scan / "points").glob("0002*")) / "record.json"
    record.write_bytes(content)
    assert [point.record.point for point in load([scan])] == [1, 3, 4]
    assert str(record) in caplog.text
    assert "1 of 4 points are not done" in caplog.text


def test_a_damaged_plan_is_named_and_the_points_are_read(write_scan, caplog):
    scan = write_scan()
    (scan / "plan.json").write_text("{")
    assert len(load([scan])) == 4
    assert "plan.json: damaged" in caplog.text


def test_a_scan_given_twice_counts_once(write_scan):
    scan = write_scan()
    assert len(load([scan, scan / ".." / scan.name])) == 4


def test_scans_of_the_same_name_are_told_apart_by_their_directories(write_scan):
    first, second = write_scan("one/lcd"), write_scan("two/lcd")
    assert {point.scan for point in load([first, second])} == {str(first), str(second)}
