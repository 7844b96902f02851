"""Scans leave a note at their dataset, and `prepare` warns before it replaces what they use."""

import logging

import pytest

from dlscan.claims import Claim
from dlscan.prepare import prepare
from dlscan.record import Record
from dlscan.scan import freeze
from dlscan.users import note_use, unfinished_users


def finish(paths):
    """Leave the record of a point that was trained to its end."""
    now = "2026-01-01T00:00:00+00:00"
    Record(
        1, "width=8", "small", ("model.width",), {"model.width": 8}, ("a", "b"), {"a_AUC": 0.5},
        2, 1, "epochs", 2.5, 17.5, 1e5, 100, 1, now, now, 1,
        "node1", "CPU", "tensorflow", {"dlscan": "1"}, None, {"path": "x", "config_hash": "y"},
    ).write(paths.record)  # fmt: skip


@pytest.fixture
def scan(make_experiment):
    """An experiment of three points, prepared and planned."""
    experiment = make_experiment(scan={"grid": {"model.width": [8, 16, 32]}})
    manifest = prepare(experiment, processes=1).manifest
    return experiment, freeze(experiment, manifest.config_hash)


def test_prepare_names_the_scan_whose_dataset_it_replaces(scan, make_experiment, caplog):
    experiment, plan = scan
    done, training, _ = (plan.paths(point) for point in plan.points)
    finish(done)
    claim = Claim.take(training)
    try:
        prepare(experiment, processes=1)
        assert "uses the dataset" not in caplog.text
        other = make_experiment("data.split.seed=2")
        prepare(other, processes=1)
    finally:
        claim.end("preempted")
    (warning,) = [record for record in caplog.records if "uses the dataset" in record.getMessage()]
    assert warning.levelno == logging.WARNING
    named = f"scan small ({experiment.directory}; 1 of 3 points done, 1 in training now) uses the dataset"
    assert named in warning.getMessage()
    # the dataset that is there now is nobody's
    caplog.clear()
    prepare(make_experiment("data.split.seed=3"), processes=1)
    assert "uses the dataset" not in caplog.text


def test_scan_whose_points_are_done_or_gone_is_no_user(scan, tmp_path):
    experiment, plan = scan
    prepared = experiment.data.prepared
    assert [user.scan for user in unfinished_users(prepared)] == ["small"]
    note_use(prepared, "moved", tmp_path / "no such scan")
    for point in plan.points:
        finish(plan.paths(point))
    assert unfinished_users(prepared) == []


def test_damaged_note_or_dataset_that_cannot_be_written_is_no_error(scan, tmp_path):
    experiment, _ = scan
    for note in (experiment.data.prepared / ".scans").iterdir():
        note.write_text('{"scan": 7')
    assert unfinished_users(experiment.data.prepared) == []
    note_use(tmp_path / "nothing here", "small", tmp_path)
