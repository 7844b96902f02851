"""Whether two points were tested on the same events, whatever their order."""

import dataclasses

import h5py
import numpy as np
import pytest

from dlscan import tasks
from dlscan.analysis.compare.event_noise import event_noise
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.records import load
from dlscan.analysis.points.results import predictions
from dlscan.analysis.points.same_events import OtherEventsError, aligned, events_of
from dlscan.analysis.tables.table import table
from dlscan.config.task import Tasks
from dlscan.dataset import Manifest
from dlscan.errors import ScanError
from dlscan.prepare import prepare
from dlscan.stream import Batches
from dlscan.train.scores import ScoreFile

EVENTS = 400


def alter(point, change):
    """Rewrite what a point left of its test events: `change` gets and gives a mapping of arrays."""
    with h5py.File(point.paths.predictions, "r+") as file:
        old = {name: file[name][()] for name in ("scores", "labels", "sources", "weights")}
        old["files"] = np.arange(16 * 3, dtype=np.uint8).reshape(3, 16)
        old["losses"] = np.random.default_rng(6).random(EVENTS).astype(np.float32)
        new = change(old)
        for name in ("scores", "labels", "sources", "weights"):
            del file[name]
        for name, values in new.items():
            if name == "classes":
                file.attrs["classes"] = values
            else:
                file[name] = values


def shuffled(arrays):
    """The same events in another order, from a dataset that numbers its files otherwise."""
    order, renumbered = np.random.default_rng(5).permutation(EVENTS), np.array([2, 0, 1])
    new = {name: values[order] for name, values in arrays.items() if name != "files"}
    new["sources"][:, 0] = renumbered[new["sources"][:, 0]]
    return new | {"files": arrays["files"][np.argsort(renumbered)]}


def without(*names):
    return lambda arrays: {name: values for name, values in shuffled(arrays).items() if name not in names}


def other_rows(arrays):
    arrays["sources"][:7, 1] += EVENTS
    return shuffled(arrays)


def other_weights(arrays):
    arrays["weights"][3] = 2
    return shuffled(arrays)


def other_order_of_classes(arrays):
    columns = [3, 1, 0, 2]
    arrays = shuffled(arrays)
    labels = np.argsort(columns)[arrays["labels"]].astype(np.int32)
    names = [("Ele", "Gamma", "Pi0", "ChPi")[column] for column in columns]
    return arrays | {"scores": arrays["scores"][:, columns], "labels": labels, "classes": names}


@pytest.fixture
def pair(write_scan):
    """Make a point and the same network on another dataset, whose test events are altered."""

    def make(change, scan="other", config_hash="4567"):
        def rehash(number, record):
            record["dataset"]["config_hash"] = config_hash

        one = load([write_scan("one", done=1)])[0]
        other = load([write_scan(scan, done=1, change=rehash)])[0]
        alter(one, lambda arrays: arrays)
        alter(other, change)
        return one, other

    return make


def test_the_same_events_in_another_order_are_compared(pair, caplog):
    one, other = pair(shuffled)
    base = predictions(one)
    found = aligned(other, predictions(other), one, base)
    assert np.array_equal(found.scores, base.scores)
    assert np.array_equal(found.labels, base.labels)
    assert np.array_equal(found.losses, base.losses)
    frame = table([one, other], ["Ele_AUC"], versus="one:1").frame
    assert frame["Ele_AUC_Diff"][1] == 0
    load([one.paths.directory.parents[1], other.paths.directory.parents[1]])
    assert "different events" not in caplog.text


@pytest.mark.parametrize("name", ["Mean_AUC", "test_log_loss"])
def test_noise_of_the_same_events_in_another_order_is_shared(pair, name):
    one, other = pair(shuffled)
    covariance = event_noise([one, other], name).covariance
    assert covariance[0, 0] > 0
    np.testing.assert_allclose(covariance, covariance[0, 0])


