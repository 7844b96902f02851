"""Scans leave a note at their dataset, and `prepare` warns before it replaces what they use."""

import logging

import pytest

from dlscan.claims import Claim
from dlscan.dataset import Manifest, fits
from dlscan.dataset.notes import note_use
from dlscan.errors import DataError
from dlscan.prepare import prepare
from dlscan.scan import freeze
from dlscan.users import users_of
from tests.records import finish


@pytest.fixture
def scan(make_experiment):
    """An experiment of three points, prepared and planned."""
    experiment = make_experiment(scan={"grid": {"model.width": [8, 16, 32]}})
    manifest = prepare(experiment, processes=1).manifest
    return experiment, freeze(experiment, manifest.config_hash)


def test_prepare_names_the_scan_whose_dataset_it_replaces(scan, make_experiment, caplog):
    experiment, plan = scan
    done, training, _ = (plan.paths(point) for point in plan.points)
    finish(done, epochs=experiment.train.epochs)
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
    named = f"scan small ({experiment.directory}; 1 of 3 points done, 1 training now) uses the dataset"
    assert named in warning.getMessage()
    # the dataset that is there now is nobody's
    caplog.clear()
    prepare(make_experiment("data.split.seed=3"), processes=1)
    assert "uses the dataset" not in caplog.text


def test_finished_scan_is_named_by_the_refusal_and_before_its_dataset_is_replaced(
    scan, make_experiment, tmp_path, caplog
):
    experiment, plan = scan
    for point in plan.points:
        finish(plan.paths(point), epochs=experiment.train.epochs)
    note_use(experiment.data.prepared, "moved", tmp_path / "no such scan")
    (user,) = users_of(experiment.data.prepared)
    assert (user.scan, user.finished) == ("small", True)
    other = make_experiment("data.split.seed=2")
    manifest = Manifest.of(experiment)
    with pytest.raises(DataError) as refused:
        fits.require(manifest, other)
    assert "run `dlscan prepare " in str(refused.value)
    assert f"replaces the dataset of scan small ({experiment.directory.resolve()})" in str(refused.value)
    assert "first set another data.prepared" in str(refused.value)
    prepare(other, processes=1)
    (warning,) = [record for record in caplog.records if "uses the dataset" in record.getMessage()]
    assert "3 of 3 points done) uses the dataset that is being replaced" in warning.getMessage()
    assert "`dlscan predict` and `dlscan scan` will refuse that scan" in warning.getMessage()
    # nobody uses what is there now
    with pytest.raises(DataError) as refused:
        fits.require(Manifest.of(other), experiment)
    assert "data.prepared" not in str(refused.value)


def test_damaged_note_or_dataset_that_cannot_be_written_is_no_error(scan, tmp_path):
    experiment, _ = scan
    for note in (experiment.data.prepared / ".scans").iterdir():
        note.write_text('{"scan": 7')
    assert users_of(experiment.data.prepared) == []
    note_use(tmp_path / "nothing here", "small", tmp_path)
