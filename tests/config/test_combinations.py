"""Which combinations of keys a scan has, across families and optimizers, and which cannot be."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from dlscan.config import Experiment, experiment_from
from dlscan.config.combinations import MOST
from dlscan.config.models import FAMILIES
from dlscan.errors import ConfigError

Make = Callable[..., Experiment]


@dataclasses.dataclass(frozen=True)
class Trees:
    """A family with a parameter of its own, and another default of one that dense networks have too."""

    leaves: int = 31
    dropout: float = 0.3


@pytest.fixture(autouse=True)
def trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, "trees", Trees)


def params(experiment: Experiment) -> list[dict[str, Any]]:
    return [each.params for each in experiment.combinations.all]


def test_each_combination_is_checked_not_each_value_beside_the_file(make_experiment: Make) -> None:
    grid = {"train.optimizer": ["sgd", "rmsprop"], "train.momentum": [0, 0.9]}
    found = make_experiment(scan={"grid": grid}).combinations.all
    assert [(each.train.optimizer, each.train.momentum) for each in found] == [
        ("sgd", 0.0),
        ("sgd", 0.9),
        ("rmsprop", 0.0),
        ("rmsprop", 0.9),
    ]


def test_points_share_what_they_have_in_common(make_experiment: Make) -> None:
    experiment = make_experiment(scan={"grid": {"model.width": [3, 4]}, "repeats": 2})
    first, repeat, other = (experiment.at(each.params) for each in experiment.combinations.all[:3])
    assert first.train.seed != repeat.train.seed
    assert first.model is repeat.model
    assert first.train is other.train
    assert (repeat.model.parameters.width, other.model.parameters.width) == (3, 4)


def test_equal_numbers_of_other_kinds_are_not_taken_for_one_another(make_experiment: Make) -> None:
    experiment = make_experiment()
    assert experiment.at({"train.clip_norm": 1}).train.clip_norm == 1.0
    with pytest.raises(ConfigError, match="must be a number, got True"):
        experiment.at({"train.clip_norm": True})


def test_a_key_of_some_optimizers_is_varied_for_these_alone(make_experiment: Make) -> None:
    grid = {"train.optimizer": ["adam", "sgd"], "train.momentum": [0, 0.9], "model.width": [3]}
    experiment = make_experiment(scan={"grid": grid})
    assert params(experiment) == [
        {"train.optimizer": "adam", "model.width": 3},
        {"train.optimizer": "sgd", "train.momentum": 0.0, "model.width": 3},
        {"train.optimizer": "sgd", "train.momentum": 0.9, "model.width": 3},
    ]
    assert experiment.combinations.keys == ("train.optimizer", "train.momentum", "model.width")


def test_keys_of_some_schedules_are_varied_for_these_alone(make_experiment: Make) -> None:
    grid = {
        "train.schedule": ["constant", "step", "plateau"],
        "train.schedule_every": [1, 2],
        "train.schedule_factor": [0.1],
        "train.optimizer": ["adam", "sgd"],
        "train.momentum": [0.9],
    }
    found = params(make_experiment(scan={"grid": grid}))
    short = [{key.removeprefix("train."): value for key, value in each.items()} for each in found]
    schedules = [
        {"schedule": "constant"},
        {"schedule": "step", "schedule_every": 1, "schedule_factor": 0.1},
        {"schedule": "step", "schedule_every": 2, "schedule_factor": 0.1},
        {"schedule": "plateau", "schedule_factor": 0.1},
    ]
    optimizers = [{"optimizer": "adam"}, {"optimizer": "sgd", "momentum": 0.9}]
    assert short == [schedule | optimizer for schedule in schedules for optimizer in optimizers]


def test_the_normalisation_may_be_varied_for_all_inputs_or_for_one(make_experiment: Make) -> None:
    experiment = make_experiment(scan={"grid": {"data.normalize": ["standard", "log", {"ECAL": "none"}]}})
    kinds = [each.data.normalization("ECAL").kind for each in experiment.combinations.all]
    assert kinds == ["standard", "log", "none"]
    assert [each["data.normalize"] for each in params(experiment)] == ["standard", "log", {"ECAL": "none"}]
    assert {how.kind for how in experiment.normalizations("ECAL")} >= {"standard", "log", "none"}
    point = experiment.at(params(experiment)[1])
    assert (point.data.normalization("ECAL").kind, point.data.raw) == ("log", experiment.data.raw)


def test_every_point_has_a_value_of_a_key_that_one_of_them_sets(make_experiment: Make) -> None:
    """What a record says of a point is asked for when its training has ended."""
    data = {"raw": "raw", "inputs": ["ECAL"]}
    one = make_experiment(data=data, scan={"grid": {"data.normalize.ECAL": ["standard", {"log": 2}]}})
    assert [each["data.normalize.ECAL"] for each in params(one)] == ["standard", {"log": 2.0}]

    stop, own = "train.early_stopping.patience", "data.normalize.ECAL"
    points = [{stop: 3}, {own: "log"}, {"model.width": 3}]
    several = make_experiment(data=data, train={"early_stopping": None}, scan={"points": points})
    found = [several.at(each) for each in params(several)]
    assert [(each.value(stop), each.value(own)) for each in found] == [
        (3, "standard"),
        (None, "log"),
        (None, "standard"),
    ]


def test_a_point_that_cannot_be_is_an_error_of_the_file(make_experiment: Make) -> None:
    with pytest.raises(ConfigError, match=r"yaml: model\.width\.x: model\.width is 8, which has no keys"):
        make_experiment().at({"model.width.x": 1})


def test_other_keys_of_data_are_no_choice_of_a_point(make_experiment: Make) -> None:
    for grid in ({"data.balance": ["none"]}, {"data": [{"balance": "none"}]}):
        with pytest.raises(
            ConfigError,
            match=r"a scan can vary data\.normalize, data\.augment, data\.fraction and the keys of model",
        ):
            make_experiment(scan={"grid": grid})
    with pytest.raises(ConfigError, match=r"scan\.grid\.data\.normalize\.ECAL: must be one of none, scale"):
        make_experiment(scan={"grid": {"data.normalize": ["standart"]}})


def test_a_key_of_the_file_is_for_the_optimizers_that_have_it(make_experiment: Make) -> None:
    train = {"momentum": 0.9, "epochs": 2}
    experiment = make_experiment(train=train, scan={"grid": {"train.optimizer": ["adam", "sgd"]}})
    assert [each.train.momentum for each in experiment.combinations.all] == [0.0, 0.9]
    # it is part of the experiment all the same, though the optimizer of the file has none
    assert experiment.plain()["train"]["momentum"] == 0.9


def test_keys_of_one_family_are_varied_for_it_alone_and_defaults_are_its_own(make_experiment: Make) -> None:
    grid = {"model.family": ["dense", "trees"], "model.depth": [1, 2], "model.leaves": [3, 4]}
    experiment = make_experiment(model={"width": 9}, scan={"grid": grid})
    assert params(experiment) == [
        {"model.family": "dense", "model.depth": 1},
        {"model.family": "dense", "model.depth": 2},
        {"model.family": "trees", "model.leaves": 3},
        {"model.family": "trees", "model.leaves": 4},
    ]
    dense, forest = experiment.at(params(experiment)[1]), experiment.at(params(experiment)[3])
    assert (dense.model.parameters.width, dense.model.parameters.dropout) == (9, 0.0)
    assert forest.model.parameters == Trees(4, 0.3)
    assert (dense.applies("model.depth"), forest.applies("model.depth")) == (True, False)
    assert (dense.applies("train.momentum"), forest.applies("train.epochs")) == (False, True)


def test_whole_mappings_may_be_values(make_experiment: Make) -> None:
    models = [{"family": "dense", "width": 64}, {"family": "dense", "width": 32, "depth": 3}]
    models.append({"family": "trees"})
    experiment = make_experiment(model={"dropout": 0.2}, scan={"grid": {"model": models}})
    assert params(experiment) == [
        {"model.family": "dense", "model.width": 64},
        {"model.family": "dense", "model.width": 32, "model.depth": 3},
        {"model.family": "trees"},
    ]
    # merged with the file
    assert [each.model.parameters.dropout for each in experiment.combinations.all] == [0.2, 0.2, 0.2]


def test_points_can_be_written_by_hand_instead_of_a_grid_or_beside_one(make_experiment: Make) -> None:
    by_hand = [{}, {"model": {"family": "trees"}, "train.epochs": 3}, {"model.width": 64}]
    assert params(make_experiment(scan={"points": by_hand})) == [
        {},
        {"model.family": "trees", "train.epochs": 3},
        {"model.width": 64},
    ]
    both = make_experiment(scan={"grid": {"model.width": [16, 32]}, "points": by_hand[1:], "repeats": 2})
    assert len(params(both)) == 8
    assert params(both)[2:5] == [
        {"model.width": 32, "train.seed": 1},
        {"model.width": 32, "train.seed": 2},
        {"model.family": "trees", "train.epochs": 3, "train.seed": 1},
    ]
    assert both.combinations.keys == ("model.width", "model.family", "train.epochs", "train.seed")


def test_the_file_itself_written_by_hand_beside_a_grid_has_its_own_family(make_experiment: Make) -> None:
    scan = {"grid": {"model.family": ["trees"], "model.leaves": [3]}, "points": [{}, {"model.width": 9}]}
    assert [each.model.family for each in make_experiment(scan=scan).combinations.all] == [
        "trees",
        "dense",
        "dense",
    ]


@pytest.mark.parametrize(
    ("scan", "message"),
    [
        (
            {"points": [{"train.optimizer": "adam", "train.momentum": 0.9}]},
            r"scan\.points\[0\]: train\.optimizer=adam, train\.momentum=0\.9: only sgd and rmsprop have "
            "momentum, but train.optimizer is adam",
        ),
        ({"grid": {"train.momentum": [0, 0.9]}}, r"scan\.grid\.train\.momentum: only sgd and rmsprop have"),
        (
            {"points": [{"model": {"family": "trees", "width": 3}}]},
            r"scan\.points\[0\]: model\.family=trees, model\.width=3: unknown key",
        ),
        ({"points": [{"model.width": 0}]}, r"scan\.points\[0\]\.model\.width: must be at least 1, got 0"),
        (
            {"points": [{"data.raw": "x"}]},
            r"scan\.points\[0\]: a scan can vary data\.normalize, data\.augment, data\.fraction and the "
            r"keys of model",
        ),
        ({"points": [{"model.width": 3, "model": {"width": 3}}]}, "sets model.width twice"),
        ({"points": [{"model.width": 3}, {"model": {"width": 3}}]}, "is the same point as scan.points"),
        (
            {"grid": {"model.width": [3]}, "points": [{"model.width": 3}]},
            r"scan\.points\[0\]: is the same point as one of scan\.grid",
        ),
        ({"grid": {"model": [{"width": 3}], "model.width": [4]}}, "sets model.width, and so does scan.grid"),
        ({"grid": {"model": ["dense"]}}, r"scan\.grid\.model: must be a mapping"),
        ({"grid": {"model": [{}]}}, r"scan\.grid\.model: has an empty mapping"),
        (
            {"grid": {"model.family": ["dense", "trees"], "model.widht": [3]}},
            r"yaml: scan\.grid\.model\.widht: unknown key; did you mean 'width'\?$",
        ),
        ({"points": [{"train.seed": 3}], "repeats": 2}, r"scan\.repeats: repeats vary the seed"),
        ({"repeats": 10**9}, r"scan: asks for 1,000,000,000 points, and at most 100,000"),
        ({"folds": True}, r"scan\.folds: there are no folds; set data\.folds"),
        ({"folds": 5}, r"scan\.folds: must be true, false or \{leave_out: p\}, .* is data\.folds; got 5$"),
        ({"folds": [1, 2]}, r"scan\.folds: must be true, false or .*; got \[1, 2\]$"),
    ],
)
def test_what_cannot_be_is_refused_by_name(make_experiment: Make, scan: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_experiment(scan=scan)


def test_a_grid_too_large_to_list_is_refused_before_it_is_listed(make_experiment: Make) -> None:
    values = list(range(1, 10_001))
    grid = {"model.width": values, "train.batch_size": values, "train.epochs": values}
    with pytest.raises(ConfigError, match="asks for 1,000,000,000,000 points"):
        make_experiment(scan={"grid": grid})
    assert MOST >= 10_000


def test_a_grid_of_ten_thousand_points_builds_each_section_once(make_experiment: Make) -> None:
    grid = {"model.width": list(range(1, 101)), "train.epochs": list(range(1, 101))}
    found = make_experiment(scan={"grid": grid}).combinations.all
    assert len(found) == 10_000
    assert len({id(each.model) for each in found}) == len({id(each.train) for each in found}) == 100


def test_a_bdt_has_the_keys_of_other_sections_that_it_has_a_use_for(make_experiment: Make) -> None:
    grid = {
        "model": [{"family": "dense", "width": 4}, {"family": "bdt", "trees": 7}],
        "train.learning_rate": [0.1, 0.01],
        "train.early_stopping.patience": [2, 3],
        "data.normalize": ["log", "none"],
    }
    # seven rounds cannot have so long a warm-up, and need not
    experiment = make_experiment(train={"epochs": 9, "warm_up": 8}, scan={"grid": grid})
    trees = [each for each in experiment.combinations.all if each.model.family == "bdt"]
    assert len(experiment.combinations.all) == 2 * 2 * 2 + 2
    assert [each.params for each in trees] == [
        {"model.family": "bdt", "model.trees": 7, "train.early_stopping.patience": patience}
        for patience in (2, 3)
    ]
    # an epoch of its history is a round
    assert [each.train.epochs for each in experiment.combinations.all[-3:]] == [9, 7, 7]
    point = experiment_from(experiment.at(trees[0].params).plain(), experiment.file)
    assert point.train == experiment.at(trees[0].params).train
    assert (point.train.epochs, point.applies("train.optimizer"), point.applies("train.seed")) == (
        7,
        False,
        True,
    )
    assert (point.applies("data.normalize"), point.applies("model.width")) == (False, False)


def test_a_key_that_no_family_has_a_use_for_is_refused(make_experiment: Make) -> None:
    with pytest.raises(
        ConfigError, match=r"scan\.grid\.train\.optimizer: bdt has no use for train\.optimizer"
    ):
        make_experiment(model={"family": "bdt"}, scan={"grid": {"train.optimizer": ["adam", "sgd"]}})
    point = {"model.family": "bdt", "train.epochs": 7}
    with pytest.raises(ConfigError, match=r"scan\.points\[1\]: sets train\.epochs, which bdt has no use for"):
        make_experiment(scan={"points": [{}, point]})


def test_trees_minimise_what_they_can(make_experiment: Make) -> None:
    task = {"kind": "regress", "targets": {"E": "target[:,0,3]"}}
    grid = {"model.family": ["dense", "bdt"], "train.loss": ["mse", {"quantile": 0.9}]}
    found = make_experiment(task=task, scan={"grid": grid}).combinations.all
    assert [(each.model.family, str(each.train.loss.name)) for each in found[2:]] == [
        ("bdt", "mse"),
        ("bdt", "quantile"),
    ]
    grid = {"model.family": ["dense", "bdt"], "train.loss": ["mse", "huber"], "train.seed": [1, 2]}
    with pytest.raises(
        ConfigError, match=r"scan: model\.family=bdt, train\.loss=huber: bdt minimises mse"
    ) as c:
        make_experiment(task=task, scan={"grid": grid})
    assert "\n" not in str(c.value)
    trees = {"family": "bdt"}
    with pytest.raises(
        ConfigError,
        match=r"model\.family: bdt minimises mse, mae, \{quantile: 0\.9\} in the task regress",
    ):
        make_experiment(task=task, model=trees, train={"loss": "huber"})
    with pytest.raises(ConfigError, match=r"bdt minimises cross_entropy in the task classify"):
        make_experiment(model=trees, train={"loss": "focal"})
    with pytest.raises(ConfigError, match=r"model\.family: bdt learns one task, and task lists classify and"):
        make_experiment(model=trees, task=["classify", task])
