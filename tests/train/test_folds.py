"""Trainings on folds: alone and together they are the same, and none sees an event that validates it."""

import contextlib
import csv
import dataclasses
import functools
import os
import signal
from types import SimpleNamespace

import numpy as np
import pytest

from dlscan import event_losses
from dlscan.analysis.points.results import read_predictions
from dlscan.config import experiment_from, load_point, plain
from dlscan.config.dotted import put
from dlscan.dataset import Manifest
from dlscan.machine import free_memory
from dlscan.models import backend
from dlscan.prepare import prepare
from dlscan.record import Record
from dlscan.stream import Batches
from dlscan.train import PointInfo, passes, train_point, train_points, validating
from dlscan.train.checkpoint import Checkpoint
from dlscan.train.folds import passed_alone
from dlscan.train.info import Rungs
from dlscan.train.pack import Pack
from dlscan.train.passes import FoldPass, _groups, _turns, open_pass
from dlscan.train.streams import open_stream

FOLDS = 3


@pytest.fixture(scope="session")
def folded(mapping, tmp_path_factory):
    """The toy experiment, without class weights, on three folds; as plain values."""
    home = tmp_path_factory.mktemp("folds")
    data = {**mapping["data"], "balance": "none", "folds": FOLDS, "prepared": str(home / "prepared")}
    content = {
        **mapping,
        "data": data,
        "model": {**mapping["model"], "width": 4},
        # the third fold has a batch less than the others
        "train": {**mapping["train"], "batch_size": 39, "epochs": 2},
    }
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


LEFT_OUT = (1, 2, [1, 3])


@pytest.fixture(scope="module")
def alone(folded, tmp_path_factory):
    """A training for each choice of folds, each by itself; leave them as they are."""
    from tests.train.conftest import write_point

    home, made = tmp_path_factory.mktemp("alone"), []
    for number, fold in enumerate(LEFT_OUT, 1):
        made.append(write_point(folded, home / str(number), data__fold=fold, **AREA))
        assert train_point(made[-1], info_of(number)) == "done"
    return made


AREA = {"train__early_stopping": {"monitor": "val_Mean_AUC"}}


def assert_same(paths, other):
    assert history_of(paths) == history_of(other)
    one, two = Record.read(paths.record), Record.read(other.record)
    assert one.metrics == two.metrics
    assert one.params["data.fold"] == two.params["data.fold"]
    for split in ("test", "validation"):
        first, second = (read_predictions(each.predictions, split) for each in (paths, other))
        np.testing.assert_array_equal(first.scores, second.scores)


def test_a_fold_in_a_pack_equals_the_fold_alone(make, alone):
    packed = make("packed", *LEFT_OUT, **AREA)
    assert set(train_points(packed).values()) == {"done"}
    for (paths, _), other in zip(packed, alone, strict=True):
        assert_same(paths, other)
        assert Record.read(paths.record).pack == len(LEFT_OUT)


@pytest.mark.parametrize(
    ("asked", "normalize"), [("auto", "log"), ("sparse", "standard"), ("sparse", {"ECAL": "log"})], ids=str
)
def test_a_fold_in_a_pack_equals_the_fold_alone_where_inputs_are_mostly_zeros(
    sparse_data, tmp_path, asked, normalize
):
    from tests.train.conftest import write_point

    content = {
        "name": "sparse",
        "output": str(tmp_path),
        "data": {
            **sparse_data,
            "balance": "none",
            "folds": FOLDS,
            "normalize": normalize,
            "prepared": str(tmp_path / "prepared"),
        },
        "model": {"width": 40, "depth": 1},
        "train": {"batch_size": 40, "epochs": 1},
        "stream": {"transport": asked, "workers": 0},
    }
    prepare(experiment_from(content, tmp_path / "sparse.yaml"), processes=1)
    alone, packed = (
        [
            (write_point(content, tmp_path / f"{name}-{fold}", data__fold=fold), info_of(fold))
            for fold in (1, 2)
        ]
        for name in ("alone", "packed")
    )
    for point in alone:
        assert train_point(*point) == "done"
    assert set(train_points(packed).values()) == {"done"}
    for (paths, _), (other, _) in zip(packed, alone, strict=True):
        assert_same(paths, other)


