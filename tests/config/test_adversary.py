"""The key `adversary`: what it says, what is refused, and points that differ in it."""

import re

import pytest

from dlscan.config import experiment_from
from dlscan.config.batch import in_common
from dlscan.errors import ConfigError

PIVOT = {"kind": "pivot", "nuisance": "target[:,0,1]"}
FILE = {
    "name": "a",
    "data": {"raw": "raw", "inputs": ["x"], "extras": ["target", "z"]},
    "train": {"early_stopping": None},
    "adversary": PIVOT,
}


def built(tmp_path, **changes):
    return experiment_from({**FILE, **changes}, tmp_path / "a.yaml")


def test_a_pivot_reads_back_and_its_nuisance_has_a_name(tmp_path):
    pivot = built(tmp_path).adversary.pivot
    assert (pivot.nuisance.name, pivot.strength, pivot.density) == ("target_0_1", 1.0, "mixture")
    named = built(tmp_path, adversary={**PIVOT, "nuisance": {"Energy": "target[:,0,1]"}, "strength": 0})
    assert named.adversary.pivot.nuisance.name == "Energy"
    assert experiment_from(named.plain(), tmp_path / "a.yaml").adversary == named.adversary


@pytest.mark.parametrize("value", [None, {}])
def test_without_one_the_file_means_what_it_did(tmp_path, value):
    there = built(tmp_path, adversary=value).plain()
    assert there == built(tmp_path, adversary={}).plain()
    assert "adversary" not in there


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"adversary": {"kind": "pivto", "nuisance": "z"}}, "adversary.kind: kind must be one of pivot"),
        ({"adversary": {"nuisance": "z"}}, "adversary: kind must be one of pivot"),
        ({"adversary": {"kind": "pivot"}}, "adversary.nuisance: missing"),
        (
            {"adversary": {**PIVOT, "nuisance": "q"}},
            "adversary.nuisance: q is not in data.extras (target, z)",
        ),
        ({"adversary": {**PIVOT, "nuisance": {"val_E": "z"}}}, "adversary.nuisance: 'val_E' is no name"),
        ({"adversary": {**PIVOT, "strength": -1}}, "adversary.strength: must be at least 0"),
        ({"adversary": {**PIVOT, "strenght": 1}}, "adversary.strenght: unknown key"),
        ({"model": {"family": "bdt"}}, "adversary: works against networks, and model.family is bdt"),
        (
            {"task": {"kind": "regress", "targets": {"E": "z"}}},
            "adversary: pivot works on scores of classes, and task is regress",
        ),
        ({"train": {"devices": 2, "early_stopping": None}}, "train.devices: must be 1 with an adversary"),
        (
            {"train": {"early_stopping": {"patience": 3}}},
            "train.early_stopping: must be null with an adversary",
        ),
        (
            {"train": {"schedule": "plateau", "early_stopping": None}},
            "train.schedule: plateau waits until the loss no longer falls",
        ),
        (
            {"adversary": {**PIVOT, "warm_up": 9}, "train": {"epochs": 8, "early_stopping": None}},
            "adversary.warm_up: must be at most train.epochs, which is 8, got 9",
        ),
        ({"scan": {"halving": {"first": 2}}}, "scan.halving: compares points by their loss"),
        (
            {
                "adversary": {**PIVOT, "classes": ["gama"]},
                "data": {**FILE["data"], "classes": {"gamma": "G", "ele": "E"}},
            },
            "adversary.classes: no class 'gama'; did you mean 'gamma'?",
        ),
        ({"scan": {"grid": {"adversary.nuisance": ["z"]}}}, "a scan can vary"),
        ({"scan": {"grid": {"adversary.strength": [1, -1]}}}, "scan.grid.adversary.strength: must be at"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(tmp_path, changes, message):
    with pytest.raises(ConfigError, match=re.escape(message)) as refused:
        built(tmp_path, **changes)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("train", [{}, {"epochs": 3}, {"early_stopping": None}])
def test_with_an_adversary_all_epochs_are_trained(tmp_path, train):
    assert built(tmp_path, train=train).train.early_stopping is None
    assert built(tmp_path, train={}, adversary={}).train.early_stopping is not None


def test_strengths_are_points_of_one_job(tmp_path):
    experiment = built(tmp_path, scan={"grid": {"adversary.strength": [0, 1, 10], "model.width": [8, 16]}})
    points = [experiment.at(point.params) for point in experiment.combinations.all]
    assert [point.adversary.pivot.strength for point in points] == [0, 0, 1, 1, 10, 10]
    assert len({in_common(point.plain()) for point in points}) == 1
    other = built(tmp_path, adversary={**PIVOT, "nuisance": "z"})
    without = built(tmp_path, adversary={})
    assert len({in_common(each.plain()) for each in (points[0], other, without)}) == 3
