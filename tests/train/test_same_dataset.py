"""A training holds to its dataset: no event that it was trained on is ever scored as a test event."""

import shutil

import h5py
import numpy as np
import pytest

from dlscan.config import experiment_from
from dlscan.config.dotted import put
from dlscan.errors import DataError, PointsFailed
from dlscan.prepare import prepare
from dlscan.record import Record
from dlscan.stream import Batches
from dlscan.train import PointInfo, evaluate, fit, train_point, train_points


@pytest.fixture
def again(mapping, tmp_path):
    """The experiment with a dataset of its own, and how to prepare that with a seed of the split."""
    own = put(mapping, "data.prepared", str(tmp_path / "prepared"))

    def make(seed):
        prepare(experiment_from(put(own, "data.split.seed", seed), tmp_path / "toy.yaml"), processes=1)

    make(1)
    return tmp_path / "prepared", make


def events_of(prepared, split):
    with Batches(prepared, split, workers=0, extras=True) as batches:
        return {tuple(row) for batch in batches.epoch(0, last=True) for row in batch.sources.tolist()}


def left(paths):
    return {path.name for path in paths.directory.iterdir()}


@pytest.mark.parametrize(("epoch", "workers"), [(1, 0), (2, 1)])
def test_dataset_prepared_anew_while_a_point_trains_ends_it_and_nothing_is_written(
    make_point, info, again, read_history, undisturbed, epoch, workers
):
    prepared, make = again
    first = {split: events_of(prepared, split) for split in ("train", "validation", "test")}
    paths = make_point(data__prepared=str(prepared), stream__workers=workers)

    def change(now, step, steps):
        if (now, step) == (epoch, 2):
            make(2)

    with pytest.raises(DataError, match=rf"{prepared}: the dataset was replaced by one with other events"):
        train_point(paths, info, change)

    # the same raw events: some that are to be scored now were trained on
    assert events_of(prepared, "test") & first["train"]
    assert not left(paths) & {"record.json", "predictions.h5", "best.keras"}
    assert not paths.history.exists() or len(read_history(paths)) < epoch
    with pytest.raises(DataError, match=r"data\.split"):
        train_point(paths, info)

    make(1)
    assert train_point(paths, info) == "done"

    assert read_history(paths) == read_history(undisturbed)
    with Batches(prepared, workers=0) as batches:
        assert Record.read(paths.record).dataset["config_hash"] == batches.manifest.config_hash
    with h5py.File(paths.predictions) as file:
        scored = {tuple(row) for row in file["sources"][:].tolist()}
    assert scored == first["test"]
    assert not scored & (first["train"] | first["validation"])


def test_a_dataset_that_is_removed_while_it_is_in_use_is_named_so(again):
    prepared, _ = again
    with Batches(prepared, workers=0) as batches:
        shutil.rmtree(prepared)
        with pytest.raises(DataError, match=rf"{prepared}: the dataset was removed while it was in use"):
            list(batches.epoch(0))


def test_dataset_prepared_anew_between_training_and_scoring_is_not_scored(
    make_point, info, again, monkeypatch, read_attempts
):
    prepared, make = again
    paths = make_point(data__prepared=str(prepared), train__epochs=1)

    def too_late(*arguments):
        make(2)
        return evaluate.evaluate(*arguments)

    monkeypatch.setattr(fit, "evaluate", too_late)

    with pytest.raises(DataError, match="replaced by one"):
        train_point(paths, info)
    assert not left(paths) & {"record.json", "predictions.h5", "best.keras"}
    assert "replaced by one" in read_attempts(paths)[-1]["error"]


def test_dataset_prepared_anew_while_scores_are_made_is_not_in_a_record(make_point, info, again, monkeypatch):
    prepared, make = again
    paths = make_point(data__prepared=str(prepared), train__epochs=1)

    fill = evaluate._Events.fill

    def change(self, tasks, batches, *others):
        fill(self, tasks, batches, *others)
        if batches._delivery.shuffle:  # the sample of train, which comes last
            make(2)

    monkeypatch.setattr(evaluate._Events, "fill", change)

    with pytest.raises(DataError, match="replaced by one"):
        train_point(paths, info)
    assert not left(paths) & {"record.json", "predictions.h5", "best.keras"}


def test_all_points_of_a_pack_hold_to_the_dataset(make_point, again):
    prepared, make = again
    points = [
        (make_point(f"p{number}", data__prepared=str(prepared), train__seed=number), number)
        for number in (1, 2)
    ]

    def change(now, step, steps):
        if (now, step) == (2, 1):
            make(2)

    infos = [(paths, PointInfo(number, f"p{number}", "toy", (), order_seed=1)) for paths, number in points]
    with pytest.raises((DataError, PointsFailed)):
        train_points(infos, change)
    for paths, _ in points:
        assert not left(paths) & {"record.json", "predictions.h5", "best.keras"}
        assert np.loadtxt(paths.history, delimiter=",", skiprows=1, ndmin=2).shape[0] == 1
