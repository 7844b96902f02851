"""The `task` key, and where a target's number is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlscan.config import Experiment
from dlscan.config.build import Problem
from dlscan.config.losses import Loss
from dlscan.config.selection import Selection
from dlscan.config.task import Tasks
from dlscan.errors import ConfigError

Make = Callable[..., Experiment]
ENERGY = {"kind": "regress", "targets": {"Energy": "target[:,0,3]"}}


@pytest.mark.parametrize(
    ("text", "selection"),
    [
        ("energy", Selection("energy")),
        ("target[:,0,1]", Selection("target", (0, 1))),
        (" target [ : , 0 , -1 ] ", Selection("target", (0, -1))),
        ("truth/jet[:]", Selection("truth/jet")),
    ],
)
def test_a_number_of_each_event(text: str, selection: Selection) -> None:
    assert Selection.parse(text, "key") == selection
    assert Selection.parse(str(selection), "key") == selection


@pytest.mark.parametrize("text", ["", "target[0]", "target[:,0", "target[:,a]", "target[:, 0:2]", 3, None])
def test_what_is_no_number_of_each_event_is_refused(text: object) -> None:
    with pytest.raises(Problem, match=r"such as target\[:,0,1\], got"):
        Selection.parse(text, "key")


def test_numbers_are_taken_and_wrong_places_are_said() -> None:
    array = np.arange(12).reshape(2, 2, 3)
    assert Selection("target", (1, -1)).of(array).tolist() == [5, 11]
    assert Selection("weight").of(np.array([[1.0], [2.0]])).tolist() == [1.0, 2.0]
    assert Selection("target", (1, -1)).why_not((2, 3)) is None
    assert Selection("weight").why_not((1, 1)) is None
    assert "there is no such place: an event of target has the shape 2x3" in str(
        Selection("target", (2, 0)).why_not((2, 3))
    )
    assert "say which, as in target[:,1,0]" in str(Selection("target", (1,)).why_not((2, 3)))
    assert Selection("E", (0,)).why_not(()) == "E[:,0]: E has one number per event; write E"


@pytest.mark.parametrize(
    "value",
    [
        *("classify", ENERGY, ["classify", {**ENERGY, "weight": 0.5}], {**ENERGY, "weight": 2.0}),
        "generate",
        *({"kind": "generate", "condition": own} for own in ("class", "target[:,0,1]", ["E", "class"])),
    ],
)
def test_a_task_is_written_as_it_is_read(value: Any) -> None:
    tasks = Tasks.parse(value, "task")
    assert tasks.plain() == value
    assert Tasks.parse(tasks.plain(), "task") == tasks


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("regres", "task.kind: must be one of classify, regress, reconstruct, generate, got 'regres'"),
        ("regress", "task: regress needs targets"),
        ({"kind": "regress", "targets": {}}, "task.targets: must name at least one target"),
        ({"kind": "regress", "targets": {"my E": "target[:,0,3]"}}, "'my E' is no name of a target"),
        ({"kind": "regress", "targets": {"mean": "target"}}, "task.targets.mean: the column Mean_MAE is"),
        ({"kind": "regress", "targets": {"val_E": "target"}}, "task.targets.val_E: val_ marks columns"),
        ({"kind": "regress", "targets": {"E": "target", "e": "target"}}, "task.targets.e: it differs from E"),
        ({"kind": "regress", "targets": {"E": "energy"}}, "energy is not in data.extras (target)"),
        ([], "task: must name a task"),
        (["classify", "classify"], "task: lists classify twice"),
        ([ENERGY, ENERGY], "task: lists regress twice; give one task all targets"),
        ({"kind": "classify", "wieght": 1}, "task.wieght: unknown key; did you mean 'weight'?"),
        ({**ENERGY, "weight": 0}, "task.weight: must be greater than 0"),
        ({**ENERGY, "loss": "focal"}, "task.loss: focal is no loss of the task regress, which has mse"),
        (["classify", {**ENERGY, "loss": "hubber"}], "task[1].loss: must be one of auto, cross_entropy"),
        ({"kind": "regress", "loss": "huber"}, "task: regress needs targets"),
        ("reconstruct", "model.family: dense cannot learn the task reconstruct; choose one of autoencoder"),
        ({"kind": "reconstruct", "nosie": 1}, "task.nosie: unknown key; did you mean 'noise'?"),
        (["classify", "reconstruct"], "task: reconstruct cannot be combined with other tasks; remove them"),
        ({"kind": "reconstruct", "noise": -1}, "task.noise: must be at least 0"),
        ({"kind": "reconstruct", "train_on": []}, "task.train_on: must name at least one class"),
        ({"kind": "reconstruct", "train_on": ["Ele", "Ele"]}, "task.train_on: lists 'Ele' twice"),
        (
            {"kind": "generate", "condition": "energy"},
            "task.condition: energy is not in data.extras (target)",
        ),
        ({"kind": "generate", "condition": []}, "task.condition: must name a number of an event"),
        ({"kind": "generate", "condition": ["class", "class"]}, "task.condition: lists class twice"),
        ({"kind": "generate", "condition": 50}, "task.condition: must be a dataset"),
        (["classify", "generate"], "task: generate cannot be combined with other tasks; remove them"),
        ("generate", "model.family: dense cannot learn the task generate; choose one of gan"),
    ],
)
def test_a_wrong_task_is_one_line(make_experiment: Make, value: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_experiment(task=value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_several_tasks_have_the_columns_of_all(make_experiment: Make) -> None:
    tasks = make_experiment(task=["classify", ENERGY]).task
    assert [curve.name for curve in tasks.curves] == [
        *("loss", "classify_loss", "regress_loss"),
        *("accuracy", "mae"),
    ]
    assert tasks.columns["val_accuracy"] is False
    assert tasks.columns["val_regress_loss"] is True
    assert "val_Mean_AUC" in tasks.columns


def test_each_task_has_its_own_loss_or_that_of_the_training_where_it_fits(make_experiment: Make) -> None:
    tasks = make_experiment(task=["classify", {**ENERGY, "loss": {"quantile": 0.9}}]).task
    classify, regress = tasks.all
    assert tasks.loss_of(classify, Loss("focal")) == Loss("focal")
    assert tasks.loss_of(regress, Loss("focal")) == Loss("quantile", 0.9)
    # the default of what has no loss of this name
    assert tasks.loss_of(classify, Loss("huber")).of("classify") == "cross_entropy"
    assert make_experiment(task=["classify", ENERGY], train={"loss": "huber"}).train.loss == Loss("huber")
    with pytest.raises(ConfigError, match=r"train\.loss: quantile is no loss of the task classify"):
        make_experiment(task=["classify", {**ENERGY, "loss": "mse"}], train={"loss": {"quantile": 0.5}})
    with pytest.raises(ConfigError, match=r"train\.loss: no task takes it, since each has a loss of its own"):
        make_experiment(task={**ENERGY, "loss": "mse"}, train={"loss": "mae"})


def test_an_experiment_of_before_classifies(make_experiment: Make) -> None:
    experiment = make_experiment()
    assert experiment.plain()["task"] == "classify"
    assert make_experiment().task == Tasks()


def test_a_misspelt_key_of_a_regression_is_named(make_experiment: Make) -> None:
    with pytest.raises(ConfigError, match=r"task\.target: unknown key; did you mean 'targets'\?"):
        make_experiment(task={"kind": "regress", "target": {"E": "target"}})


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"task": "classify"}, "model.family: gan cannot learn the task classify; choose one of dense, "),
        (
            {"train": {"loss": "focal"}},
            "train.loss: focal is no loss of the task generate, which has standard",
        ),
        (
            {"train": {"label_smoothing": 0.1}},
            "train.label_smoothing: is for classification, but task is generate",
        ),
        ({"model": {"family": "gan", "k": 0}}, "model.k: must be at least 1"),
        ({"train": {"early_stopping": {"monitor": "val_mae"}}}, "must be a column of the history: val_loss"),
    ],
)
def test_what_does_not_fit_a_generator_is_one_line(
    make_experiment: Make, sections: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        make_experiment(**{"task": "generate", "model": {"family": "gan"}, **sections})
    assert message in str(caught.value)


def test_one_class_is_enough_for_what_tells_none_apart(make_experiment: Make) -> None:
    one = {"data": {"raw": "raw", "classes": {"Ele": "Ele"}, "inputs": ["ECAL"]}}
    assert make_experiment(**one, task="generate", model={"family": "gan"}).data.classes == {"Ele": "Ele"}
    with pytest.raises(ConfigError, match=r"data\.classes: must name at least two classes"):
        make_experiment(**one)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"model": {"family": "lenet"}},
            "model.family: lenet cannot learn the task reconstruct; choose one of",
        ),
        (
            {"model": {"family": "bdt"}},
            "bdt cannot learn the task reconstruct",
        ),
        (
            {"train": {"loss": "focal"}},
            "train.loss: focal is no loss of the task reconstruct, which has mse",
        ),
        (
            {"model": {"family": "vae"}, "train": {"loss": "mae"}},
            "vae minimises mse, cross_entropy, poisson",
        ),
        (
            {"train": {"label_smoothing": 0.1}},
            "is for classification, but task is reconstruct",
        ),
        (
            {"train": {"early_stopping": {"monitor": "val_kl"}}},
            "of the history: val_loss, val_mse",
        ),
        (
            {
                "model": {"family": "vae"},
                "scan": {"grid": {"model.beta": [0.1, 1]}, "halving": {"first": 1}},
            },
            "scan.halving: compares points by val_loss, and different losses cannot be compared",
        ),
        (
            {"task": {"kind": "reconstruct", "train_on": ["Gama"]}},
            "'Gama' is none of the classes",
        ),
    ],
)
def test_what_no_autoencoder_can_be_is_one_line(make_experiment: Make, keys: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_experiment(**{"task": "reconstruct", "model": {"family": "autoencoder"}, **keys})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["reconstruct", "generate"])
def test_some_tasks_take_no_loss_in_a_file(make_experiment: Make, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "losses.py"
    path.write_text("def mine(targets, outputs): ...")
    family = {"reconstruct": "autoencoder", "generate": "gan"}[kind]
    with pytest.raises(
        ConfigError, match=rf"train\.loss: .*mine is a function in a file; the task {kind} has"
    ):
        make_experiment(task=kind, model={"family": family}, train={"loss": f"{path}:mine"})


def test_a_learning_rate_of_a_frozen_body_is_refused(make_experiment: Make) -> None:
    begun = {"pretrained": {"from": "other.keras", "freeze": "body"}}
    with pytest.raises(ConfigError, match=r"train\.body_rate: is of layers that model\.pretrained\.freeze"):
        make_experiment(model=begun, train={"body_rate": 0.1})


def test_a_variational_autoencoder_may_stop_by_its_divergence(make_experiment: Make) -> None:
    train = {"early_stopping": {"monitor": "val_kl"}}
    experiment = make_experiment(task="reconstruct", model={"family": "vae"}, train=train)
    assert experiment.task.plain() == "reconstruct"


@pytest.mark.parametrize(
    ("key", "value"), [("model.pretrained", "{from: other.keras}"), ("train.body_rate", "0.1")]
)
def test_what_is_about_heads_is_not_for_networks_without_one(make_experiment, key, value):
    with pytest.raises(ConfigError, match=rf"{key}: is for networks with a head, and task is reconstruct"):
        make_experiment("task=reconstruct", "model={family: autoencoder}", f"{key}={value}")
