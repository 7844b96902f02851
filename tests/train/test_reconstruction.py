"""Autoencoders on toys whose answers are known: what is learned, left out, kept and measured."""

import csv
import os
import signal

import h5py
import numpy as np
import pytest

from dlscan.analysis.points.done import DonePoint
from dlscan.config import experiment_from
from dlscan.export import export
from dlscan.models import keras
from dlscan.models.saved import read_network
from dlscan.prepare import prepare
from dlscan.record import Record
from dlscan.stream import Batches
from dlscan.train import PointInfo, train_point, train_points
from tests.train.conftest import write_point

EVENTS = 1000


@pytest.fixture(scope="module")
def normal(tmp_path_factory):
    """Two classes of ten normal numbers; of one all are shifted, 3 in length. As plain values."""
    home = tmp_path_factory.mktemp("anomalies")
    for label, name in enumerate(("Known", "Shifted")):
        (home / "raw" / name).mkdir(parents=True)
        numbers = np.random.default_rng(label).normal(size=(EVENTS, 10)) + 3 * label / 10**0.5
        with h5py.File(home / "raw" / name / "one.h5", "w") as file:
            file["x"] = numbers.astype(np.float32)
            file["image"] = numbers[:, :6].reshape(-1, 2, 3).astype(np.float32)
    content = {
        "name": "anomalies",
        "data": {
            "raw": str(home / "raw"),
            "inputs": ["x", "image"],
            "normalize": "none",
            "prepared": str(home / "prepared"),
        },
        "task": {"kind": "reconstruct", "noise": 0.2, "sparsity": 0.01, "train_on": ["Known"]},
        "model": {"family": "autoencoder", "code": 2, "width": 8, "filters": 2, "dropout": 0.1},
        "train": {"epochs": 2, "batch_size": 100, "learning_rate": 0.01},
        "stream": {"workers": 0},
    }
    prepare(experiment_from(content, home / "anomalies.yaml"), processes=1)
    return content


def point(content, directory, number=1, **changes):
    info = PointInfo(number, f"p-{number}", "anomalies", ("model.layers",), order_seed=1)
    return write_point(content, directory, **changes), info


def history_of(paths):
    with paths.history.open(newline="") as file:
        return [
            {name: float(value) for name, value in row.items() if "second" not in name}
            for row in csv.DictReader(file)
        ]


def interrupted(epoch, step, steps):
    if (epoch, step) == (2, 3):
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture(scope="module")
def pack(normal, tmp_path_factory):
    """A convolutional and a dense autoencoder, trained together and interrupted on the way."""
    home = tmp_path_factory.mktemp("pack") / "points"
    home.mkdir()
    points = [
        point(normal, home / layers, n, model__layers=layers) for n, layers in enumerate(("auto", "dense"), 1)
    ]
    assert set(train_points(points, interrupted).values()) == {"preempted"}
    assert set(train_points(points).values()) == {"done"}
    return points


def test_autoencoders_of_a_pack_that_is_interrupted_end_as_they_would_alone(normal, pack, tmp_path):
    for paths, info in pack:
        alone, own = point(
            normal, tmp_path / str(info.number), info.number, model__layers=paths.directory.name
        )
        assert train_point(alone, own) == "done"
        found, expected = history_of(paths), history_of(alone)
        assert found[0].keys() == {"epoch", "loss", "mse", "val_loss", "val_mse", "networks"}
        for row, other in zip(found, expected, strict=True):
            assert [row[name] for name in ("loss", "mse", "val_loss")] == pytest.approx(
                [other[name] for name in ("loss", "mse", "val_loss")], rel=1e-5
            )


def test_classes_that_are_left_out_are_neither_trained_on_nor_in_the_loss_of_validation(normal, pack):
    with Batches(normal["data"]["prepared"], batch_size=100, workers=0, classes=["Known"]) as batches:
        labels = np.concatenate([batch.labels.copy() for batch in batches.epoch(0)])
        assert len(labels) == batches.events == batches.manifest.splits["train"].counts[0]
        assert not labels.any()
    record = Record.read(pack[0][0].record)
    # the loss is that of the events which the mean is over, without noise
    assert record.metrics["test_loss"] == pytest.approx(record.metrics["Reconstruction_MSE"], rel=1e-5)
    assert record.metrics["val_Reconstruction_MSE"] == pytest.approx(
        record.metrics["best_val_loss"], rel=1e-4
    )


