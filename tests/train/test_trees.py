"""Boosted trees as a trainer: histories, checkpoints, what a point leaves."""

import dataclasses
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from dlscan.config import experiment_from
from dlscan.dataset import Manifest
from dlscan.errors import ConfigError, DataError, DivergedError
from dlscan.record import PointPaths, Record
from dlscan.stream import Batches
from dlscan.train import train_point, train_points
from dlscan.train.checkpoint import Checkpoint
from dlscan.train.interruption import Interruption
from dlscan.train.trees.objectives import Classified
from dlscan.trees import read_forest

TREES = {"family": "bdt", "trees": 6, "leaves": 5, "min_events": 5, "features": 0.5}


def write_trees(mapping, directory, train=None, data=None, stream=None, task="classify", **model):
    """The directory of a point of trees, as a scan makes it."""
    directory.mkdir()
    mapping = mapping | {"task": task}
    plain = {**mapping, "model": TREES | model, "train": {"early_stopping": None} | (train or {})}
    plain |= {"data": mapping["data"] | (data or {}), "stream": mapping["stream"] | (stream or {})}
    point = experiment_from(plain, directory / "config.yaml").at({})
    (directory / "config.yaml").write_text(yaml.safe_dump(point.plain()))
    return PointPaths(directory)


@pytest.fixture
def make_trees(mapping, tmp_path):
    def make(name="trees", **changes):
        return write_trees(mapping, tmp_path / name, **changes)

    return make


@pytest.fixture(scope="module")
def whole(mapping, info, tmp_path_factory):
    """Finished trees that nothing interrupted; tests leave them as they are."""
    paths = write_trees(mapping, tmp_path_factory.mktemp("trees") / "whole")
    assert train_point(paths, info) == "done"
    return paths


def events_of(mapping, split):
    """Raw inputs, labels and weights of a split."""
    with Batches(mapping["data"]["prepared"], split, 10_000, 0, shuffle=False, balance="weights") as batches:
        (batch,) = batches.epoch(0)
    return batch.inputs, batch.labels, batch.weights


def test_finished_trees_leave_what_networks_leave_with_a_file_of_their_own(whole):
    assert sorted(path.name for path in whole.directory.iterdir()) == [
        "attempts",
        "best.h5",
        "config.yaml",
        "history.csv",
        "lock",
        "predictions.h5",
        "record.json",
    ]


def test_record_says_what_trees_are(whole, mapping):
    record = Record.read(whole.record)
    forest, _ = read_forest(whole.trees)
    assert (record.epochs, record.stopped, record.backend, record.pack) == (6, "epochs", "scikit-learn", 1)
    assert set(record.versions) == {"dlscan", "python", "numpy", "h5py", "scikit-learn"}
    assert record.model_parameters == forest.leaves == (forest.nodes["left"] < 0).sum()
    assert (record.flops, record.reasons["flops"][:5]) == (None, "trees")
    assert record.inference_events_per_second > 0
    assert record.params["model.leaves"] == 5
    # of training what matters to trees, and nothing that only dense networks have
    own = {key for key in record.params if not key.startswith("model.")}
    assert own == {"train.loss", "train.early_stopping", "train.seed", "train.time_limit"}
    assert "model.merged_depth" not in record.params
    record.require_whole(whole.trees)


def test_history_is_that_of_the_trees_of_each_round(whole, mapping, read_history):
    forest, _ = read_forest(whole.trees)
    for row in read_history(whole):
        number, *told = map(float, row)
        expected = []
        for split in ("train", "validation"):
            inputs, labels, weights = events_of(mapping, split)
            scores = forest.first(int(number)).scores(inputs)
            losses = -np.log(scores[np.arange(len(labels)), labels].astype(float))
            expected += [np.mean(weights * losses), np.mean(scores.argmax(axis=1) == labels)]
        assert told == pytest.approx(expected, abs=1e-6)


def test_predictions_are_the_scores_of_the_file(whole, mapping):
    inputs, labels, _ = events_of(mapping, "test")
    with h5py.File(whole.predictions) as file:
        assert np.array_equal(file["labels"][()], labels)
        assert np.array_equal(file["scores"][()], read_forest(whole.trees)[0].scores(inputs))
        assert set(file) >= {"extras", "sources", "files", "validation", "train", "losses"}
    assert Record.read(whole.record).metrics["Mean_AUC"] > 0.9


