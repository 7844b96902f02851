"""A small dataset and points over it; one training that nothing disturbs, to compare with."""

import csv
import os

import h5py
import numpy as np
import pytest
import yaml

from dlscan.config import experiment_from
from dlscan.config.dotted import put
from dlscan.prepare import prepare
from dlscan.record import PointPaths
from dlscan.stream import Batches
from dlscan.train import PointInfo, train_point

# read once, when the first operation runs: equal histories are compared bit by bit
os.environ["TF_DETERMINISTIC_OPS"] = "1"


@pytest.fixture(autouse=True)
def has_time(monkeypatch):
    """A signal leaves time for an epoch, however busy the machine is; tests that want none say so."""
    monkeypatch.setenv("DLSCAN_GRACE", "600")


CLASSES = {"Ele": 260, "Pi0": 160, "ChPi": 100}


def write_class(directory, label, events):
    """Two files of `image`, `vector` (tells classes apart) and `energy` (tells events apart)."""
    directory.mkdir(parents=True)
    rng = np.random.default_rng(label)
    for number in range(2):
        with h5py.File(directory / f"{directory.name}_{number}.h5", "w") as file:
            file["image"] = rng.exponential(1e-3, (events, 4, 4)).astype(np.float32)
            file["vector"] = rng.normal(1.5 * label, 1.0, (events, 3)).astype(np.float32)
            file["energy"] = rng.uniform(10, 110, events).astype(np.float32)


@pytest.fixture(scope="session")
def mapping(tmp_path_factory):
    """An experiment with dropout, batch normalisation, class weights and Adam, prepared; as plain values."""
    home = tmp_path_factory.mktemp("data")
    for label, (name, events) in enumerate(CLASSES.items()):
        write_class(home / "raw" / name, label, events)
    content = {
        "name": "toy",
        "data": {
            "raw": str(home / "raw"),
            "classes": {name: name for name in CLASSES},
            "inputs": ["image", "vector"],
            "extras": ["energy"],
            "normalize": {"image": {"tanh-log": 1000}},
            "balance": "weights",
            "prepared": str(home / "prepared"),
        },
        "model": {"width": 8, "depth": 1, "dropout": 0.2, "batch_norm": True},
        "train": {"epochs": 5, "batch_size": 100, "learning_rate": 0.01},
        "stream": {"workers": 0},
    }
    prepare(experiment_from(content, home / "toy.yaml"), processes=1)
    return content


@pytest.fixture(scope="session")
def info():
    return PointInfo(7, "width=8-depth=1", "toy", ("model.width", "model.depth"))


@pytest.fixture
def make_point(mapping, tmp_path):
    """Make the directory of a point; keyword arguments are keys with `__` for the dot."""

    def make(name="point", **changes):
        return write_point(mapping, tmp_path / name, **changes)

    return make


def write_point(mapping, directory, **changes):
    for key, value in changes.items():
        mapping = put(mapping, key.replace("__", "."), value)
    directory.mkdir()
    paths = PointPaths(directory)
    paths.config.write_text(yaml.safe_dump(mapping))
    return paths


@pytest.fixture(scope="session")
def undisturbed(mapping, info, tmp_path_factory):
    """A finished point that nothing interrupted; tests read it and leave it as it is."""
    paths = write_point(mapping, tmp_path_factory.mktemp("scan") / "undisturbed")
    assert train_point(paths, info) == "done"
    return paths


@pytest.fixture
def read_history():
    """The history of a point: what has to be equal, without times."""

    def read(paths):
        with paths.history.open(newline="") as file:
            rows = list(csv.DictReader(file))
        return [
            [row[key] for key in ("epoch", "loss", "accuracy", "val_loss", "val_accuracy")] for row in rows
        ]

    return read


@pytest.fixture
def read_attempts():
    """The attempts at a point, in order."""

    def read(paths):
        return [yaml.safe_load(path.read_text()) for path in sorted(paths.attempts.iterdir())]

    return read


@pytest.fixture(scope="session")
def sparse_data(tmp_path_factory):
    """The `data` of an experiment whose ECAL is stored sparse, prepared."""
    home = tmp_path_factory.mktemp("sparse")
    for label, name in enumerate(("Ele", "Pi0")):
        (home / "raw" / name).mkdir(parents=True)
        rng = np.random.default_rng(label)
        with h5py.File(home / "raw" / name / "1.h5", "w") as file:
            image = rng.exponential(1.0, (400, 5, 5, 8)) * (rng.random((400, 5, 5, 8)) < 0.05)
            file["ECAL"] = image.astype(np.float32)
            file["HCAL"] = rng.normal(label, 1.0, (400, 6)).astype(np.float32)
    data = {"raw": str(home / "raw"), "inputs": ["ECAL", "HCAL"], "prepared": str(home / "prepared")}
    manifest = prepare(
        experiment_from({"name": "sparse", "data": data}, home / "sparse.yaml"), processes=1
    ).manifest
    assert manifest.inputs["ECAL"].encoding == "sparse"
    return data


@pytest.fixture
def sparse_batches(sparse_data):
    def make(batch_size=32, workers=0, **options):
        return Batches(sparse_data["prepared"], batch_size=batch_size, workers=workers, **options)

    return make