@pytest.mark.parametrize(
    ("changes", "alone"),
    [
        ({}, False),
        # a fold has fewer than four batches
        ({"train.batch_size": 100}, True),
        ({"data.fraction": 0.5}, True),
        ({"data.fraction": 1}, False),
        # the weights of classes depend on the events that train
        ({"data.balance": "weights"}, True),
        ({"model": {"family": "bdt"}}, True),
    ],
    ids=str,
)
def test_folds_share_a_pass_where_that_changes_nothing(folded, tmp_path, changes, alone):
    content = functools.reduce(lambda known, item: put(known, *item), changes.items(), folded)
    experiment = experiment_from(put(content, "data.fold", 2), tmp_path / "toy.yaml")
    assert passed_alone(experiment) == ((2,) if alone else ())


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


def test_folds_that_end_at_different_epochs_equal_those_alone(folded, tmp_path, monkeypatch):
    """Where some are finished, the calls that look at the others are few: each choice is compiled."""
    from tests.train.conftest import write_point

    def made(name):
        return [
            (
                write_point(folded, tmp_path / f"{name}-{fold}", data__fold=fold, train__epochs=epochs),
                info_of(fold),
            )
            for fold, epochs in ((1, 3), (2, 1), (3, 2))
        ]

    together, alone = made("together"), made("alone")
    for point in alone:
        assert train_point(*point) == "done"
    looked, look = set(), Pack.look
    trained, train = set(), Pack.train

    def noted(self, batches, *others):
        looked.add(tuple(batches))
        return look(self, batches, *others)

    def noted_too(self, *batches):
        trained.add(tuple(batch.fold for batch in batches))
        return train(self, *batches)

    monkeypatch.setattr(Pack, "look", noted)
    monkeypatch.setattr(Pack, "train", noted_too)
    monkeypatch.setattr(Pack, "worth_leaving", lambda *those: False)
    assert set(train_points(together).values()) == {"done"}
    for (paths, _), (other, _) in zip(together, alone, strict=True):
        assert_same(paths, other)
    assert looked <= {((1,), (2,), (3,)), ((1,),), ((2,),), ((3,),)}
    assert ((1,), (2,), (3,)) in looked
    assert trained <= {(1, 2, 3), (1,), (2,), (3,)}
    assert ((1, 2, 3) in trained) == (backend() == "tensorflow")


@pytest.mark.parametrize("together", [1, 2])
def test_folds_are_looked_at_some_at_a_time(make, alone, monkeypatch, together):
    monkeypatch.setattr(validating, "_MOST", together)
    packed = make("some", *LEFT_OUT, **AREA)
    assert set(train_points(packed).values()) == {"done"}
    for (paths, _), other in zip(packed, alone, strict=True):
        assert_same(paths, other)


def test_many_folds_are_taken_some_at_a_time(make, monkeypatch):
    """Here the first one, and then the other two: one alone in its group has calls of its own."""
    monkeypatch.setattr(passes, "_TOGETHER", 2)
    packed, alone = (make(name, 1, 2, 3, train__epochs=1) for name in ("packed", "alone"))
    trained, train = [], Pack.train
    with monkeypatch.context() as noted:
        noted.setattr(Pack, "train", lambda *given: trained.append(len(given) - 1) or train(*given))
        assert set(train_points(packed).values()) == {"done"}
    if backend() == "tensorflow":
        assert set(trained) == {1, 2}
    for point, (other, _) in zip(alone, packed, strict=True):
        assert train_point(*point) == "done"
        assert_same(point[0], other)


def test_streams_of_folds_share_what_one_may_take(make):
    points = make("small", 1, 2, stream__memory="4MiB")
    experiments = [load_point(paths.config) for paths, _ in points]
    manifest = Manifest.of(experiments[0])
    with contextlib.ExitStack() as stack:
        training = open_pass(experiments, manifest, 1, stack)
        (own,) = {stream._budget.bytes for stream in training._streams.values()}
        # half is for validation; a training alone gives each fold as much, or would see another order
        assert own == 2 * 2**20 // FOLDS
    with open_stream(experiments[0], "validation", beside=2) as validation:
        assert validation._budget.bytes == 2**20
    (free,) = [experiment_from(put(plain(experiments[0]), "stream.memory", None), points[0][0].config)]
    with open_stream(free, "validation", beside=8) as validation:
        assert validation._budget.bytes <= free_memory() / 8