def test_trees_that_a_signal_stopped_go_on_to_what_they_would_have_been(
    make_trees, info, whole, read_history, read_attempts, caplog
):
    caplog.set_level("INFO", "dlscan")
    paths = make_trees()
    kill = {1: lambda: os.kill(os.getpid(), signal.SIGTERM)}
    # after the first round there is a look at what asks to stop
    assert train_point(paths, info, lambda epoch, *_: kill.get(epoch, int)()) == "preempted"
    assert "stopped by SIGTERM after epoch 1 of 6; run the same command again" in caplog.text
    assert not paths.record.exists()
    assert train_point(paths, info) == "done"
    assert "continues after epoch 1 of 6, on CPU" in caplog.text
    assert [attempt["resumed_after"] for attempt in read_attempts(paths)] == [0, 1]
    assert read_history(paths) == read_history(whole)
    assert np.array_equal(read_forest(paths.trees)[0].nodes, read_forest(whole.trees)[0].nodes)
    assert not paths.last.exists()


def test_each_attempt_grows_a_round_however_short_its_time_limit(
    make_trees, info, whole, read_history, monkeypatch
):
    paths = make_trees(train={"time_limit": "1s"})
    monkeypatch.setattr(Interruption, "out_of_time", lambda self, needed: True)
    outcomes = [train_point(paths, info) for _ in range(6)]
    assert outcomes == ["timeout"] * 5 + ["done"]
    assert read_history(paths) == read_history(whole)


def test_damaged_checkpoint_is_said_and_trees_start_anew(make_trees, info, whole, read_history, caplog):
    caplog.set_level("INFO", "dlscan")
    paths = make_trees()
    kill = {1: lambda: os.kill(os.getpid(), signal.SIGTERM)}
    assert train_point(paths, info, lambda epoch, *_: kill.get(epoch, int)()) == "preempted"
    Checkpoint(paths.last).variables(1).write_bytes(b"damaged")
    assert train_point(paths, info) == "done"
    assert "its checksum does not match" in caplog.text
    assert read_history(paths) == read_history(whole)


@pytest.mark.parametrize("monitor", ["val_loss", "val_accuracy", "val_Mean_AUC"])
def test_early_stopping_keeps_the_trees_of_the_best_round(make_trees, info, monitor, read_history):
    rule = {"monitor": monitor, "patience": 2}
    paths = make_trees(trees=100, learning_rate=1.0, train={"early_stopping": rule})
    assert train_point(paths, info) == "done"
    record = Record.read(paths.record)
    assert (record.stopped, record.epochs) == ("early", record.best_epoch + 2)
    assert len(read_history(paths)) == record.epochs
    assert read_forest(paths.trees)[0].rounds == record.best_epoch
    if monitor == "val_Mean_AUC":
        column = np.genfromtxt(paths.history, delimiter=",", names=True)["val_Mean_AUC"]
        assert column.argmax() + 1 == record.best_epoch
        assert column.max() == pytest.approx(record.metrics["val_Mean_AUC"], abs=1e-9)


@pytest.mark.filterwarnings("ignore:overflow")
def test_trees_that_diverge_say_what_is_theirs_to_lower(make_trees, info):
    paths = make_trees(learning_rate=1e308)
    with pytest.raises(DivergedError, match=r"after epoch \d; lower model\.learning_rate$"):
        train_point(paths, info)


def test_trees_and_networks_of_one_job_are_trained_apart(make_trees, make_point, info, whole, read_history):
    jobs = [make_trees("a"), make_point("b", train__epochs=1), make_trees("c", trees=3)]
    points = [(paths, dataclasses.replace(info, number=number)) for number, paths in enumerate(jobs, start=1)]
    assert train_points(points) == {1: "done", 2: "done", 3: "done"}
    assert read_history(jobs[0]) == read_history(whole)
    assert read_history(jobs[2]) == read_history(whole)[:3]
    assert Record.read(jobs[1].record).backend != "scikit-learn"
    assert [Record.read(paths.record).pack for paths in jobs] == [1, 1, 1]


