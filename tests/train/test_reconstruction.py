"""Autoencoders on toys whose answers are known: what is learned, left out, kept and measured."""

import csv
import os
import signal

import h5py
import numpy as np
import pytest

from dlscan.config import experiment_from
from dlscan.models import keras
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
    home = tmp_path_factory.mktemp("pack")
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
        np.testing.assert_allclose(file["errors"][:], given["error"], rtol=1e-4)
        np.testing.assert_allclose(file["codes"][:], given["code"], rtol=1e-4, atol=1e-5)
        flat = np.concatenate([raw["x"], raw["image"].reshape(-1, 6)], axis=1)
        np.testing.assert_allclose(
            given["error"], ((given["reconstruction"] - flat) ** 2).mean(axis=1), rtol=1e-4
        )
        assert list(file.attrs["train_on"]) == ["Known"]
