"""`scan.halving`: what the files of points make of it, and a scan to its end."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from dlscan.attempts import create_attempt, ended, new_attempt
from dlscan.cli.conclusion import conclude
from dlscan.cli.status import status as status_command
from dlscan.config import Experiment
from dlscan.config.halving import Halving
from dlscan.errors import ConfigError
from dlscan.prepare import prepare
from dlscan.record import Record
from dlscan.scan import Plan, ScanResult, Work, freeze, scan_status
from dlscan.scan.growth import Grown, grow
from dlscan.scan.halving import standing, waiting
from dlscan.scan.objective import targets_of
from dlscan.scan.promotion import Standing
from dlscan.scan.totals import totals
from dlscan.training import train_planned
from tests.conftest import CLASSES

Make = Callable[..., Experiment]
HALVING = {"first": 1, "factor": 3}
TRAIN = {"epochs": 3, "batch_size": 32}


def scan_of(*widths: int, **halving: int) -> dict[str, object]:
    return {"grid": {"model.width": list(widths)}, "halving": halving or HALVING}


def leave(plan: Plan, number: int, losses: list[float], outcome: str | None = "paused") -> None:
    """What an attempt leaves that has trained so many epochs."""
    paths = plan.paths(plan.point(number))
    lines = ["epoch,loss,val_loss,val_accuracy,seconds,events_per_second,networks"]
    lines += [f"{epoch},1,{loss!r},{1 - loss!r},1,1,1" for epoch, loss in enumerate(losses, 1)]
    paths.history.write_text("\n".join(lines) + "\n")
    attempt = new_attempt(1)
    create_attempt(paths, attempt if outcome is None else ended(attempt, outcome))


@pytest.mark.parametrize(
    ("epochs", "rungs"),
    [(27, (3, 9)), (28, (3, 9, 27)), (9, (3,)), (4, (3,)), (3, ()), (100, (3, 9, 27, 81))],
)
def test_rungs_are_below_the_epochs_of_a_point(epochs: int, rungs: tuple[int, ...]) -> None:
    assert Halving(3, 3).rungs(epochs) == rungs


def test_points_wait_until_they_are_among_the_best_or_cannot_be_any_more(make_experiment: Make) -> None:
    plan = freeze(make_experiment(scan=scan_of(2, 3, 4, 5), train=TRAIN))

    def states() -> list[str]:
        return [each.state for each in scan_status(plan)]

    leave(plan, 1, [0.5])
    leave(plan, 2, [0.6])
    assert states() == ["paused", "paused", "pending", "pending"]
    assert waiting(plan) == []
    leave(plan, 3, [0.7])
    # the best of three may go on: to be trained
    assert states() == ["pending", "paused", "paused", "pending"]
    assert waiting(plan) == [plan.point(1)]
    leave(plan, 4, [0.2], "diverged")
    # it is lost, and nobody else will come: the others are out
    assert states() == ["pending", "pruned", "pruned", "diverged"]
    whole = totals(scan_status(plan))
    assert (whole.counts["pruned"], whole.epochs, whole.epochs_wanted) == (2, 4, 3 + 1 + 1 + 3)


@pytest.mark.parametrize("outcome", ["oom", "failed"])
def test_a_point_that_crashed_for_good_is_not_waited_for(make_experiment: Make, outcome: str) -> None:
    plan = freeze(make_experiment(scan=scan_of(2, 3, 4), train=TRAIN, batch={"retries": 1}))
    leave(plan, 1, [0.5])
    leave(plan, 2, [0.6])
    paths = plan.paths(plan.point(3))
    for number in (1, 2):
        assert standing(plan).promoted == set()
        create_attempt(paths, ended(new_attempt(number), outcome, None, 1))
    assert standing(plan) == Standing(frozenset({1}), frozenset({2}))


def test_the_first_points_of_a_search_wait_for_more(make_experiment: Make) -> None:
    space = {"model.width": {"int": [2, 4]}}
    scan = {"space": space, "search": {"method": "random", "points": 9}, "halving": HALVING}
    experiment = make_experiment(scan=scan, train=TRAIN)
    targets = targets_of(experiment, CLASSES)

    def grown(many: int) -> Grown:
        return grow(plan, experiment, targets, experiment.batch, lambda known: many)

    plan = freeze(experiment)
    plan = grown(2).plan
    for number in (1, 2):
        leave(plan, number, [number / 10])
    assert standing(plan) == Standing()
    # there are no more than three: known once the search has said so
    plan = grown(3).plan
    leave(plan, 3, [0.3])
    assert standing(plan).promoted == {1}
    assert not standing(plan).pruned
    found = grown(3)
    assert (found.points, found.state) == ([], "stop")
    assert standing(found.plan) == Standing(frozenset({1}), frozenset({2, 3}))
    plan = found.plan
    assert grown(3).plan == plan == Plan.read(plan.directory)


def test_the_best_until_a_rung_counts_and_what_is_monitored_decides(make_experiment: Make) -> None:
    for monitor, best in (("val_loss", 2), ("val_accuracy", 2), ("loss", 2)):
        train = {"epochs": 9, "batch_size": 32, "early_stopping": {"monitor": monitor}}
        experiment = make_experiment(name=monitor, scan=scan_of(2, 3, 4, first=2), train=train)
        plan = freeze(experiment)
        leave(plan, 1, [0.5, 0.4])
        leave(plan, 2, [0.1, 0.9])
        # a damaged history is none: its point begins again
        leave(plan, 3, [0.6, 0.6])
        assert standing(plan).promoted == {best}
        plan.paths(plan.point(2)).history.write_text("epoch,val_loss\n1,\xff\n", encoding="latin-1")
        assert standing(plan).promoted == set()


def states(plan: Plan) -> list[str]:
    return [each.state for each in scan_status(plan)]


def test_repeats_and_folds_of_a_choice_go_on_or_leave_together(make_experiment: Make) -> None:
    for several, overrides in ({"repeats": 2}, ()), ({"folds": True}, ("data.folds=2", "name=folds")):
        scan = {**scan_of(2, 3, first=1, factor=2), **several}
        plan = freeze(make_experiment(*overrides, scan=scan, train=TRAIN))
        leave(plan, 1, [0.1])
        leave(plan, 3, [0.4])
        leave(plan, 4, [0.5])
        # the best of all waits for the other one of its choice
        assert states(plan) == ["paused", "pending", "paused", "paused"]
        leave(plan, 2, [0.9])
        # .5 on average against .45: the worst of the three that are left goes on, the best does not
        assert states(plan) == ["pruned", "pruned", "pending", "pending"]
        leave(plan, 3, [0.4, 0.3])
        # one is ahead, and at the last rung of two it waits for the other
        assert states(plan) == ["pruned", "pruned", "paused", "pending"]
        leave(plan, 4, [0.5, 0.5])
        assert states(plan) == ["pruned", "pruned", "pending", "pending"]


def test_folds_of_a_grid_are_one_choice(make_experiment: Make) -> None:
    scan = scan_of(2, 3, first=1, factor=2)
    scan["grid"] = {"model.width": [2, 3], "data.fold": [1, 2]}
    plan = freeze(make_experiment("data.folds=3", scan=scan, train=TRAIN))
    for number, loss in enumerate((0.1, 0.9, 0.4, 0.5), 1):
        leave(plan, number, [loss])
    assert states(plan) == ["pruned", "pruned", "pending", "pending"]


def test_losses_of_generators_are_one_energy_distance(make_experiment: Make) -> None:
    model = [{"family": "gan"}, {"family": "vae"}]
    train = {"epochs": 3, "batch_size": 32, "early_stopping": None}
    task = {"kind": "generate", "condition": "target[:,0,3]"}
    scan = {"grid": {"model": model}, "halving": HALVING}
    data = ("data.inputs=[HCAL]",)
    assert make_experiment(*data, scan=scan, train=train, task=task, model={}).scan.halving


@pytest.mark.parametrize(
    ("scan", "fold", "said"),
    [
        ({"halving": HALVING}, "none", "data.fold: none: all folds train, so no events are left to validate"),
        ({"refit": True}, "none", "scan.refit compares points there"),
        ({"space": {"model.width": [2, 3]}, "search": {"points": 2}}, "none", "scan.search compares points"),
        ({"folds": True}, "none", "data.fold: none: all folds train, but scan.folds leaves some out"),
        (
            {"grid": {"data.fold": [1, "none"]}, "halving": HALVING},
            None,
            "scan.halving compares points there",
        ),
        (
            {"points": [{"data.fold": 1}, {"data.fold": 2, "model.width": 3}], "halving": HALVING},
            None,
            "scan.halving: compares points on the same events, and data.fold is not the same for all",
        ),
        (
            {"grid": {"data.fold": [1, 2]}, "search": {"method": "grid"}},
            None,
            "scan.search: would choose the fold with the easiest events; replace data.fold by scan.folds",
        ),
    ],
)
def test_points_are_not_compared_on_other_events_or_on_none(
    make_experiment: Make, scan: dict[str, object], fold: str | None, said: str
) -> None:
    overrides = ["data.folds=3", *([] if fold is None else [f"data.fold={fold}"])]
    with pytest.raises(ConfigError) as caught:
        make_experiment(*overrides, scan=scan, train={**TRAIN, "early_stopping": None})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_point_that_trains_on_all_folds_is_checked(make_experiment: Make) -> None:
    scan = {"grid": {"data.fold": [1, "none"]}}
    with pytest.raises(ConfigError, match="so early stopping has no validation events"):
        make_experiment("data.folds=2", scan=scan, train=TRAIN)


def test_a_choice_of_which_one_fold_diverged_is_over(make_experiment: Make) -> None:
    scan = {**scan_of(2, 3, first=1, factor=2), "folds": True}
    plan = freeze(make_experiment("data.folds=2", scan=scan, train=TRAIN))
    leave(plan, 1, [0.1])
    leave(plan, 2, [], "diverged")
    leave(plan, 3, [0.4])
    leave(plan, 4, [0.5])
    assert states(plan) == ["pruned", "diverged", "pending", "pending"]


@pytest.mark.parametrize(
    ("scan", "train", "said"),
    [
        (scan_of(2, 3, first=0), TRAIN, "scan.halving.first: must be at least 1, got 0"),
        (scan_of(2, 3, first=1, factor=1), TRAIN, "scan.halving.factor: must be at least 2, got 1"),
        (
            scan_of(2, 3, first=3),
            TRAIN,
            "scan.halving.first: must be less than train.epochs, which is 3, got 3",
        ),
        (
            {"grid": {"train.loss": ["mse", "focal"]}, "halving": HALVING},
            TRAIN,
            "scan.halving: compares points by val_loss, and different losses cannot be compared; set "
            "train.early_stopping.monitor to a column that is no loss",
        ),
        (
            {"grid": {"train.early_stopping": [{"monitor": "val_accuracy"}, None]}, "halving": HALVING},
            TRAIN,
            "scan.halving: compares points by train.early_stopping.monitor, which has to be the same for all",
        ),
        (
            {"grid": {"model": [{"family": "dense"}, {"family": "bdt"}]}, "halving": HALVING},
            TRAIN,
            "scan.halving: is for networks, and the family bdt is boosted trees",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(
    make_experiment: Make, scan: dict[str, object], train: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        make_experiment(scan=scan, train=train)
    assert said in str(caught.value)


def test_losses_that_differ_are_no_matter_where_another_column_decides(make_experiment: Make) -> None:
    train = {**TRAIN, "early_stopping": {"monitor": "val_accuracy"}}
    scan = {"grid": {"train.loss": ["mse", "focal"]}, "halving": HALVING}
    assert make_experiment(scan=scan, train=train).scan.halving == Halving(1, 3)


def test_a_scan_trains_its_best_point_to_the_end_and_says_what_became_of_the_others(
    make_experiment: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment = make_experiment(scan=scan_of(2, 4, 8), train=TRAIN, stream={"workers": 0})
    manifest = prepare(experiment, processes=1).manifest
    plan = freeze(experiment, manifest.config_hash)
    # a job of its own for each: none goes on, until the last one finds out who was the best
    first = train_planned(plan, plan.points[:1])
    assert first == {1: "paused"}
    assert train_planned(plan, plan.points[1:2]) == {2: "paused"}
    found = train_planned(plan, plan.points[2:])

    statuses = scan_status(plan)
    assert sorted(each.state for each in statuses) == ["done", "pruned", "pruned"]
    done = next(each.point.number for each in statuses if each.state == "done")
    assert found[done] == "done"
    assert sum(each.epochs for each in statuses) == 3 + 1 + 1
    conclude(ScanResult(plan, Work(statuses, []), None, statuses))
    assert "1 of 3 points done, 2 pruned" in capsys.readouterr().out
    shown = CliRunner().invoke(status_command, [str(plan.directory), "--json"])
    assert shown.exit_code == 0
    assert json.loads(shown.stdout)["counts"] == {"pruned": 2, "done": 1}


def test_folds_that_go_on_equal_folds_that_never_paused(make_experiment: Make) -> None:
    scan = {**scan_of(2, 4, 8), "folds": True}
    whole = {"train": {**TRAIN, "batch_size": 16}, "stream": {"workers": 0}}
    experiment = make_experiment("data.folds=2", scan=scan, **whole)
    manifest = prepare(experiment, processes=1).manifest
    plan = freeze(experiment, manifest.config_hash)
    # the two folds of a model in different jobs: nobody knows who is the best before the last one
    train_planned(plan, plan.points[::2])
    outcomes = train_planned(plan, plan.points[1::2])
    done = [each.point for each in scan_status(plan) if each.state == "done"]
    assert sorted(states(plan)) == ["done"] * 2 + ["pruned"] * 4
    assert {outcomes[point.number] for point in done} == {"done"}
    assert len({point.params["model.width"] for point in done}) == 1

    plain = make_experiment("data.folds=2", "name=unpaused", scan={**scan, "halving": None}, **whole)
    plain = dataclasses.replace(plain, data=experiment.data)
    alone = freeze(plain, manifest.config_hash)
    train_planned(alone, [alone.point(point.number) for point in done])
    for point in done:
        found, right = (each.paths(point) for each in (plan, alone))
        assert read(found.history) == read(right.history)
        assert Record.read(found.record).metrics == Record.read(right.record).metrics


def read(history: Path) -> list[list[str]]:
    """The columns that do not depend on time or company."""
    rows = [line.split(",") for line in history.read_text().splitlines()]
    kept = [
        n
        for n, name in enumerate(rows[0])
        if "seconds" not in name and "second" not in name and name != "networks"
    ]
    return [[row[n] for n in kept] for row in rows]