def test_a_signal_at_the_end_of_one_point_leaves_the_next_one_for_another_job(make_trees, info):
    jobs = [make_trees("a"), make_trees("b")]
    points = [(paths, dataclasses.replace(info, number=number)) for number, paths in enumerate(jobs, start=1)]
    kill = {6: lambda: os.kill(os.getpid(), signal.SIGTERM)}
    assert train_points(points, lambda epoch, *_: kill.get(epoch, int)()) == {1: "done", 2: "preempted"}
    assert not jobs[1].history.exists()
    assert train_points(points) == {1: "done", 2: "done"}


def test_events_that_do_not_fit_are_refused_before_they_are_read(make_trees, info):
    paths = make_trees(stream={"memory": "1 MiB"})
    with pytest.raises(ConfigError) as caught:
        train_point(paths, info)
    said = str(caught.value)
    assert said.startswith(f"{paths.config}: stream.memory: boosted trees hold all training and validation ")
    assert re.search(r"924 events of 19 values need 0\.\d+ GiB, but this is 0\.000977 GiB; raise", said)
    assert not paths.history.exists()


def test_a_class_without_training_events_is_refused(mapping):
    manifest = Manifest.read(Path(mapping["data"]["prepared"]))
    train = dataclasses.replace(manifest.splits["train"], counts=(5, 0, 5))
    with pytest.raises(DataError, match="class Pi0 has no training event"):
        Classified(dataclasses.replace(manifest, splits={**manifest.splits, "train": train}))


@pytest.mark.parametrize("loss", ["mse", "mae", {"quantile": 0.8}])
def test_numbers_are_learned_in_standard_units_and_told_in_their_own(make_trees, info, mapping, loss):
    task = {"kind": "regress", "targets": {"Energy": "energy", "Half": "energy"}}
    rule = {"monitor": "val_mae", "patience": 50}
    paths = make_trees(task=task, trees=4, train={"loss": loss, "early_stopping": rule})
    assert train_point(paths, info) == "done"
    record, (forest, _) = Record.read(paths.record), read_forest(paths.trees)
    assert (forest.outputs, forest.classes, forest.rounds) == (("Energy", "Half"), (), record.best_epoch)
    assert record.metrics["Energy_MAE"] == pytest.approx(record.metrics["Half_MAE"])

    inputs, _, weights = events_of(mapping, "test")
    found = forest.predictions(inputs)
    with h5py.File(paths.predictions) as file:
        assert np.array_equal(file["predictions"][()], found)
        truth, losses = file["targets"][()], file["losses"][()]
        spread = file["validation/targets"][()], file["validation/predictions"][()]
    # the spread of the training events, from the column of the history that is in its units
    last = np.genfromtxt(paths.history, delimiter=",", names=True)[record.best_epoch - 1]
    std = np.abs(spread[0] - spread[1]).mean() / last["val_mae"]
    assert 25 < std < 33
    errors = (truth - found)[:, 0] / std
    expected = {"mse": errors**2, "mae": abs(errors)}.get(str(loss), np.maximum(0.8 * errors, -0.2 * errors))
    assert losses == pytest.approx(expected, rel=1e-3, abs=1e-4)
    assert record.metrics["test_loss"] == pytest.approx(np.mean(weights * losses), rel=1e-5)
    if isinstance(loss, dict):
        assert np.mean(truth < found) == pytest.approx(0.8, abs=0.1)


def test_trees_need_no_keras(make_trees):
    paths = make_trees(trees=1)
    script = (
        "import sys; from pathlib import Path; from dlscan.record import PointPaths\n"
        "from dlscan.train import PointInfo, train_point\n"
        "train_point(PointPaths(Path(sys.argv[1])), PointInfo(1, 'a', 'toy', ()))\n"
        "sys.exit('keras' in sys.modules)"
    )
    subprocess.run([sys.executable, "-P", "-c", script, paths.directory], check=True, timeout=120)
    assert paths.record.exists()


def test_trees_take_the_inputs_that_they_name(make_trees, info):
    points = [
        (make_trees(name, inputs=[name]), dataclasses.replace(info, number=number))
        for number, name in enumerate(("vector", "image"))
    ]

    assert set(train_points(points).values()) == {"done"}

    forests = [read_forest(paths.trees)[0] for paths, _ in points]
    assert [forest.inputs for forest in forests] == [{"vector": (3,)}, {"image": (4, 4)}]
    # one of them tells the classes apart
    vector, image = (Record.read(paths.record).metrics["Mean_AUC"] for paths, _ in points)
    assert vector > image + 0.2
