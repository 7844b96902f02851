"""What a finished point's scores hold, and what the record says of them."""

import contextlib
import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from dlscan import models
from dlscan.config import Model, Train, load
from dlscan.dataset import Manifest
from dlscan.metrics import Measured, event_losses, measure, measure_validation
from dlscan.models import Network, keras
from dlscan.record import Record
from dlscan.stream import Batches
from dlscan.tasks.classify import Classification
from dlscan.train import train_point
from dlscan.train.evaluate import _Events, evaluate
from dlscan.train.feed import Feed
from dlscan.train.means import Running, Sums
from dlscan.train.objectives import EVENTS, Supervised, supervised
from dlscan.train.scorers import NetworkScorer, _seconds
from dlscan.train.scores import score_files
from dlscan.train.steps import Trained, steps

TASK = Classification(("Ele", "Pi0", "ChPi"))


def read(group):
    """Scores, labels and event weights of a split, and the loss of each event."""
    return [group[name][()] for name in ("scores", "labels", "weights", "losses")]


def test_scores_of_all_splits_are_kept(undisturbed, mapping):
    splits = Manifest.read(Path(mapping["data"]["prepared"])).splits
    with h5py.File(undisturbed.predictions) as file:
        for group, split in ((file, "test"), (file["validation"], "validation"), (file["train"], "train")):
            scores, labels, weights, losses = read(group)
            sample = split == "train"
            assert scores.shape == (2 * splits["test"].events if sample else splits[split].events, 3)
            np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
            assert sample or tuple(np.bincount(labels)) == splits[split].counts
            assert (weights == 1).all()
            np.testing.assert_allclose(losses, event_losses(scores, labels), rtol=1e-4, atol=1e-6)


def test_every_number_in_the_record_comes_from_the_kept_scores(undisturbed):
    record = Record.read(undisturbed.record)
    with h5py.File(undisturbed.predictions) as file:
        scores, labels, weights, losses = read(file)
        measured = measure(scores, labels, record.classes, weights, losses)
        measured |= measure_validation(*read(file["validation"])[:2], record.classes)

    for name, value in measured.values.items():
        assert record.metrics[name] == value, name
    assert {name: record.errors[name] for name in measured.errors} == measured.errors
    # no background passes where the classes are as different as these
    assert set(record.reasons) == {name for name, value in record.metrics.items() if value is None}


def test_validation_numbers_are_those_of_the_weights_that_were_kept(make_point, info, read_history):
    first = {"min_delta": 10.0, "patience": 2}
    paths = make_point(train__early_stopping=first, data__balance="none")
    train_point(paths, info)

    record = Record.read(paths.record)
    best = read_history(paths)[record.best_epoch - 1]
    assert (record.best_epoch, record.epochs) == (1, 3)
    with h5py.File(paths.predictions) as file:
        losses = file["validation/losses"][()]
    assert np.mean(losses) == pytest.approx(float(best[3]), rel=1e-5)
    assert record.metrics["val_kept_accuracy"] == pytest.approx(float(best[4]), abs=1e-6)


def test_the_loss_of_the_history_is_that_of_validation_and_test_whatever_it_is(
    make_point, info, read_history
):
    """The weights of classes are in both; the penalty is in none."""
    kind = {"loss": "focal", "label_smoothing": 0.2, "l2": 1.0, "epochs": 1, "batch_size": 100}
    paths = make_point(train=kind)
    train_point(paths, info)

    record, (row,) = Record.read(paths.record), read_history(paths)
    factors = np.array(balance_weights(paths))
    with h5py.File(paths.predictions) as file:
        for group, expected in ((file["validation"], float(row[3])), (file, record.metrics["test_loss"])):
            scores, labels, losses = (group[name][()] for name in ("scores", "labels", "losses"))
            right, p = 0.8 * np.eye(3)[labels] + 0.2 / 3, np.maximum(scores.astype(float), 1e-30)
            np.testing.assert_allclose(losses, -(right * (1 - p) ** 2 * np.log(p)).sum(axis=1), rtol=1e-3)
            assert np.mean(factors[labels] * losses) == pytest.approx(expected, rel=1e-5)
            np.testing.assert_allclose(group["cross_entropies"], event_losses(scores, labels), rtol=1e-3)
        log_loss = np.mean(file["cross_entropies"])
    assert record.metrics["test_log_loss"] == pytest.approx(log_loss, rel=1e-5)


