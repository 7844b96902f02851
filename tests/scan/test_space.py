"""Points: numbers, names and parameters."""

from collections.abc import Callable

import pytest

from dlscan.config import Experiment
from dlscan.errors import ConfigError
from dlscan.scan.space import expand, extended

Make = Callable[..., Experiment]


def test_points_are_the_product_with_the_last_key_fastest(make_experiment: Make) -> None:
    points = expand(make_experiment(scan={"grid": {"model.width": [32, 64], "model.depth": [1, 2, 3]}}))
    assert [point.directory for point in points] == [
        "0001-width=32-depth=1",
        "0002-width=32-depth=2",
        "0003-width=32-depth=3",
        "0004-width=64-depth=1",
        "0005-width=64-depth=2",
        "0006-width=64-depth=3",
    ]
    assert points[5].params == {"model.width": 64, "model.depth": 3}


def test_an_experiment_without_a_grid_is_one_point(make_experiment: Make) -> None:
    assert [point.directory for point in expand(make_experiment())] == ["0001-dense"]


def test_values_are_what_the_experiment_understands(make_experiment: Make) -> None:
    points = expand(
        make_experiment(scan={"grid": {"train.optimizer": ["Adam", "SGD"], "train.learning_rate": [1e-3]}})
    )
    assert [point.name for point in points] == [
        "optimizer=adam-learning_rate=0.001",
        "optimizer=sgd-learning_rate=0.001",
    ]


def test_repeats_differ_in_their_seed_alone(make_experiment: Make) -> None:
    experiment = make_experiment("train.seed=5", scan={"grid": {"model.width": [32, 64]}, "repeats": 3})
    points = expand(experiment)
    assert [point.name for point in points[:3]] == ["width=32-seed=5", "width=32-seed=6", "width=32-seed=7"]
    assert experiment.at(points[1].params).train.seed == 6


def test_folds_differ_in_the_events_that_validate(make_experiment: Make) -> None:
    grid = {"model.width": [32, 64]}
    scan = {"grid": grid, "points": [{"model.width": 8}], "repeats": 2, "folds": True}
    experiment = make_experiment("data.folds=3", scan=scan)
    points = expand(experiment)
    assert [point.name for point in points[:4]] == [
        "width=32-seed=1-fold=1",
        "width=32-seed=1-fold=2",
        "width=32-seed=1-fold=3",
        "width=32-seed=2-fold=1",
    ]
    assert len(points) == 3 * 2 * 3
    assert points[-1].params == {"model.width": 8, "train.seed": 2, "data.fold": 3}
    assert experiment.at(points[1].params).data.left_out == (2,)


def test_several_folds_may_be_left_out(make_experiment: Make) -> None:
    experiment = make_experiment("data.folds=4", scan={"folds": {"leave_out": 2}})
    left = [experiment.at(point.params).data.left_out for point in expand(experiment)]
    assert left == [(1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4)]
    with pytest.raises(ConfigError, match=r"scan\.folds\.leave_out: must be less than the 4 folds"):
        make_experiment("data.folds=4", scan={"folds": {"leave_out": 4}})
    with pytest.raises(ConfigError, match=r"scan: asks for 17,310,309,456,440 points"):
        make_experiment("data.folds=100", scan={"folds": {"leave_out": 10}})


def test_folds_can_be_added_to_a_scan(make_experiment: Make) -> None:
    points = expand(make_experiment("data.folds=3", scan={"grid": {"model.width": [32, 64]}}))
    more = make_experiment("data.folds=3", scan={"grid": {"model.width": [32, 64]}, "folds": True})
    found = extended(points, more)
    assert [point.name for point in found[:2]] == ["width=32", "width=64"]
    assert [point.params["data.fold"] for point in found] == [1, 1, 2, 3, 2, 3]


def test_a_point_is_the_experiment_at_its_parameters(make_experiment: Make) -> None:
    experiment = make_experiment(scan={"grid": {"model.width": [32, 64], "train.epochs": [7]}})
    point = experiment.at(expand(experiment)[1].params)
    assert (point.model.parameters.width, point.train.epochs) == (64, 7)
    assert point.data == experiment.data
    assert not point.scan.grid


@pytest.mark.parametrize(
    "grid",
    [
        {"train.early_stopping": [{"monitor": "val_loss", "patience": n} for n in range(1, 4)]},
        {"train.early_stopping": [{"monitor": "val_loss"}, None]},
    ],
)
def test_names_are_fit_for_directories(make_experiment: Make, grid: dict[str, object]) -> None:
    names = [point.directory for point in expand(make_experiment(scan={"grid": grid}))]
    assert len(set(names)) == len(names)
    for name in names:
        assert not set("/' \n{}") & set(name)
        assert len(name.encode()) < 230
