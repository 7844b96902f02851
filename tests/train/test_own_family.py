"""Points whose network is a function in a file of the user."""

import csv
import os
import signal

import numpy as np
import pytest
import yaml

from dlscan import notebook
from dlscan.config import experiment_from
from dlscan.dataset import Manifest
from dlscan.errors import ScanError
from dlscan.record import Record
from dlscan.scan import freeze
from dlscan.train import PointInfo, train_point, train_points

NETS = '''
import keras
from keras import layers, ops

@keras.saving.register_keras_serializable()
class Shift(layers.Layer):
    def call(self, x):
        return x + 0.5

def both(inputs, *, width: int = 6, drop: float = 0.3):
    """Begins with operations; nothing has a seed."""
    image = ops.sum(ops.expand_dims(inputs["image"], -1), axis=(1, 2))
    x = layers.Concatenate()([image, inputs["vector"]])
    return layers.Dropout(drop)(layers.Dense(width, activation="tanh")(x))

def vector(inputs, *, width: int = 4):
    return Shift()(layers.Dense(width)(inputs["vector"]))
'''


@pytest.fixture
def nets(tmp_path):
    path = tmp_path / "nets.py"
    path.write_text(NETS)
    return path


@pytest.fixture
def make_own(make_point, nets):
    def make(number, family, **changes):
        model = {"family": "dense" if family == "dense" else f"{nets}:{family}", "width": 5}
        info = PointInfo(number, f"point-{number}", "toy", ("model.width",), order_seed=1)
        return make_point(f"{number}", model=model, train__epochs=2, **changes), info

    return make


def history_of(paths):
    with paths.history.open(newline="") as file:
        return [[float(value) for value in row[:5]] for row in list(csv.reader(file))[1:]]


def test_a_point_ends_alone_in_a_pack_and_after_an_interruption_at_the_same(make_own):
    alone, interrupted = make_own(1, "both"), make_own(2, "both")
    # these take other inputs, and by other operations
    pack = [make_own(3, "vector"), make_own(4, "both"), make_own(5, "dense")]
    train_point(*alone)
    assert set(train_points(pack).values()) == {"done"}

    def stop(epoch, step, steps):
        if (epoch, step) == (2, 2):
            os.kill(os.getpid(), signal.SIGTERM)

    assert train_point(*interrupted, stop) == "preempted"
    assert train_point(*interrupted) == "done"

    assert history_of(interrupted[0]) == history_of(alone[0])
    np.testing.assert_allclose(history_of(pack[1][0]), history_of(alone[0]), rtol=1e-4)
    record = Record.read(pack[1][0].record)
    assert (record.pack, record.sources["model.family"]["text"]) == (3, NETS)
    assert record.params["model.family"].endswith("nets.py:both")
    assert record.flops is not None
    assert Record.read(pack[2][0].record).sources == {}


def test_jobs_train_what_was_planned_and_the_network_loads_while_its_file_is_the_same(
    mapping, tmp_path, nets, dlscan
):
    scan = {"grid": {"model": [{"family": "./nets.py:vector", "width": 3}, {"family": "dense", "width": 4}]}}
    content = {**mapping, "scan": scan, "train": {**mapping["train"], "epochs": 1}}
    experiment = experiment_from(content, tmp_path / "toy.yaml")
    plan = freeze(experiment, Manifest.of(experiment).config_hash)
    # while jobs wait, the file gets ready for the next experiment
    nets.write_text("def vector(inputs): raise ValueError")

    done = dlscan("train", plan.directory, "--point", 1, 2)
    assert done.returncode == 0, done.stderr

    loaded = notebook.load(plan.directory)
    assert loaded.table()["Family"].tolist() == ["nets.py:vector", "dense"]
    loaded.model(2)
    with pytest.raises(ScanError, match=r"nets\.py has to be run, .* use --trust-files"):
        loaded.model(1)
    with pytest.raises(ScanError, match=r"nets\.py defines, which has changed since training and is not run"):
        loaded.model(1, trust_files=True)
    nets.write_text(NETS)
    # the experiment of whoever looks names the same file
    file = tmp_path / "toy.yaml"
    file.write_text(yaml.safe_dump(content))
    for network in (loaded.model(1, trust_files=True), notebook.load(file).model(1)):
        assert "Shift" in {type(layer).__name__ for layer in network.layers}
