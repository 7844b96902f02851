import json
import logging
import re
import shutil

import pytest

import dlscan
from dlscan.analysis.columns.names import varying_columns
from dlscan.analysis.points.records import load
from dlscan.analysis.tables.table import table
from dlscan.config import Dense, Train, plain
from dlscan.config.older import completed_params
from dlscan.errors import ScanError
from dlscan.train.finished import _flat


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


def test_points_that_train_on_are_counted_and_shown_as_they_were(write_scan, caplog):
    def change(number, record):
        record["stopped"] = "early" if number == 1 else "epochs"

    scan = write_scan(change=change)
    plan = json.loads((scan / "plan.json").read_text())
    (scan / "plan.json").write_text(json.dumps(plan | {"config": {"train": {"epochs": 12}}}))
    assert len(load([scan])) == 4
    assert caplog.text == ""
    (scan / "plan.json").write_text(json.dumps(plan | {"config": {"train": {"epochs": 24}}}))
    assert len(load([scan])) == 4
    assert f"{scan}: 3 of 4 points are still to train for more epochs; until then" in caplog.text


def test_trees_of_fewer_rounds_than_epochs_are_whole(write_scan, caplog):
    def change(number, record):
        record["params"] |= {"model.family": "bdt", "model.trees": 12}
        record["stopped"] = "epochs"

    scan = write_scan(change=change)
    plan = json.loads((scan / "plan.json").read_text())
    (scan / "plan.json").write_text(json.dumps(plan | {"config": {"train": {"epochs": 100}}}))
    load([scan])
    assert caplog.text == ""


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


def altered(scan, number, **entries):
    """Replace entries of a record, as some other program might have written it."""
    record = next((scan / "points").glob(f"{number:04}*")) / "record.json"
    value = json.loads(record.read_text()) | entries
    record.write_text(json.dumps({name: item for name, item in value.items() if item is not ...}))
    return record


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"metrics": [0.5]}, "metrics is [0.5]"),
        ({"metrics": {"Ele_AUC": "high"}}, "metrics is {'Ele_AUC': 'high'}"),
        ({"metrics": {"Ele_AUC": True}}, "metrics is"),
        ({"params": "width=3"}, "params is 'width=3'"),
        ({"point": "7"}, "point is '7'"),
        ({"point": 2**70}, f"point is {2**70}"),
        ({"classes": [1, 2]}, "classes is [1, 2]"),
        ({"errors": {"Ele_AUC": [0.1]}}, "the error of Ele_AUC is [0.1]"),
        ({"errors": {"Ele_AUC": 0.1}}, "errors is"),
        ({"dataset": None}, "dataset is None"),
        ({"host": ["a", "b" * 100]}, "..."),
    ],
)
def test_a_foreign_record_is_named_with_its_fault_and_hides_no_other(write_scan, caplog, entries, reason):
    scan = write_scan()
    record = altered(scan, 2, **entries)
    assert [point.record.point for point in load([scan])] == [1, 3, 4]
    (line,) = [entry.getMessage() for entry in caplog.records if "left out" in entry.getMessage()]
    assert line.startswith(f"left out: {record}: damaged record (")
    assert reason in line
    assert "\n" not in line


@pytest.mark.parametrize("content", ["[" * 100_000, '{"point": ' + "9" * 5000 + "}"])
def test_a_record_that_cannot_be_parsed_hides_no_other(write_scan, caplog, content):
    scan = write_scan()
    record = next((scan / "points").glob("0002*")) / "record.json"
    record.write_text(content)
    assert len(load([scan])) == 3
    assert str(record) in caplog.text