def test_a_loss_that_is_not_finite_for_an_event_is_a_missing_number(make_point, info, monkeypatch):
    def endless_once(self, raw, truth):
        losses = np.ones(len(truth["scores"]), np.float32)
        losses[0] = np.inf
        return losses

    monkeypatch.setattr(Supervised, "unusual", endless_once)
    paths = make_point(train__epochs=1)
    assert train_point(paths, info) == "done"
    record = Record.read(paths.record)
    assert record.metrics["test_loss"] is None
    assert re.fullmatch(r"the losses of \d+ of \d+ events are not finite", record.reasons["test_loss"])
    assert record.metrics["test_log_loss"] > 0


def balance_weights(paths):
    """The weight of each class in the losses of a point."""
    data = load(paths.config).data
    with Batches(data.prepared, "validation", 100, 0, balance=data.balance) as batches:
        return batches.class_weights


def test_event_weights_weigh_every_metric(make_point, info):
    paths = make_point(data__weights="energy", train__epochs=1)
    train_point(paths, info)

    metrics = Record.read(paths.record).metrics
    with h5py.File(paths.predictions) as file:
        scores, labels, weights, _ = read(file)
        np.testing.assert_array_equal(weights, file["extras/energy"][()])
        assert (file["train/weights"][()] >= 10).all()
    assert metrics["Mean_AUC"] == measure(scores, labels, ("Ele", "Pi0", "ChPi"), weights).values["Mean_AUC"]
    assert metrics["Mean_AUC"] != measure(scores, labels, ("Ele", "Pi0", "ChPi")).values["Mean_AUC"]


def constant(manifest):
    """A network whose logits are the first three values of the image."""
    inputs = {name: keras.Input(column.shape, name=name) for name, column in manifest.inputs.items()}
    logits = keras.layers.Flatten()(inputs["image"])[:, :3]
    scores = keras.layers.Activation("softmax")(logits)
    return Network(keras.Model(inputs, scores), inputs, {"scores": logits}, {"scores": scores})


def sure(manifest):
    """A network that has learned nothing and is sure of it."""
    network = models.construct(Model(), manifest, {})
    kernel = network.model.get_layer("net-output").kernel
    kernel.assign(kernel * 1000)
    return network


def test_one_loss_for_history_validation_and_test_where_a_network_is_sure_and_wrong(mapping, tmp_path):
    """Scores are exactly 0 there, and their logarithm would be that of what they are clipped at."""
    prepared = mapping["data"]["prepared"]

    def stream(split, batch_size=64):
        return Batches(
            prepared,
            split,
            batch_size,
            0,
            shuffle=split == "train",
            balance="weights",
            extras=split == "test",
        )

    network = sure(Manifest.read(Path(prepared)))
    optimizer = keras.optimizers.SGD()
    optimizer.build(network.model.trainable_variables)
    pack = steps([Trained.single(network, optimizer, supervised(TASK, Train()))])
    with stream("test") as batches:
        told = Running([Sums()])
        for fed in Feed(TASK)(batches.epoch(0), pack.one_length):
            ((numbers, _),) = pack.look(({EVENTS: fed}, None))
            told.add(numbers, fed.events)
        (sums,) = told.read()
    with score_files([tmp_path / "predictions.h5"]) as files:
        (evaluation,) = evaluate([TASK], NetworkScorer([network]), lambda split: stream(split, 100), files)
        files[0].commit()
    loss = sums.means(TASK.curves)["loss"]
    assert loss > 100
    assert evaluation.measured.values["test_loss"] == pytest.approx(loss, rel=1e-5)
    with h5py.File(tmp_path / "predictions.h5") as file:
        scores, labels, weights, losses = read(file)
    assert scores.min() == 0
    assert np.isfinite(losses).all()
    measured = measure(scores, labels, evaluation.classes, weights, losses)
    assert measured.values["test_log_loss"] == evaluation.measured.values["test_log_loss"]
    # what the probabilities alone would say
    assert measure(scores, labels, evaluation.classes).values["test_log_loss"] < 17


