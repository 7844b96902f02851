"""Convolutional networks are trained, resumed and packed as any other, and refused before anything runs."""

import csv
import os
import signal

import numpy as np
import pytest

from dlscan.config import load_point
from dlscan.models import accelerator, backend
from dlscan.prepare import prepare
from dlscan.train import PointInfo, train_point, train_points
from dlscan.train.streams import transport


def history_of(paths):
    with paths.history.open(newline="") as file:
        return [[float(value) for value in row[:5]] for row in list(csv.reader(file))[1:]]


@pytest.fixture
def make(make_point, sparse_data):
    def make(number, family, **parameters):
        info = PointInfo(number, f"point-{number}", "toy", ("model.family",), order_seed=1)
        data = sparse_data | {"normalize": {"ECAL": "scale"}}
        model = {"family": family, **parameters}
        return make_point(f"{number}", data=data, model=model, train__epochs=2), info

    return make


def test_a_point_ends_the_same_after_an_interruption_and_beside_a_dense_network(make):
    parameters = {"filters": 4, "head": [8], "dropout": 0.2, "batch_norm": True}
    alone, interrupted = (make(number, "lenet", **parameters) for number in (1, 2))
    # where a dense network is the first, inputs come as entries
    pack = [make(3, "dense", width=5), make(4, "lenet", **parameters)]
    if backend() == "tensorflow" and accelerator() is None:
        assert transport(load_point(pack[0][0].config)) == "sparse"
        assert transport(load_point(alone[0].config)) == "dense"
    train_point(*alone)
    assert set(train_points(pack).values()) == {"done"}

    def stop(epoch, step, steps):
        if (epoch, step) == (2, 2):
            os.kill(os.getpid(), signal.SIGTERM)

    assert train_point(*interrupted, stop) == "preempted"
    assert train_point(*interrupted) == "done"

    assert history_of(interrupted[0]) == history_of(alone[0])
    np.testing.assert_allclose(history_of(pack[1][0]), history_of(alone[0]), rtol=1e-4)


def test_a_family_that_cannot_take_the_inputs_is_refused_before_there_is_a_plan(make_experiment, dlscan):
    experiment = make_experiment(model={"family": "lenet"}, scan={"grid": {"model.kernel": [3, [3, 3]]}})
    prepare(experiment, processes=1)

    done = dlscan("scan", experiment.file)

    assert done.returncode == 1
    assert "model: lenet needs one number for all axes or one for each in model.kernel, got 2" in done.stderr
    assert not experiment.directory.exists()