def test_a_missing_record_a_directory_and_a_dead_link_hide_no_other(write_scan, caplog):
    scan = write_scan(grid={"model.width": [1, 2, 3, 4, 5]})
    records = [next((scan / "points").glob(f"{number:04}*")) / "record.json" for number in (1, 2, 3)]
    for record in records:
        record.unlink()
    records[1].mkdir()
    records[2].symlink_to("nowhere")
    (scan / "points" / "a file").write_text("")
    assert [point.record.point for point in load([scan])] == [4, 5]
    assert f"left out: {records[1]}: Is a directory" in caplog.text
    assert "3 of 5 points are not done" in caplog.text


def test_a_record_of_a_newer_version_is_read_and_said_once(write_scan, caplog):
    scan = write_scan()
    for number in (2, 3):
        altered(scan, number, versions={"dlscan": "99.1.0"}, something="new")
    assert len(load([scan])) == 4
    assert [entry.getMessage() for entry in caplog.records if "99.1.0" in entry.getMessage()] == [
        f"{scan}: some records were written by dlscan 99.1.0, newer than this {dlscan.__version__}; "
        "what only the newer version knows is not shown"
    ]


@pytest.mark.parametrize("entries", [{"epochs": ...}, {"epochs": {"trained": 12}}])
def test_a_record_of_a_newer_version_that_cannot_be_read_says_so(write_scan, caplog, entries):
    scan = write_scan()
    record = altered(scan, 2, versions={"dlscan": "99.1.0"}, **entries)
    assert len(load([scan])) == 3
    assert f"left out: {record}: written by dlscan 99.1.0, newer than this" in caplog.text


def test_the_same_point_in_two_directories_is_shown_twice(write_scan):
    scan = write_scan()
    shutil.copytree(next((scan / "points").glob("0002*")), scan / "points" / "copy")
    assert [point.record.point for point in load([scan])] == [1, 2, 2, 3, 4]


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


def test_times_of_an_older_pack_are_shared_out_and_its_network_is_known(write_scan):
    """It wrote what the job took with each of its networks, and had no key for where inputs meet."""

    def older(number, record):
        record["pack"] = 4
        record["params"] = {key: value for key, value in record["params"].items() if "merged" not in key}
        record.pop("job_seconds", None)

    for point in load([write_scan(change=older)]):
        assert point.record.job_seconds == 2.5 * point.record.epochs
        assert point.record.train_seconds == point.record.job_seconds / 4
        assert point.record.params["model.merged_depth"] == 0
        # or a table of both would have a column for it, and repeats would be told apart by it
        assert point.record.params["model.merged_width"] == "auto"
        assert point.record.params["model.initializer"] == "glorot"


def test_an_old_record_whose_classes_would_be_refused_today_is_read(write_scan):
    def change(_, record):
        record["classes"] = ("S", "B", "S_vs_B")
        for part in ("metrics", "errors"):
            record[part] = {name.replace("X", "S_vs_B"): value for name, value in record[part].items()}

    points = load([write_scan(classes=("S", "B", "X"), events=30, change=change)])
    assert [point.record.classes for point in points] == [("S", "B", "S_vs_B")] * 4
    assert len(table(points, ["*_AUC"]).frame.columns) > 3


def test_records_of_before_are_not_told_apart_by_keys_that_came_later(write_scan):
    later = ("loss", "gamma", "label_smoothing", "l1", "l2", "warm_up")
    then = {"model.family": "dense", "train.epochs": 12, "train.early_stopping.monitor": "val_loss"}
    now = _flat({"model": {"family": "dense", **plain(Dense())}, "train": plain(Train())}) | {
        "train.epochs": 12
    }

    def change(number, record):
        old = {key: value for key, value in now.items() if key.split(".")[1] not in later}
        old = {
            key: value for key, value in old.items() if not re.search(r"schedule_|window|initializer", key)
        }
        record["params"] = then | (old if number < 3 else now) | record["params"]

    points = load([write_scan(change=change)])
    assert varying_columns(points) == ["Width", "Depth"]
    assert points[0].record.params["train.loss"] == "auto"
    quantile = {**now, "train.loss": {"quantile": 0.9}}
    assert completed_params(then | quantile) == then | quantile
