"""Networks of different families share a job: each ends as it would alone, and after an interruption too."""

import csv
import os
import runpy
import signal
from pathlib import Path

import numpy as np
import pytest

from dlscan.config import Model, experiment_from
from dlscan.config.models import FAMILIES, trainer_of
from dlscan.models.saved import read_network, trainable_parameters
from dlscan.prepare import prepare
from dlscan.record import Record
from dlscan.train import PointInfo, train_point, train_points
from tests.train.images import write_images

slow = runpy.run_path(str(Path(__file__).parents[1] / "slow.py"))["slow"]

NETS = """
from keras import layers

def mine(inputs, *, width: int = 4):
    (tensor,) = inputs.values()
    return layers.Dense(width, name="first")(layers.Flatten()(tensor))
"""
# What a family takes where it is not the image `a` and the vector `v`, and what it is made of there.
OWN = {
    "branches": {
        "branches": {"a": {"family": "lenet", "filters": 3, "head": [4]}, "b": {"width": 5}},
        "head": [6],
    },
    "siamese": {"inputs": ["a", "b"], "body": {"family": "lenet", "filters": 3, "head": [4]}},
}
# of the keys that a family has
SMALL = {"filters": 3, "depth": 1, "head": [4], "width": 4}
# those that tell classes apart
NETWORKS = [
    name
    for name, rule in FAMILIES.items()
    if trainer_of(name) == "networks" and "classify" in getattr(rule, "tasks", ("classify",))
]
FEW = ["dense", "branches", "siamese"]


@pytest.fixture(scope="module")
def mapping(tmp_path_factory):
    """Two images and a vector, which tell two classes apart; prepared."""
    home = tmp_path_factory.mktemp("families")
    write_images(home)
    (home / "nets.py").write_text(NETS)
    content = {
        "name": "toy",
        "data": {"raw": str(home / "raw"), "inputs": ["a", "b", "v"], "prepared": str(home / "prepared")},
        "train": {"epochs": 2, "batch_size": 64, "learning_rate": 0.01},
        "stream": {"workers": 0},
    }
    prepare(experiment_from(content, home / "toy.yaml"), processes=1)
    return content


@pytest.fixture
def make(make_point):
    def point(name, number, family, **model):
        info = PointInfo(number, f"point-{number}", "toy", ("model.family",), order_seed=1)
        keys = {
            "inputs": ["a", "b", "v"] if family == "branches" else ["a", "v"],
            **{key: value for key, value in SMALL.items() if Model.applies(key, family)},
            **OWN.get(family, {}),
            **model,
        }
        return make_point(f"{name}-{number}", model={"family": family, **keys}), info

    return point


def history_of(paths):
    with paths.history.open(newline="") as file:
        return [[float(value) for value in row[:5]] for row in list(csv.reader(file))[1:]]


def interrupted(epoch, step, steps):
    if (epoch, step) == (2, 2):
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("families", [FEW, pytest.param(NETWORKS, marks=slow)], ids=["few", "all"])
def test_families_of_a_pack_that_is_interrupted_end_as_they_would_alone(make, families):
    pack = [make("pack", number, family) for number, family in enumerate(families, 1)]
    assert set(train_points(pack, interrupted).values()) == {"preempted"}
    assert set(train_points(pack).values()) == {"done"}

    for number, (family, (paths, _)) in enumerate(zip(families, pack, strict=True), 1):
        alone = make("alone", number, family)
        assert train_point(*alone) == "done"
        np.testing.assert_allclose(history_of(paths), history_of(alone[0]), rtol=1e-4, err_msg=family)
        record = Record.read(paths.record)
        # a variational autoencoder tells numbers of its own, so it has a pack of its own
        together = [other for other in families if (other == "vae") == (family == "vae")]
        assert (record.pack, record.params["model.family"]) == (len(together), family)
        kept = Record.read(alone[0].record).metrics["test_log_loss"]
        assert record.metrics["test_log_loss"] == pytest.approx(kept, rel=1e-4), family
        assert record.model_parameters == trainable_parameters(read_network(paths.best))
        assert record.flops


def test_a_branch_may_be_a_function_in_a_file_which_the_record_keeps(make, mapping):
    nets = Path(mapping["data"]["raw"]).with_name("nets.py")
    branches = {"a": {"family": f"{nets}:mine", "width": 3}, "b": {"family": "dense", "depth": 1}}
    point = make("own", 1, "branches", branches=branches)
    assert train_point(*point) == "done"
    record = Record.read(point[0].record)
    assert record.sources["model.branches.a.family"]["text"] == NETS
    assert record.params["model.branches.b.depth"] == 1
    assert "a-first" in {layer.name for layer in read_network(point[0].best, record.sources).layers}
