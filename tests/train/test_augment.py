"""Trainings on augmented events: they go on and share streams as others do; nothing else is augmented."""

import signal

import numpy as np
import pytest
import yaml

from dlscan.config import experiment_from, load_point
from dlscan.config.dotted import put
from dlscan.dataset import Manifest, fits
from dlscan.errors import ConfigError
from dlscan.prepare import prepare
from dlscan.scan import expand
from dlscan.stream import Batches
from dlscan.train import PointInfo, train_point, train_points
from dlscan.train.streams import open_stream, transport
from dlscan.train.to_score import open_scored

STEPS = {"image": [{"flip": [0, 1]}, {"rotate": [0, 1]}, {"drop": 0.1}], "vector": [{"noise": 0.5}]}
SEED = {"order_seed": 1}


@pytest.fixture
def point(make_point):
    def make(name, number=1, **changes):
        info = PointInfo(number, name, "toy", ("model.width",), **SEED)
        return make_point(name, data__augment=STEPS, train__epochs=2, **changes), info

    return make


def test_a_training_goes_on_and_shares_its_pack_as_if_alone(point, read_history, monkeypatch):
    alone, stopped = point("alone"), point("stopped", stream__workers=1)
    assert train_point(*alone) == "done"
    monkeypatch.setenv("DLSCAN_GRACE", "0")

    def stop(epoch, step, steps):
        if (epoch, step) == (2, 3):
            signal.raise_signal(signal.SIGTERM)

    assert train_point(*stopped, stop) == "preempted"
    assert train_point(*stopped) == "done"
    assert read_history(stopped[0]) == read_history(alone[0])

    pack = [point("one"), point("other", 2, model__width=4)]
    assert set(train_points(pack).values()) == {"done"}
    ours, others = (np.array(read_history(paths), float) for paths in (pack[0][0], alone[0]))
    np.testing.assert_allclose(ours, others, rtol=1e-4)


def images(stream, epoch=0):
    with stream as batches:
        return np.concatenate([batch.inputs["image"] for batch in batches.epoch(epoch)])


def test_nothing_is_augmented_but_what_networks_are_trained_on(point):
    experiment = load_point(point("point")[0].config)

    def plain(split, **options):
        return images(Batches(experiment.data.prepared, split=split, workers=0, **options))

    for split in ("validation", "test"):
        seen = plain(split, shuffle=False)
        np.testing.assert_array_equal(images(open_scored(experiment, split, 1)), seen)
        np.testing.assert_array_equal(images(open_stream(experiment, split)), seen)
    scored, trained = images(open_scored(experiment, "train", 1)), images(open_stream(experiment, "train"))
    sums = np.sort(plain("train").sum(axis=(1, 2)))
    np.testing.assert_array_equal(np.sort(scored.sum(axis=(1, 2))), sums)
    assert trained.shape == scored.shape
    assert not np.allclose(np.sort(trained.sum(axis=(1, 2))), sums)


def test_a_fold_is_augmented_where_it_is_trained_on(mapping, tmp_path):
    content = put(mapping, "data.prepared", str(tmp_path / "prepared"))
    content = put(put(content, "data.folds", 2), "data.augment", STEPS)
    content = put(content, "data.balance", "none")
    experiment = experiment_from(content, tmp_path / "toy.yaml")
    prepare(experiment, processes=1)

    validated = images(open_stream(experiment, "validation"))
    trained = images(open_stream(experiment, "validation", fold=1))

    assert trained.shape == validated.shape
    assert np.count_nonzero(trained) < 0.95 * np.count_nonzero(validated)


def test_inputs_travel_as_entries_unless_noise_fills_their_zeros(sparse_data, tmp_path):
    def experiment(step, asked="auto"):
        data = {**sparse_data, "augment": {"ECAL": [step]}}
        content = {"name": "toy", "data": data, "stream": {"transport": asked}}
        return experiment_from(content, tmp_path / "toy.yaml")

    assert transport(experiment({"flip": [0]})) == "sparse"
    assert transport(experiment({"noise": 0.1})) == "dense"
    with pytest.raises(ConfigError, match=r"stream\.transport: sparse, but data.augment leaves few zeros"):
        transport(experiment({"noise": 0.1}, "sparse"))


def test_points_may_differ_in_what_is_done_to_events(mapping, tmp_path):
    grid = {"data.augment": [None, STEPS], "model.family": ["dense", "bdt"]}
    content = {**mapping, "scan": {"grid": grid}, "model": {}}
    experiment = experiment_from(content, tmp_path / "toy.yaml")
    points = expand(experiment)

    # trees have no use for it
    assert [(point.params["model.family"], point.params.get("data.augment")) for point in points] == [
        ("dense", None),
        ("bdt", None),
        ("dense", STEPS),
    ]
    assert [experiment.at(point.params).data.augment.plain() for point in points] == [None, None, STEPS]
    fits.require(Manifest.of(experiment), experiment)
    wrong = {**content, "scan": {"grid": {"data.augment": [None, {"image": [{"flip": [2]}]}]}}}
    with pytest.raises(ConfigError, match=r"data\.augment\.image\[0\]: there is no axis 2 in the shape 4x4"):
        fits.require(Manifest.of(experiment), experiment_from(wrong, tmp_path / "toy.yaml"))


def test_a_plan_keeps_the_functions_that_augment(mapping, tmp_path):
    (tmp_path / "aug.py").write_text(
        "def one(event, rng):\n    return event\n\n\ndef two(event, rng):\n    return event\n"
    )
    content = put(mapping, "data.augment", {"image": ["./aug.py:one", "./aug.py:two"]})
    experiment = experiment_from(content, tmp_path / "toy.yaml")
    assert list(experiment.sources) == [str(tmp_path / "aug.py")]
    (tmp_path / "aug.py").unlink()
    (tmp_path / "point.yaml").write_text(yaml.safe_dump(experiment.plain()))

    there = load_point(tmp_path / "point.yaml", experiment.sources)

    assert there.data.augment == experiment.data.augment
    with pytest.raises(ConfigError, match=r"data\.augment\.image\[0\]: .*aug\.py: no such file"):
        load_point(tmp_path / "point.yaml")