def test_what_is_kept_is_what_the_saved_network_gives_in_plain_keras(normal, pack):
    paths, _ = pack[0]
    network = keras.saving.load_model(paths.best, compile=False, safe_mode=True)
    with (
        h5py.File(paths.predictions) as file,
        Batches(normal["data"]["prepared"], "test", batch_size=400, workers=0, shuffle=False) as batches,
    ):
        batch = next(iter(batches.epoch(0)))
        raw = {name: values.copy() for name, values in batch.by_network_name().items()}
        given = {name: keras.ops.convert_to_numpy(values) for name, values in network(raw).items()}
        assert given["reconstruction"].shape == (len(batch), 16)
        np.testing.assert_allclose(file["errors"][:], given["error"][:, 0], rtol=1e-4)
        np.testing.assert_allclose(file["codes"][:], given["code"], rtol=1e-4, atol=1e-5)
        flat = np.concatenate([raw["x"], raw["image"].reshape(-1, 6)], axis=1)
        np.testing.assert_allclose(
            given["error"][:, 0], ((given["reconstruction"] - flat) ** 2).mean(axis=1), rtol=1e-4
        )
        assert list(file.attrs["train_on"]) == ["Known"]


def test_a_classifier_begins_with_the_encoder_of_one_of_the_scan(normal, pack, tmp_path):
    first, _ = pack[0]
    start = {"from": str(first.scan), "point": 1, "freeze": "body"}
    paths, info = point(
        normal, tmp_path / "point", 3, task="classify", model={**normal["model"], "pretrained": start}
    )
    assert train_point(paths, info) == "done"
    there, here = (
        {layer.name: layer.get_weights() for layer in read_network(own.best).layers if layer.weights}
        for own in (first, paths)
    )
    assert "net-code" in here
    for name in here.keys() - {"net-output"}:
        for own, other in zip(here[name], there[name], strict=True):
            np.testing.assert_array_equal(own, other)
    record = Record.read(paths.record)
    assert record.pretrained["point"] == 1
    assert record.model_parameters == 2 * (2 + 1)


def test_a_variational_one_that_is_interrupted_draws_what_it_would_have_drawn(normal, tmp_path):
    model = {"family": "vae", "code": 2, "width": 8, "layers": "dense"}
    ends = []
    for number, name in enumerate(("whole", "halves"), 1):
        paths, info = point(normal, tmp_path / name, number, model=model)
        if name == "halves":
            assert set(train_points([(paths, info)], interrupted).values()) == {"preempted"}
        assert train_point(paths, info) == "done"
        ends.append(paths)
    whole, halves = map(history_of, ends)
    assert whole == halves
    with h5py.File(ends[0].predictions) as file, h5py.File(ends[1].predictions) as other:
        for name in ("errors", "codes", "losses", "distances"):
            np.testing.assert_array_equal(file[name], other[name])
    for row in whole:
        assert row["loss"] == pytest.approx(row["reconstruction"] + row["kl"], rel=1e-4)
        assert row["val_loss"] == pytest.approx(row["val_reconstruction"] + row["val_kl"], rel=1e-4)


@pytest.mark.parametrize("balance", ["none", "oversample"])
@pytest.mark.parametrize("is_index", [False, True])
def test_a_stream_of_some_classes_has_each_of_their_events_and_no_other(normal, tmp_path, is_index, balance):
    prepared = normal["data"]["prepared"]
    if is_index:
        prepared = str(tmp_path / "index")
        content = {**normal, "data": {**normal["data"], "prepared": prepared}}
        prepare(experiment_from(content, tmp_path / "index.yaml"), processes=1, index_only=True)
    found = []
    for workers in (0, 2):
        options = {"workers": workers, "classes": ["Known"], "extras": True, "balance": balance}
        with Batches(prepared, batch_size=64, **options) as batches:
            delivered = [(batch.labels.copy(), batch.sources.copy()) for batch in batches.epoch(0)]
            events, steps = batches.events, batches.steps
        labels, sources = (np.concatenate(parts) for parts in zip(*delivered, strict=True))
        assert (len(labels), len(delivered)) == (events, steps)
        assert not labels.any()
        assert len(np.unique(sources, axis=0)) == events == batches.manifest.splits["train"].counts[0]
        found.append(sources)
    # the order is that of the seed, whoever reads
    np.testing.assert_array_equal(*found)


def test_an_exported_one_gives_the_same_and_says_what_its_numbers_are(pack, tmp_path):
    paths, _ = pack[1]
    done = export(DonePoint(Record.read(paths.record), paths, "anomalies"), "keras", tmp_path / "out.keras")
    assert {name: len(columns) for name, columns in done.outputs.items()} == {
        "code": 2,
        "error": 1,
        "reconstruction": 16,
    }
    assert done.events
    assert done.difference == 0
