import json

import h5py
import numpy as np
import pytest

from dlscan.analysis.points.evaluate import evaluate
from dlscan.analysis.points.records import load
from dlscan.metrics import measure

NEW = ("errors", "reasons", "flops", "inference_events_per_second")


def rewrite(point, change):
    record = json.loads(point.paths.record.read_text())
    change(record)
    point.paths.record.write_text(json.dumps(record))
    return record


def make_old(record):
    """As a version before uncertainties wrote it."""
    for name in NEW:
        del record[name]
    kept = ("Ele_AUC", "Mean_AUC", "test_loss")
    record["metrics"] = {name: record["metrics"][name] for name in kept} | {"best_val_loss": 0.25}


@pytest.mark.parametrize("processes", [1, 2])
def test_records_of_an_older_version_get_every_number(write_scan, processes):
    points = load([write_scan()])
    now = [point.record for point in points]
    for point in points:
        rewrite(point, make_old)

    results = evaluate(points, processes=processes)

    assert [(result.changed, result.problem) for result in results] == [(True, "")] * 4
    for before, point in zip(now, load([points[0].paths.directory.parents[1]]), strict=True):
        after = point.record
        assert after.metrics == before.metrics | {"best_val_loss": 0.25}
        assert after.errors == {name: pair for name, pair in before.errors.items() if name != "test_loss"}


def test_a_record_that_says_all_this_already_is_left_alone(write_scan):
    points = load([write_scan()])
    before = [point.paths.record.stat().st_mtime_ns for point in points]

    assert not any(result.changed for result in evaluate(points))
    assert [point.paths.record.stat().st_mtime_ns for point in points] == before


def test_numbers_come_from_the_scores_and_their_weights(write_scan):
    (point,) = load([write_scan(done=1)])
    with h5py.File(point.paths.predictions, "a") as file:
        weights = np.linspace(0.5, 2, len(file["labels"]))
        file["weights"][:] = weights
        scores, labels = file["scores"][()], file["labels"][()]

    assert evaluate([point])[0].changed

    (after,) = load([point.paths.directory.parents[1]])
    expected = measure(scores, labels, point.record.classes, weights.astype(np.float32))
    assert after.record.metrics["Ele_AUC"] == expected.values["Ele_AUC"] != point.record.metrics["Ele_AUC"]
    assert after.record.errors["Ele_AUC"] == expected.errors["Ele_AUC"]


def test_what_a_newer_version_wrote_beside_survives(write_scan):
    (point,) = load([write_scan(done=1)])
    rewrite(point, lambda record: record.update(novelty=[1, 2], metrics={}))

    assert evaluate([point])[0].changed
    assert json.loads(point.paths.record.read_text())["novelty"] == [1, 2]


def test_a_class_that_is_not_in_the_split_gives_a_reason_not_a_number(write_scan):
    (point,) = load([write_scan(done=1)])
    with h5py.File(point.paths.predictions, "a") as file:
        labels = file["labels"][()]
        file["labels"][:] = np.where(labels == 2, 0, labels)

    evaluate([point])

    (after,) = load([point.paths.directory.parents[1]])
    assert after.record.metrics["Pi0_AUC"] is None
    assert after.record.reasons["Pi0_AUC"] == "no events of Pi0"
    assert "Pi0_AUC" not in after.record.errors
    assert after.record.metrics["val_Pi0_AUC"] is not None


def test_scores_without_a_validation_split_say_so(write_scan):
    (point,) = load([write_scan(done=1)])
    rewrite(point, make_old)
    with h5py.File(point.paths.predictions, "a") as file:
        del file["validation"], file["train"], file["weights"]

    evaluate([point])

    (after,) = load([point.paths.directory.parents[1]])
    assert after.record.metrics["Ele_AUC"] == point.record.metrics["Ele_AUC"]
    assert after.record.metrics["val_Mean_AUC"] is None
    assert "train the point again" in after.record.reasons["val_Mean_AUC"]


def test_a_point_without_its_scores_keeps_its_record(write_scan):
    points = load([write_scan()])
    points[0].paths.predictions.unlink()
    points[1].paths.predictions.write_text("no HDF5")
    with h5py.File(points[2].paths.predictions, "a") as file:
        file["scores"][0, 0] = np.nan
    before = [point.paths.record.read_text() for point in points]

    results = evaluate(points)

    assert results[0].problem == "predictions.h5 is missing"
    assert "predictions.h5: cannot read scores" in results[1].problem
    assert str(points[2].paths.directory) in results[2].problem
    assert "1 of 1600 scores are nan" in results[2].problem
    assert results[3].problem == ""
    assert [point.paths.record.read_text() for point in points] == before