def test_the_losses_that_a_race_compares_are_those_of_the_fold_alone(make):
    rungs = Rungs((2,), lambda: {1, 2, 3}, list, racing=True)
    packed, alone = (
        [(paths, dataclasses.replace(info, rungs=rungs)) for paths, info in make(name, *LEFT_OUT)]
        for name in ("packed", "alone")
    )
    assert set(train_points(packed).values()) == {"done"}
    for point in alone:
        assert train_point(*point) == "done"
    for (paths, _), (other, _) in zip(packed, alone, strict=True):
        epoch = Record.read(paths.record).best_epoch
        kept, whole = (event_losses.read(each, epoch) for each in (paths, other))
        assert len(kept) > 0
        np.testing.assert_array_equal(kept, whole)


@pytest.mark.parametrize("one_by_one", [False, True])
def test_folds_that_are_stopped_within_an_epoch_go_on_as_if_nothing_had_been(
    make, alone, monkeypatch, one_by_one
):
    cut = make("cut", *LEFT_OUT, **AREA)
    monkeypatch.setenv("DLSCAN_GRACE", "0")

    def stop(epoch, step, steps):
        if (epoch, step) == (2, 5):
            os.kill(os.getpid(), signal.SIGUSR1)

    # within a turn too: steps are taken one by one there
    with monkeypatch.context() as patched:
        if one_by_one:
            deliver = FoldPass.deliver
            patched.setattr(
                FoldPass, "deliver", lambda *given: (each._replace(rest=0) for each in deliver(*given))
            )
        assert set(train_points(cut, stop).values()) == {"preempted"}
    at_the_end = backend() == "tensorflow" and not one_by_one
    assert {Checkpoint(paths.last).read(print).step for paths, _ in cut} == {6 if at_the_end else 5}
    assert set(train_points(cut).values()) == {"done"}
    for (paths, _), other in zip(cut, alone, strict=True):
        assert_same(paths, other)


@pytest.mark.parametrize(
    ("steps", "turns"),
    [
        ([2, 2, 2], [[1, 2, 3], [1, 2, 3]]),
        ([5, 4, 5], [[1, 2, 3], [1, 2, 3], [1, 3], [1, 2, 3], [1, 2, 3]]),
        # those that have more take them between the turns of all
        ([6, 2, 3], [[1], [1, 2, 3], [1], [1, 3], [1, 2, 3], [1]]),
        ([2, 2, 1, 2, 2, 2], [[1, 2], [4, 5, 6], [1, 2, 3], [4, 5, 6]]),
    ],
)
def test_the_batches_of_each_fold_are_spread_over_an_epoch(steps, turns):
    assert _turns(steps, _groups(len(steps))) == turns


@pytest.mark.parametrize(
    ("steps", "left_out", "together"),
    [
        ([2, 2, 2], [(1,), (2,), (3,)], True),
        ([2, 2, 2], [(1, 2), (1, 3)], True),
        # one turn of all saves two calls, and each of eight batches needs one more
        ([9, 1, 1], [(1,), (2,), (3,)], False),
        # a function for one batch serves for all
        ([2, 2, 2], [(2,)], False),
    ],
)
def test_batches_are_taken_together_where_that_needs_fewer_calls(steps, left_out, together):
    folds = [SimpleNamespace(events=SimpleNamespace(counts=[count])) for count in steps]
    training = FoldPass({}, SimpleNamespace(folds=folds, classes=["all"]), 1)
    assert training.together(left_out) is together


def test_the_rest_of_a_turn_is_told_where_it_is_whole(folded, tmp_path):
    experiment = experiment_from(folded, tmp_path / "toy.yaml")
    manifest = Manifest.of(experiment)

    def delivered(left_out, done=0):
        with contextlib.ExitStack() as stack:
            training = open_pass(
                [experiment.at({"data.fold": own[0]}) for own in left_out], manifest, 1, stack
            )
            found = training.deliver(0, done, True, left_out)
            return [(each.place, each.fold, each.rest) for each in found]

    assert [-(-fold.events.events // 39) for fold in manifest.folds] == [9, 9, 8]
    assert delivered([(1,), (2,)])[:4] == [(1, 1, 2), (2, 2, 1), (3, 3, 0), (4, 1, 2)]
    assert delivered([(2,)])[:3] == [(1, 1, 1), (3, 3, 0), (4, 1, 1)]
    # nor is one whole without the shortest fold, or what is left of it
    assert delivered([(1,), (2,)])[12:16] == [(13, 1, 0), (14, 2, 0), (15, 1, 2), (16, 2, 1)]
    assert delivered([(1,), (2,)], 4)[:3] == [(5, 2, 0), (6, 3, 0), (7, 1, 2)]