def test_classes_may_have_another_order(pair):
    one, other = pair(other_order_of_classes)
    base = predictions(one)
    found = aligned(other, predictions(other), one, base)
    assert found.classes == base.classes
    assert np.array_equal(found.scores, base.scores)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_rows, "different events: 400 and 400, with 393 in common"),
        (other_weights, "have different weights for the test events"),
        (without("sources"), "do not say which raw file and row each event is from .*older version"),
        (without("files"), "do not name raw files, and prepared/lcd has no dataset .*train the point again"),
    ],
)
def test_what_differs_or_cannot_be_told_is_said(pair, caplog, change, message):
    one, other = pair(change)
    with pytest.raises(OtherEventsError, match=message):
        aligned(other, predictions(other), one, predictions(one))
    with pytest.raises(ScanError, match=f"--versus: .*{message}"):
        table([one, other], versus="one:1")
    load([one.paths.directory.parents[1], other.paths.directory.parents[1]])
    assert "different events cannot be compared, see the column Events" in caplog.text


def test_within_a_dataset_the_numbers_of_its_files_are_enough(pair):
    one, other = pair(
        lambda arrays: {name: values[::-1] for name, values in arrays.items() if name != "files"},
        config_hash="0123",
    )
    base = predictions(one)
    assert np.array_equal(aligned(other, predictions(other), one, base).scores, base.scores)


def scored(prepared, path, point, *, kept=True):
    """Scores that depend on raw file and row alone, in the order in which `prepared` gives its test split."""
    manifest = Manifest.read(prepared)
    with Batches(prepared, split="test", batch_size=16, workers=0, extras=True) as batches:
        file = ScoreFile(path)
        file.create(batches, tasks.make(Tasks(), manifest.classes))
        labels, start = [], 0
        for batch in batches.epoch(0, last=True):
            file.carry(batch, start)
            labels.append(batch.labels)
            start += len(batch)
        places = file._file["sources"][:].astype(np.float64)
        score = np.modf(np.sin(places[:, 0] * 17 + places[:, 1]) * 1e4)[0] ** 2
        scores = np.stack([score] + [(1 - score) / 2] * 2, axis=1).astype(np.float32)
        file.write("test", 0, start, {"scores": scores, "losses": np.ones(start, np.float32)})
        file.tell("test", np.concatenate(labels), np.ones(start, np.float32))
        if not kept:
            del file._file["files"]
        file.commit()
    dataset = {"path": str(prepared), "config_hash": manifest.config_hash}
    paths = dataclasses.replace(point.paths, directory=path.parent)
    return DonePoint(dataclasses.replace(point.record, dataset=dataset), paths, path.parent.name)


def test_a_dataset_an_index_and_other_inputs_hold_the_same_events(make_experiment, write_scan, tmp_path):
    (made,) = load([write_scan(done=1)])
    prepared = {}
    for name, changed in (
        ("dataset", "data.balance=none"),
        ("index", "data.balance=none"),
        ("inputs", "data.inputs=[HCAL]"),
        ("split", "data.split.seed=2"),
    ):
        experiment = make_experiment(f"data.prepared=prepared/{name}", changed)
        prepare(experiment, processes=1, index_only=name == "index")
        prepared[name] = experiment.data.prepared
    for kept in (True, False):
        points = []
        for name, place in prepared.items():
            directory = tmp_path / f"{name}-{kept}"
            directory.mkdir()
            points.append(scored(place, directory / "predictions.h5", made, kept=kept))
        assert len({point.record.dataset["config_hash"] for point in points}) == 4
        base, index, inputs, _ = map(predictions, points)
        assert not np.array_equal(index.sources, base.sources)
        assert np.array_equal(aligned(points[1], index, points[0], base).scores, base.scores)
        assert np.array_equal(aligned(points[2], inputs, points[0], base).scores, base.scores)
        assert events_of(points[:3]) == ({}, "")
        assert "different events" in events_of(points)[1]