def test_scores_are_written_as_they_come_whatever_waits(mapping, tmp_path, monkeypatch):
    def stream(split):
        return Batches(
            mapping["data"]["prepared"], split, 10, 0, shuffle=split == "train", extras=split == "test"
        )

    manifest = Manifest.read(Path(mapping["data"]["prepared"]))
    networks = [sure(manifest), models.construct(Model(), manifest, {}, 2)]
    found = []
    for waiting in (1, 25, 10**6):
        monkeypatch.setattr("dlscan.train.evaluate.BUFFERED", waiting)
        paths = [tmp_path / f"{waiting}-{number}.h5" for number in range(2)]
        with score_files(paths) as files:
            evaluate([TASK] * 2, NetworkScorer(networks), stream, files)
            for file in files:
                file.commit()
        with contextlib.ExitStack() as stack:
            opened = [stack.enter_context(h5py.File(path)) for path in paths]
            found.append(
                [read(group) for file in opened for group in (file, file["validation"], file["train"])]
            )
    np.testing.assert_equal(found[0], found[2])
    np.testing.assert_equal(found[1], found[2])


def test_train_is_sampled_and_every_event_keeps_its_score(mapping, tmp_path, monkeypatch):
    def stream(split):
        return Batches(prepared, split, 100, 0, shuffle=split == "train", extras=split == "test")

    prepared = mapping["data"]["prepared"]
    monkeypatch.setattr("dlscan.train.evaluate.TRAIN_SAMPLE", 150)
    manifest = Manifest.read(Path(prepared))
    paths = [tmp_path / "predictions.h5", tmp_path / "discarded.h5"]
    with score_files(paths) as files:
        evaluate([TASK] * 2, NetworkScorer([constant(manifest), constant(manifest)]), stream, files)
        files[0].commit()

    # what is not committed leaves nothing
    assert list(tmp_path.iterdir()) == [paths[0]]
    with h5py.File(tmp_path / "predictions.h5") as file:
        assert file["train/scores"].shape == (150, 3)
        assert set(file["train/labels"][()]) == {0, 1, 2}  # a mixture, not the first class alone
        sources, scores = file["sources"][()], file["scores"][()]
    for (number, row), score in zip(sources, scores, strict=True):
        with h5py.File(Path(mapping["data"]["raw"]) / manifest.sources[number].file) as file:
            first = np.exp(file["image"][row].reshape(-1)[:3])
            np.testing.assert_allclose(first / first.sum(), score, rtol=1e-6)


def test_a_timed_call_ends_when_all_that_it_gives_is_there(monkeypatch):
    read = []
    monkeypatch.setattr(keras.ops, "convert_to_numpy", read.append)
    _seconds(lambda inputs: {"ECAL": inputs, "HCAL": "more"}, "all")
    assert set(read) == {"all", "more"}


def test_the_loss_of_one_event_has_no_uncertainty_and_says_why():
    events = _Events.__new__(_Events)
    events.loss_weights = np.ones(1, np.float32)
    measured = Measured()
    events.add_loss(measured, np.ones(1, np.float32), np.ones(1, bool))
    assert measured.values == {"test_loss": None}
    assert measured.reasons == {"test_loss": "one event, which tells no uncertainty"}
