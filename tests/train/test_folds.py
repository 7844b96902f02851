"""Trainings on folds: alone and together they are the same, and none sees an event that validates it."""

import contextlib
import csv
import os
import signal

import numpy as np
import pytest

from dlscan.analysis.points.results import read_predictions
from dlscan.config import experiment_from
from dlscan.dataset import Manifest
from dlscan.prepare import prepare
from dlscan.record import Record
from dlscan.stream import Batches
from dlscan.train import PointInfo, train_point, train_points
from dlscan.train.passes import open_pass

FOLDS = 3


@pytest.fixture(scope="session")
def folded(mapping, tmp_path_factory):
    """The toy experiment, without class weights, on three folds; as plain values."""
    home = tmp_path_factory.mktemp("folds")
    data = {**mapping["data"], "balance": "none", "folds": FOLDS, "prepared": str(home / "prepared")}
    content = {**mapping, "data": data, "train": {**mapping["train"], "batch_size": 40, "epochs": 3}}
    prepare(experiment_from(content, home / "folds.yaml"), processes=1)
    return content


def info_of(number):
    return PointInfo(number, f"point-{number}", "folds", ("data.fold",), order_seed=1)


def history_of(paths):
    """The history without its times."""
    with paths.history.open(newline="") as file:
        return [[float(value) for value in row[:5]] for row in list(csv.reader(file))[1:]]


@pytest.fixture
def make(folded, tmp_path):
    """Points numbered from 1 with these folds left out, and with changes in common."""
    from tests.train.conftest import write_point

    def make(name, *folds, **changes):
        return [
            (write_point(folded, tmp_path / f"{name}-{number}", data__fold=fold, **changes), info_of(number))
            for number, fold in enumerate(folds, 1)
        ]

    return make


@pytest.mark.parametrize(
    ("folds", "changes"),
    [
        ((1, 2, 3), {"train__early_stopping": {"monitor": "val_Mean_AUC"}}),
        # a fold is too short for four batches: each trains on its own stream, in one job all the same
        ((1, 3), {"train__batch_size": 100}),
    ],
    ids=["shared", "apart"],
)
def test_a_fold_in_a_pack_equals_the_fold_alone(make, folds, changes):
    packed = make("packed", *folds, **changes)
    assert set(train_points(packed).values()) == {"done"}
    for (paths, _), (alone, info) in zip(packed, make("alone", *folds, **changes), strict=True):
        assert train_point(alone, info) == "done"
        assert history_of(paths) == history_of(alone)
        record, single = Record.read(paths.record), Record.read(alone.record)
        assert record.metrics == single.metrics
        assert record.params["data.fold"] == single.params["data.fold"]
        assert record.pack == (len(folds) if len(folds) == FOLDS else 1)
        for split in ("test", "validation"):
            one, other = (read_predictions(each.predictions, split) for each in (paths, alone))
            np.testing.assert_array_equal(one.scores, other.scores)


def test_no_network_trains_on_an_event_that_validates_or_tests_it(folded, tmp_path):
    def sources(split, left_out):
        with Batches(folded["data"]["prepared"], split, 64, 0, extras=True, left_out=left_out) as batches:
            return {tuple(source) for batch in batches.epoch(0) for source in batch.sources.tolist()}

    experiment = experiment_from(folded, tmp_path / "toy.yaml").at({"data.fold": 2})
    with contextlib.ExitStack() as stack:
        manifest = Manifest.of(experiment)
        training = open_pass([experiment], manifest, 1, stack)
        seen, folds = [], set()
        for epoch in (0, 1):
            delivered = [
                (each.place, each.fold, each.batch.inputs["vector"].copy())
                for each in training.deliver(epoch, 0, epoch == 1, [(2,)])
            ]
            seen.append(np.concatenate([vectors for _, _, vectors in delivered]))
            folds |= {fold for _, fold, _ in delivered}
            assert len(delivered) == training.steps_of((2,)) < training.steps
            assert [place for place, _, _ in delivered] == sorted({place for place, _, _ in delivered})
    assert folds == {1, 3}
    with Batches(folded["data"]["prepared"], "train", 64, 0, left_out=(2,)) as batches:
        wanted = np.concatenate([batch.inputs["vector"] for batch in batches.epoch(0)])
    for own in seen:
        # each event once an epoch, in another order
        np.testing.assert_array_equal(np.unique(own, axis=0), np.unique(wanted, axis=0))
        assert len(own) == len(wanted)
    assert not np.array_equal(seen[0], seen[1])
    train, validation, test = (sources(split, (2,)) for split in ("train", "validation", "test"))
    assert not (train & validation) | (train & test) | (validation & test)


def test_two_folds_may_be_left_out_by_some_of_a_pack(make):
    packed = make("packed", [1, 2], 3)
    assert set(train_points(packed).values()) == {"done"}
    for (paths, _), (alone, info) in zip(packed, make("alone", [1, 2], 3), strict=True):
        assert train_point(alone, info) == "done"
        assert history_of(paths) == history_of(alone)


def test_folds_that_are_stopped_within_an_epoch_go_on_as_if_nothing_had_been(make, monkeypatch):
    whole, cut = make("whole", 1, 2, 3), make("cut", 1, 2, 3)
    train_points(whole)
    monkeypatch.setenv("DLSCAN_GRACE", "0")

    def stop(epoch, step, steps):
        if (epoch, step) == (2, 6):
            os.kill(os.getpid(), signal.SIGUSR1)

    assert set(train_points(cut, stop).values()) == {"preempted"}
    assert set(train_points(cut).values()) == {"done"}
    for (paths, _), (other, _) in zip(whole, cut, strict=True):
        assert history_of(paths) == history_of(other)
        assert Record.read(paths.record).metrics == Record.read(other.record).metrics
