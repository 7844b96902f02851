"""Early stopping by the mean AUC: worked out after each epoch, equal to that of the record."""

import csv

import numpy as np
import pytest

from dlscan import models
from dlscan.config import Dense, Model, Train
from dlscan.errors import DataError
from dlscan.metrics import one_against_rest
from dlscan.record import Record
from dlscan.stream import Batches
from dlscan.tasks.classify import Classification
from dlscan.train import train_point
from dlscan.train.feed import Feed
from dlscan.train.learner import Learner
from dlscan.train.pack import Pack, TrainingBatch

MONITOR = {"monitor": "val_Mean_AUC", "patience": 3}


def rows_of(paths):
    with paths.history.open(newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.fixture(scope="module")
def trained(mapping, info, tmp_path_factory):
    from tests.train.conftest import write_point

    changes = {"train__early_stopping": MONITOR, "train__learning_rate": 0.05}
    paths = write_point(mapping, tmp_path_factory.mktemp("area") / "point", **changes)
    train_point(paths, info)
    return paths


def test_the_best_epoch_is_that_of_the_largest_area_and_the_record_has_the_same_area(trained):
    rows, record = rows_of(trained), Record.read(trained.record)
    areas = [float(row["val_Mean_AUC"]) for row in rows]
    assert record.best_epoch == int(np.argmax(areas)) + 1
    # balance weighs classes in the loss, not in the area
    assert areas[record.best_epoch - 1] == pytest.approx(record.metrics["val_Mean_AUC"], abs=1e-6)


def test_other_columns_are_those_of_a_training_without_it(trained, undisturbed, make_point, info):
    assert "val_Mean_AUC" not in rows_of(undisturbed)[0]
    plain = make_point(train__learning_rate=0.05, train__epochs=len(rows_of(trained)))
    train_point(plain, info)
    for own, other in zip(rows_of(trained), rows_of(plain), strict=True):
        for key in ("loss", "accuracy", "val_loss", "val_accuracy"):
            assert own[key] == other[key]


@pytest.mark.parametrize("balance", ["none", "weights"])
def test_areas_of_a_pack_are_those_of_each_network(mapping, balance):
    with Batches(mapping["data"]["prepared"], batch_size=100, workers=0, balance=balance) as batches:
        task = Classification(batches.manifest.classes)
        train = Train.parse({"learning_rate": 1e-30, "early_stopping": MONITOR}, "train")
        networks = [
            models.construct(Model("dense", Dense(width, 1)), batches.manifest, {}, width) for width in (4, 8)
        ]
        pack = Pack([Learner(one, task, train, "hash", 1) for one in networks], factors=batches.class_weights)
        for batch in Feed(task)(batches.epoch(0), one_length=True):
            pack.train(TrainingBatch(batch))
            pack.look({(): batch})
        rows = pack.end_epoch(pack.learners, 1.0, 1.0)
        events = [
            ({name: values.copy() for name, values in batch.inputs.items()}, batch.labels.copy())
            for batch in batches.epoch(0)
        ]
    for network, row in zip(networks, rows, strict=True):
        scores = np.concatenate([network.model.predict_on_batch(inputs) for inputs, _ in events])
        labels = np.concatenate([labels for _, labels in events])
        expected = one_against_rest(scores, labels, batches.manifest.classes)["Mean_AUC"]
        assert row["val_Mean_AUC"] == pytest.approx(expected, abs=1e-6)


def test_without_an_area_it_says_so(make_point, info, monkeypatch):
    paths = make_point(train__early_stopping=MONITOR, train__epochs=1)
    # a validation split of one class, as a small or unlucky one is
    monkeypatch.setattr("dlscan.train.area.one_against_rest", lambda *args: {"Mean_AUC": None})
    with pytest.raises(DataError, match=r"val_Mean_AUC, but no class has an AUC in the validation split"):
        train_point(paths, info)
    assert not paths.record.exists()
