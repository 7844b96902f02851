"""Networks within a network, as the file and the points of a scan have them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlscan.analysis.columns.names import _short_names
from dlscan.config import Experiment
from dlscan.errors import ConfigError
from dlscan.scan import expand

Make = Callable[..., Experiment]
BRANCHES = {"ECAL": {"family": "lenet", "kernel": 3}, "HCAL": {"width": 8}}


def params(experiment: Experiment) -> list[dict[str, Any]]:
    return [each.params for each in experiment.combinations.all]


def test_a_model_with_branches_needs_no_family(make_experiment: Make) -> None:
    model = make_experiment(model={"branches": BRANCHES}).model
    assert (model.family, model.parameters.branches["ECAL"].family) == ("branches", "lenet")
    assert model.parameters.branches["HCAL"].parameters.width == 8


def test_keys_of_branches_are_varied_and_named_after_their_input(make_experiment: Make) -> None:
    grid = {"model.branches.ECAL.depth": [1, 2], "model.branches.HCAL.depth": [0, 1]}
    experiment = make_experiment(model={"branches": BRANCHES}, scan={"grid": grid})
    assert params(experiment)[1] == {"model.branches.ECAL.depth": 1, "model.branches.HCAL.depth": 1}
    assert expand(experiment)[1].name == "ECAL_depth=1-HCAL_depth=1"
    assert list(_short_names(experiment.combinations.keys).values()) == ["ECAL_Depth", "HCAL_Depth"]
    point = experiment.at(params(experiment)[2])
    assert point.model.parameters.branches["ECAL"].parameters.depth == 2
    assert point.value("model.branches.ECAL.depth") == 2
    # what is not varied stays
    assert point.model.parameters.branches["ECAL"].parameters.kernel == 3


def test_a_key_of_some_families_is_varied_for_branches_of_these_alone(make_experiment: Make) -> None:
    grid = {"model.branches.ECAL.family": ["lenet", "dense"], "model.branches.ECAL.kernel": [3, 5]}
    experiment = make_experiment(model={"branches": BRANCHES}, scan={"grid": grid})
    assert params(experiment) == [
        {"model.branches.ECAL.family": "lenet", "model.branches.ECAL.kernel": 3},
        {"model.branches.ECAL.family": "lenet", "model.branches.ECAL.kernel": 5},
        {"model.branches.ECAL.family": "dense"},
    ]
    conv, dense = (experiment.at(params(experiment)[number]) for number in (0, 2))
    assert [each.applies("model.branches.ECAL.kernel") for each in (conv, dense)] == [True, False]
    assert [each.applies("model.branches.HCAL.width") for each in (conv, dense)] == [True, True]
    assert not conv.applies("model.width")


def test_a_key_in_the_file_for_one_family_of_a_branch_is_left_out_for_others(make_experiment: Make) -> None:
    grid = {"model.branches.ECAL.family": ["lenet", "dense"]}
    experiment = make_experiment(model={"branches": BRANCHES}, scan={"grid": grid})
    kernels = [
        vars(each.model.parameters.branches["ECAL"].parameters).get("kernel")
        for each in experiment.combinations.all
    ]
    assert kernels == [3, None]


def test_branches_stand_beside_other_families(make_experiment: Make) -> None:
    grid = {"model": [{"branches": BRANCHES}, {"family": "siamese", "body": {"depth": 1}}, {"width": 4}]}
    experiment = make_experiment(model={}, scan={"grid": grid})
    assert [each.model.family for each in experiment.combinations.all] == ["branches", "siamese", "dense"]


def test_whole_branches_are_varied(make_experiment: Make) -> None:
    grid = {"model.branches.ECAL": [{"family": "lenet"}, {"family": "dense", "width": 4}]}
    experiment = make_experiment(model={"branches": BRANCHES}, scan={"grid": grid})
    assert params(experiment) == [
        {"model.branches.ECAL.family": "lenet"},
        {"model.branches.ECAL.family": "dense", "model.branches.ECAL.width": 4},
    ]
    assert expand(experiment)[1].name == "ECAL_family=dense-ECAL_width=4"


def test_the_body_of_a_siamese_network_is_varied(make_experiment: Make) -> None:
    model = {"family": "siamese", "body": {"family": "lenet"}}
    experiment = make_experiment(model=model, scan={"grid": {"model.body.depth": [1, 3]}})
    assert [each.model.parameters.body.parameters.depth for each in experiment.combinations.all] == [1, 3]
    assert expand(experiment)[1].name == "depth=3"


def test_functions_of_branches_are_part_of_the_experiment(make_experiment: Make, tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text("def mine(inputs, *, width: int = 4):\n    pass\n")
    branches = {"ECAL": {"family": "./nets.py:mine"}, "HCAL": {}}
    grid = {"model.branches.ECAL.width": [4, 5]}
    experiment = make_experiment(model={"branches": branches}, scan={"grid": grid})
    assert list(experiment.sources) == [str(tmp_path / "nets.py")]
    point = experiment.at(params(experiment)[1])
    (function,) = point.model.functions
    (tmp_path / "nets.py").unlink()
    # what was read is what counts
    assert experiment.at({"model.branches.ECAL": {"family": str(function)}}).model.functions == [function]


@pytest.mark.parametrize(
    ("model", "grid", "message"),
    [
        (
            {"branches": {"ECAL": {"family": "bdt"}}},
            {},
            "branches.ECAL.family: bdt cannot be part of another",
        ),
        ({"branches": {"ECAL": {"branches": {}}}}, {}, "branches cannot be part of another network"),
        ({"branches": {"ECAL": {"inputs": ["HCAL"]}}}, {}, "write it as model.inputs"),
        ({"branches": {"ECAL": {"widht": 4}}}, {}, "branches.ECAL.widht: unknown key; did you mean 'width'"),
        ({"family": "dense", "branches": {}}, {}, "model.branches: unknown key"),
        (
            {"branches": BRANCHES},
            {"model.branches.ECAL.depth": [0, 1]},
            "scan.grid.model.branches.ECAL.depth: must be at least 1, got 0",
        ),
        (
            {"branches": BRANCHES},
            {"model.branches.ECAL.depht": [1]},
            "depht: unknown key; did you mean 'depth'",
        ),
    ],
)
def test_what_cannot_be_is_said_with_its_place(
    make_experiment: Make, model: dict[str, Any], grid: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        make_experiment(model=model, scan={"grid": grid})
