"""Points that take different inputs of a dataset: on one stream, each as if it were alone."""

import csv

import numpy as np
import pytest

from dlscan.dataset import Manifest
from dlscan.errors import ConfigError
from dlscan.models.saved import read_network
from dlscan.prepare import prepare
from dlscan.scan import freeze
from dlscan.scan.costs import costs_of
from dlscan.train import PointInfo, train_point, train_points


def history_of(paths):
    with paths.history.open(newline="") as file:
        return [[float(value) for value in row[:5]] for row in list(csv.reader(file))[1:]]


def test_points_with_different_inputs_train_together_as_alone(make_point):
    chosen = [["image"], ["vector"], None, ["vector", "image"]]

    def point(name, number):
        info = PointInfo(number, f"point-{number}", "toy", ("model.inputs",), order_seed=1)
        model = {"width": 4, "depth": 1, "inputs": chosen[number]}
        return make_point(name, model=model, train__epochs=1), info

    alone = [point(f"alone-{number}", number) for number in range(4)]
    for one in alone:
        assert train_point(*one) == "done"
    pack = [point(f"pack-{number}", number) for number in range(4)]

    assert set(train_points(pack).values()) == {"done"}

    for (one, _), (other, _) in zip(alone, pack, strict=True):
        np.testing.assert_allclose(history_of(one), history_of(other), rtol=1e-4)
    takes = [set(read_network(paths.best).input) for paths, _ in pack]
    assert takes == [{"image"}, {"vector"}, {"image", "vector"}, {"image", "vector"}]


def test_a_grid_varies_what_networks_take_and_each_costs_its_own(make_experiment):
    grid = {"model.inputs": [["ECAL"], ["HCAL"], ["ECAL", "HCAL"]]}
    experiment = make_experiment(scan={"grid": grid}, model={"width": 8, "depth": 1})
    prepare(experiment, processes=1)
    plan = freeze(experiment)

    costs = [cost for _, cost in costs_of(plan, plan.points, Manifest.of(experiment))]

    assert [point.params for point in plan.points] == [{"model.inputs": own} for own in grid["model.inputs"]]
    ecal, hcal = 120 * 8, 7 * 8
    products = [ecal + 8 * 3, hcal + 8 * 3, ecal + hcal + 16 * 8 + 8 * 3]
    assert [cost.step for cost in costs] == [3 * 32 * own for own in products]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (["ECLA"], "model.inputs: 'ECLA' is none of data.inputs; did you mean 'ECAL'?"),
        ([], "model.inputs: must name at least one of data.inputs"),
        (["ECAL", "ECAL"], "model.inputs: lists 'ECAL' twice"),
        (3, "model.inputs: must be a list ([a, b]), got 3"),
    ],
)
def test_inputs_that_cannot_be_are_refused_in_one_line(make_experiment, inputs, message):
    with pytest.raises(ConfigError) as caught:
        make_experiment(model={"inputs": inputs})
    assert message in str(caught.value)
    with pytest.raises(ConfigError, match=r"model\.inputs"):
        make_experiment(scan={"grid": {"model.inputs": [["HCAL"], inputs]}})
