"""How many combinations there are for a search, and whether all of them are proposed."""

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from dlscan.cli.status_text import extent_words
from dlscan.config import Experiment
from dlscan.prepare import prepare
from dlscan.scan import Plan, freeze
from dlscan.scan.extent import Extent, extent_of
from dlscan.scan.growth import grow
from dlscan.scan.objective import targets_of
from tests.conftest import CLASSES

from .test_search import done

Make = Callable[..., Experiment]
# momentum is for sgd alone: six combinations, not eight
SPACE: dict[str, Any] = {
    "train.optimizer": ["adam", "sgd"],
    "train.momentum": [0, 0.9],
    "model.width": [4, 8],
}
ALL = "the space has 6 combinations, and all are proposed"


def grown(experiment: Experiment, many: int) -> Plan:
    plan = freeze(experiment)
    return grow(plan, experiment, targets_of(experiment, CLASSES), experiment.batch, lambda known: many).plan


@pytest.mark.parametrize(
    ("search", "many", "extent", "words"),
    [
        ({"method": "grid"}, 2, Extent(6, 4), "the space has 6 combinations"),
        (
            {"method": "grid", "points": 6},
            6,
            Extent(6, 0),
            "the space has 6 combinations, and all are proposed",
        ),
        ({"points": 40}, 6, Extent(6, 0), "the space has 6 combinations, and all are proposed"),
        ({"points": 40, "method": "random"}, 5, Extent(6, 1), "the space has 6 combinations"),
        ({"points": 4, "method": "random"}, 4, Extent(6, 2), ""),
        ({"method": "zoom"}, 3, Extent(6, None, 1, 3), "round 1 of 3 has 6 combinations"),
    ],
)
def test_combinations_are_counted(
    make_experiment: Make, search: dict[str, Any], many: int, extent: Extent, words: str
) -> None:
    plan = grown(make_experiment(scan={"space": SPACE, "search": search}), many)
    assert len(plan.points) == many
    assert extent_of(plan) == extent
    assert extent_words(plan) == words


def test_of_a_large_space_the_most_is_said_and_of_numbers_nothing(make_experiment: Make) -> None:
    rates: dict[str, Any] = {"log": [1e-4, 1e-1], "steps": 11}
    keys = {"model.width": {"int": [1, 100]}, "train.learning_rate": rates}
    plan = grown(make_experiment(name="a", scan={"space": keys, "search": {"method": "grid"}}), 1)
    assert extent_words(plan) == "the space has at most 1100 combinations"
    del rates["steps"]
    plan = grown(make_experiment(name="b", scan={"space": keys, "search": {"points": 9}}), 1)
    assert extent_of(plan) is None
    # zoom makes a grid of them, of three values each
    plan = grown(make_experiment(name="c", scan={"space": keys, "search": {"method": "zoom"}}), 1)
    assert extent_words(plan) == "round 1 of 3 has 9 combinations"


def test_the_round_of_zoom_is_that_of_its_points(make_experiment: Make) -> None:
    scan = {"space": {"train.learning_rate": {"log": [1e-4, 1e-1]}}, "search": {"method": "zoom"}}
    experiment = make_experiment(scan=scan)
    plan = grown(experiment, 3)
    for point in plan.points:
        done(plan, point, 0.5 + 0.1 * point.number)
    plan = grown(experiment, 1)
    assert extent_words(plan) == "round 2 of 3 has 5 combinations"


def test_what_another_scan_has_tried_is_not_counted_as_left(make_experiment: Make) -> None:
    other = freeze(make_experiment(name="other", scan={"grid": {"model.width": [4]}}))
    scan = {"space": {"model.width": [4, 8]}, "search": {"points": 9, "from": str(other.directory)}}
    plan = grown(make_experiment(name="own", scan=scan), 1)
    assert extent_of(plan) == Extent(2, None)


def test_scan_and_status_say_that_a_space_is_exhausted(
    make_experiment: Make, dlscan: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    experiment = make_experiment(
        model={"family": "bdt", "trees": 3},
        scan={"space": {"model.leaves": [2, 3]}, "search": {"points": 9, "method": "random"}},
        batch={"gpus": 0},
    )
    prepare(experiment, processes=1)
    words = "the space has 2 combinations, and all are proposed"
    found = dlscan("scan", experiment.file)
    assert "scans/small: the space has 2 combinations\n" in found.stderr
    assert f"2 of 2 points done; the search may try 9, but {words}" in found.stdout
    status = dlscan("status", experiment.file).stdout
    assert status.splitlines()[-1] == f"Search (random): 2 points proposed, at most 9; {words}"
