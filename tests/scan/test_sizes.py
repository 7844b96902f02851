"""Networks are measured once, in a process of their own; those with a formula not at all."""

import dataclasses
import json
import math
import subprocess

import pytest

from dlscan.bench import sizing
from dlscan.config import Dense, Model
from dlscan.config.families.gan import Gan
from dlscan.dataset import Manifest, network_inputs
from dlscan.models.players import players
from dlscan.prepare import prepare
from dlscan.scan import freeze
from dlscan.scan import sizes as module
from dlscan.scan.costs import costs_of
from dlscan.scan.packs import pack
from dlscan.scan.resources import Resources
from dlscan.scan.sizes import Asked, asked_of, network_sizes

NETS = """
import keras

def mine(inputs, *, width: int = 4, rate: float = 0.0):
    x = keras.layers.Concatenate()([keras.layers.Flatten()(x) for x in inputs.values()])
    return keras.layers.Dense(width)(x)

def wrong(inputs):
    return inputs["ECAL"]
"""
GRID = {
    "model": [
        {"family": "nets.py:mine", "width": 4},
        {"family": "dense", "width": 4},
        {"family": "nets.py:wrong"},
    ]
}


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    monkeypatch.setattr(module, "_seen", {})


@pytest.fixture
def prepared(make_experiment, tmp_path):
    (tmp_path / "nets.py").write_text(NETS)
    experiment = make_experiment(scan={"grid": {**GRID, "train.epochs": [2, 3]}}, batch={"models_per_job": 6})
    prepare(experiment, processes=1)
    return experiment


def test_networks_are_measured_once_and_what_cannot_be_built_is_said(prepared, caplog, monkeypatch):
    manifest = Manifest.of(prepared)
    plan = freeze(prepared, manifest.config_hash)
    length = 4 * 5 * 6 + 7

    costs = [cost for _, cost in costs_of(plan, plan.points, manifest)]
    # forward and twice back, for a batch of 32
    own = length * 4 + 4 * 3
    assert [cost.step for cost in costs] == [3 * 32 * own] * 2 + [costs[2].step] * 2 + [0.0] * 2
    assert costs[2].step > 0
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("a network cannot be built: ")
    assert "nets.py:8: wrong must return features of shape (B, F)" in line

    kept = json.loads((plan.directory / "sizes.json").read_text())
    assert list(kept.values()) == [
        {
            "weights": (length + 1) * 4 + 5 * 3,
            "multiplications": own,
            "values": 2 * length + 4 + 2 * 3 - length,
        }
    ]
    # and then no process is started for it
    models = [asked_of(plan.experiment.at(point.params), manifest) for point in plan.points[:4]]
    monkeypatch.setattr(module, "_answers", lambda *_: pytest.fail("measured again"))
    network_sizes(models, plan.directory)
    caplog.clear()
    packs = pack(plan, plan.points[:4], prepared.batch, manifest, resources=Resources(None, None))
    assert [[point.number for point in points] for points in packs] == [[1, 2, 3, 4]]

    # nor by another process
    module._seen.clear()
    network_sizes(models, plan.directory)
    # a damaged file is as good as none
    (plan.directory / "sizes.json").write_text("{")
    monkeypatch.setattr(module, "_answers", lambda models: [[1, 2, 3]] * len(models))
    assert network_sizes(models[:1], plan.directory)[0].weights == 1


def test_without_a_back_end_points_are_packed_all_the_same(prepared, caplog, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "nothing")
    manifest = Manifest.of(prepared)
    plan = freeze(prepared, manifest.config_hash)
    packs = pack(plan, plan.points, prepared.batch, manifest, resources=Resources(None, None))
    assert [len(points) for points in packs] == [6]
    assert "networks cannot be measured (KERAS_BACKEND=nothing cannot train" in caplog.messages[0]
    assert not (plan.directory / "sizes.json").exists()


def test_a_generator_is_measured_with_its_critic_and_beside_others(make_experiment, tmp_path):
    experiment = make_experiment(task="generate", model={"family": "gan", "layers": "dense", "width": 8})
    prepare(experiment, processes=1)
    manifest = Manifest.of(experiment)
    gan = asked_of(experiment, manifest)
    wider = Asked(dataclasses.replace(gan.model, parameters=Gan("dense", width=16)), 0, gan.inputs)
    convolutions = Asked(Model.parse({"family": "lenet"}, "model"), 3, {"ECAL": gan.inputs["ECAL"]})

    found, larger, other = network_sizes([gan, wider, convolutions], experiment.directory)
    made = players(experiment.model, manifest, experiment.data.normalize, 1, ())
    weights = [*made.generator.model.trainable_weights, *made.critic.model.trainable_weights]
    assert found.weights == sum(math.prod(weight.shape) for weight in weights)
    # the generator makes all cells, and twice the critic takes them, or their gradients
    assert found.multiplications > 5 * 8 * (4 * 5 * 6 + 7)
    assert found.multiplications < larger.multiplications
    assert other.multiplications > 0


def test_what_no_error_of_ours_says_is_said_of_one_network_alone(experiment, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr(sizing, "_size", fail)
    assert sizing._answer({"family": "dense"}, 1, {}, {}) == "dense: ZeroDivisionError: by nought"


def test_families_with_a_formula_need_no_process(experiment, monkeypatch):
    prepare(experiment, processes=1)
    manifest = Manifest.of(experiment)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("a process"))
    models = [Model("dense", Dense(width)) for width in range(1, 100)]
    networks = [Asked(model, 3, network_inputs(model, manifest.inputs)) for model in models]
    found = network_sizes(networks, experiment.directory)
    assert len({size.weights for size in found}) == 99


def test_a_network_has_the_output_layers_of_its_task(make_experiment):
    both = ["classify", {"kind": "regress", "targets": {"Energy": "target[:,0,3]", "Row": "target[:,0,2]"}}]
    experiment = make_experiment(task=both)
    prepare(experiment, processes=1)
    manifest = Manifest.of(experiment)
    model, outputs, _ = asked_of(experiment, manifest)
    assert outputs == 3 + 2
    ((_, cost),) = costs_of(plan := freeze(experiment), plan.points, manifest)
    assert cost.step == 3 * 32 * model.parameters.size([(4, 5, 6), (7,)], 5).multiplications
