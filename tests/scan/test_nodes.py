"""What jobs of several nodes can train."""

import pytest

from dlscan.config import BatchOptions
from dlscan.dataset import Manifest
from dlscan.errors import ConfigError
from dlscan.prepare import prepare
from dlscan.scan.devices import require_devices
from dlscan.scan.nodes import require_nodes

TWO = {"system": "slurm", "nodes": 2}
GAN = {"task": "generate", "model": {"family": "gan"}}


def test_networks_train_on_two_nodes_of_slurm(make_experiment):
    require_nodes(make_experiment(train={"batch_size": 32}), BatchOptions(**TWO), None)


@pytest.mark.parametrize(
    ("batch", "sections", "message"),
    [
        ({"system": "local"}, {}, "only jobs of slurm can have several nodes, and batch.system is local"),
        ({"system": "pbs"}, {}, "only jobs of slurm can have several nodes, and batch.system is pbs"),
        ({"pull": True}, {}, "a job with batch.pull trains on one node"),
        (
            {},
            {"scan": {"grid": {"model.width": [4, 8]}, "halving": {"first": 1, "factor": 2}}},
            "points of scan.halving train on one node",
        ),
        ({}, {"model": {"family": "bdt"}, "train": {}}, "bdt trains on one node"),
        ({}, GAN, "the loss of the task generate is of a whole batch"),
        (
            {},
            {"adversary": {"kind": "pivot", "nuisance": "target[:,0]"}},
            "an adversary learns from whole batches",
        ),
        ({"nodes": 3}, {}, "3 devices cannot share train.batch_size evenly, which is 32"),
        ({}, {"train": {"batch_size": 25, "devices": 5}}, "10 devices cannot share train.batch_size evenly"),
    ],
)
def test_what_nodes_cannot_train_is_refused(make_experiment, batch, sections, message):
    experiment = make_experiment(**sections)
    asked = BatchOptions(**{**TWO, **batch})
    with pytest.raises(ConfigError, match=r"experiment.yaml: batch.nodes: is .*; set it to 1") as found:
        require_nodes(experiment, asked, None)
    assert message in str(found.value)


def test_a_batch_size_for_three_nodes_is_named(make_experiment):
    with pytest.raises(ConfigError, match=r"set it to 1, or train.batch_size to a multiple of 3"):
        require_nodes(make_experiment(), BatchOptions(system="slurm", nodes=3), None)


def test_devices_are_for_networks_and_have_to_be_here(make_experiment, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    two = make_experiment(train={"batch_size": 32, "devices": 2})
    with pytest.raises(ConfigError, match=r"train.devices: is 2, but this machine has no GPUs"):
        require_devices(two, BatchOptions())
    require_devices(two, BatchOptions(system="slurm"))
    require_devices(make_experiment(), BatchOptions())
    trees = make_experiment(model={"family": "bdt"}, train={"devices": 2})
    with pytest.raises(ConfigError, match=r"train.devices: .* train a network, which bdt is"):
        require_devices(trees, BatchOptions(system="slurm"))


def test_events_of_an_index_are_refused(make_experiment):
    experiment = make_experiment()
    prepare(experiment, processes=1, index_only=True)
    with pytest.raises(ConfigError, match="read from raw files depends on a node's memory"):
        require_nodes(experiment, BatchOptions(**TWO), Manifest.of(experiment))
