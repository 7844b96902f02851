"""A plan that grows: frozen proposals, one budget, whoever asks and whatever is killed."""

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dlscan import training
from dlscan.attempts import create_attempt, ended, new_attempt
from dlscan.bench.dry_run import dry_run
from dlscan.cli.scan_display import ScanDisplay
from dlscan.config import BatchOptions, Experiment, load
from dlscan.errors import ConfigError, ScanError
from dlscan.files import read_json, write_json
from dlscan.prepare import prepare
from dlscan.scan import Plan, freeze
from dlscan.scan.changing import changing
from dlscan.scan.choices import choices_of
from dlscan.scan.growth import Grown, grow, in_flight
from dlscan.scan.halving import growing
from dlscan.scan.known import open_points, space_of, trials_elsewhere, trials_of
from dlscan.scan.objective import targets_of
from dlscan.scan.pull import pull
from dlscan.scan.run import begin
from dlscan.scan.space import Point
from dlscan.scan.submissions import Submissions
from dlscan.search import Ask, Trial, propose
from dlscan.search.methods import METHODS
from tests.conftest import CLASSES
from tests.records import finish

from . import kill_proposals

Make = Callable[..., Experiment]
SPACE = {
    "model.width": {"int": [4, 64], "log": True},
    "train.learning_rate": {"log": [1e-4, 1e-1]},
    "train.optimizer": ["adam", "sgd"],
    "train.momentum": {"uniform": [0, 0.9]},
}


def searching(points: int = 12, method: str = "tpe", **more: Any) -> dict[str, Any]:
    return {"space": SPACE, "search": {"method": method, "points": points, **more}}


def asked(plan: Plan, experiment: Experiment, many: int = 4) -> Grown:
    targets = targets_of(experiment, CLASSES)
    return grow(plan, experiment, targets, experiment.batch, lambda known: many)


def done(plan: Plan, point: Point, value: float) -> None:
    """Leave what a finished point does, with this number to search by."""
    paths = plan.paths(point)
    finish(paths)
    record = read_json(paths.record)
    write_json(paths.record, record | {"metrics": {"val_Mean_AUC": value}, "params": point.params})


def test_a_grid_has_the_plan_that_it_had(make_experiment: Make) -> None:
    plan = freeze(make_experiment(scan={"grid": {"model.width": [4, 8]}}))
    content = json.loads((plan.directory / "plan.json").read_text())
    assert content["config"]["scan"] == {"grid": {"model.width": [4, 8]}, "points": [], "repeats": 1}
    assert list(content)[-1] == "sources"
    assert not plan.searches


def test_proposals_grow_the_plan_and_are_never_made_again(make_experiment: Make) -> None:
    experiment = make_experiment(scan=searching())
    plan = freeze(experiment)
    assert plan.points == ()
    plan = asked(plan, experiment).plan
    first = plan.points
    assert [point.number for point in first] == [1, 2, 3, 4]
    for point in first[:3]:
        done(plan, point, 0.5 + point.number / 100)
    plan = asked(plan, experiment).plan
    assert plan.points[:4] == first
    assert plan == Plan.read(plan.directory)
    proposal = plan.proposals[1]
    assert proposal.points == [5, 6, 7, 8]
    assert proposal.learned == {"1": [0.51], "2": [0.52], "3": [0.53]}
    assert proposal.versions["optuna"]
    # results that change later change no proposal
    done(plan, first[0], 0.99)
    assert asked(plan, experiment).plan.proposals[:2] == plan.proposals
    assert freeze(experiment).points[:8] == plan.points


def test_what_was_known_gives_the_same_points_again(make_experiment: Make) -> None:
    experiment = make_experiment(scan=searching(method="cmaes"))
    plan = asked(freeze(experiment), experiment, 8).plan
    for point in plan.points:
        done(plan, point, point.params["train.learning_rate"])
    grown = asked(plan, experiment).plan
    space, proposal = space_of(experiment), grown.proposals[-1]
    known = [
        dataclasses.replace(trial, worth=tuple(proposal.learned[str(trial.number)]))
        for trial in trials_of(plan, space, targets_of(experiment, CLASSES), 3)
    ]
    again = propose("cmaes", space, known, Ask(4, proposal.seed, 1))
    assert isinstance(again, list)
    assert [dict(draw.notes) for draw in again] == proposal.notes


@pytest.mark.parametrize("method", ["random", "sobol", "tpe", "cmaes", "evolution"])
def test_the_budget_is_kept_to_the_point(make_experiment: Make, method: str) -> None:
    experiment = make_experiment(scan={**searching(11, method), "repeats": 2})
    grown = asked(freeze(experiment), experiment)
    while grown.points:
        for point in grown.points:
            done(grown.plan, point, 0.5)
        grown = asked(grown.plan, experiment)
    assert grown.state == "stop"
    assert len(grown.plan.points) == 22 == grown.plan.budget
    assert len({json.dumps(point.params) for point in grown.plan.points}) == 22
    assert {point.params["train.seed"] for point in grown.plan.points} == {1, 2}


def test_each_choice_is_trained_on_every_fold_and_its_result_is_the_mean(make_experiment: Make) -> None:
    experiment = make_experiment("data.folds=3", scan={**searching(5, "random"), "folds": True})
    plan = asked(freeze(experiment), experiment, 1).plan
    assert [point.params["data.fold"] for point in plan.points] == [1, 2, 3]
    assert plan.budget == 15
    for point, value in zip(plan.points, (0.5, 0.6, 0.7), strict=True):
        assert [trial.state for trial in known(plan, experiment)] == ["running"]
        done(plan, point, value)
    assert known(plan, experiment)[0].worth == pytest.approx((0.6,))
    assert len(asked(plan, experiment, 9).plan.points) == 15


def test_keys_are_only_for_those_that_have_them(make_experiment: Make) -> None:
    experiment = make_experiment(scan=searching(20, "random"))
    for point in asked(freeze(experiment), experiment, 20).points:
        assert ("train.momentum" in point.params) == (point.params["train.optimizer"] == "sgd")


def test_a_proposal_that_is_killed_at_any_step_is_made_by_the_next_one(
    make_experiment: Make, tmp_path: Path
) -> None:
    experiment = make_experiment(scan=searching(6, "random"))
    plan = asked(freeze(experiment), experiment, 2).plan
    done(plan, plan.points[0], 0.5)
    command = [
        sys.executable,
        "-m",
        "tests.scan.kill_proposals",
        str(experiment.file),
        str(tmp_path / "kill"),
    ]
    (tmp_path / "kill").mkdir()
    root = Path(kill_proposals.__file__).parents[2]
    result = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) > 20


def test_drivers_at_once_share_the_budget_and_propose_no_point_twice(make_experiment: Make) -> None:
    experiment = make_experiment(scan=searching(30, "random"))
    freeze(experiment)
    code = (
        "import sys; from pathlib import Path; from tests.scan.kill_proposals import grown\n"
        "while grown(Path(sys.argv[1])).state != 'stop': pass"
    )
    root = Path(kill_proposals.__file__).parents[2]
    drivers = [
        subprocess.Popen([sys.executable, "-c", code, str(experiment.file)], cwd=root) for _ in range(3)
    ]
    assert [driver.wait(timeout=120) for driver in drivers] == [0, 0, 0]
    plan = Plan.read(experiment.directory)
    assert len(plan.points) == 30
    assert len({json.dumps(point.params) for point in plan.points}) == 30
    numbers = [number for proposal in plan.proposals for number in proposal.points]
    assert numbers == list(range(1, 31))
    assert len({proposal.seed for proposal in plan.proposals}) == len(plan.proposals)


def test_crashes_and_divergence_are_told_apart(make_experiment: Make) -> None:
    experiment = make_experiment(scan=searching(5, "random"), batch={"retries": 1})
    plan = asked(freeze(experiment), experiment, 5).plan
    outcomes = {1: ["diverged"], 2: ["failed"], 3: ["failed", "failed"], 4: ["preempted"] * 3}
    for number, ends in outcomes.items():
        for count, outcome in enumerate(ends, 1):
            create_attempt(plan.paths(plan.point(number)), ended(new_attempt(count), outcome, None, 1))
    trials = trials_of(plan, space_of(experiment), targets_of(experiment, CLASSES), 1)
    assert [trial.state for trial in trials] == ["diverged", "running", "crashed", "running", "running"]


def test_points_that_paused_are_to_be_trained_once_there_is_no_halving(make_experiment: Make) -> None:
    scan = {**searching(3, "random"), "halving": {"first": 1, "factor": 3}}
    experiment = make_experiment(scan=scan, train={"epochs": 3})
    plan = asked(freeze(experiment), experiment, 1).plan
    paths = plan.paths(plan.points[0])
    create_attempt(paths, ended(new_attempt(1), "paused", None, 1))
    # without a history that can be read nothing is known of it
    paths.history.write_text("epoch,val_loss\n1,0.5\n")
    assert [trial.state for trial in known(plan, experiment)] == ["pruned"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dlscan.scan.known.reached", lambda plan: lambda points: None)
        assert [trial.state for trial in known(plan, experiment)] == ["running"]
    scan = {key: value for key, value in plan.config["scan"].items() if key != "halving"}
    plain = dataclasses.replace(plan, config={**plan.config, "scan": scan})
    assert [trial.state for trial in known(plain, experiment)] == ["running"]
    assert open_points(plain, 3) == list(plain.points)


def test_a_choice_that_paused_is_known_by_the_mean_that_it_was_compared_by(make_experiment: Make) -> None:
    scan = {**searching(3, "random"), "halving": {"first": 1, "factor": 3}, "folds": True}
    experiment = make_experiment("data.folds=2", scan=scan, train={"epochs": 9})
    plan = asked(freeze(experiment), experiment, 1).plan
    first, second = map(plan.paths, plan.points)
    first.history.write_text("epoch,val_loss\n1,0.5\n2,0.3\n3,0.9\n")
    create_attempt(first, ended(new_attempt(1), "paused", None, 1))
    # the other one stopped early
    second.history.write_text("epoch,val_loss\n1,0.7\n2,0.8\n")
    done(plan, plan.points[1], 0.5)
    write_json(second.record, read_json(second.record) | {"epochs": 2, "stopped": "early"})
    (trial,) = known(plan, experiment)
    assert (trial.state, trial.reached, trial.worth) == ("pruned", 3, (-0.5,))


def test_a_job_takes_no_more_points_than_it_has_room_for(make_experiment: Make) -> None:
    experiment = make_experiment(scan={**searching(2, "random"), "repeats": 3}, train={"epochs": 1})
    prepare(experiment, processes=1)
    plan, batch = freeze(experiment), BatchOptions("slurm")
    plan, points, later = pull(plan, batch, 2)
    assert ([point.number for point in points], later) == ([1, 2], True)
    assert len(plan.points) == 3
    # the system took the first job only
    submissions = Submissions(plan.directory)
    submission = submissions.ask(batch, ((1, 2), (3,)))
    assert [point.number for point in pull(plan, batch, 2)[1]] == [4, 5]
    submissions.know(submission, ["77"])
    assert [point.number for point in pull(plan, batch, 2)[1]] == [3, 4]
    assert len(Plan.read(plan.directory).points) == 6


def test_a_job_that_finds_the_plan_busy_looks_again_and_then_ends_well(
    make_experiment: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = make_experiment(scan=searching(2, "random"))
    plan = freeze(experiment)
    monkeypatch.setattr("dlscan.scan.changing._PATIENCE", 0.0)
    monkeypatch.setattr("dlscan.scan.pull.Manifest", SimpleNamespace(of=lambda experiment: None))
    looks = []

    def searcher(*args: Any, **kwargs: Any) -> Any:
        def more(many: int) -> list[Point]:
            looks.append(many)
            return asked(plan, experiment, many).points

        return SimpleNamespace(more=more, plan=plan, over=False)

    monkeypatch.setattr("dlscan.scan.pull.Searcher", searcher)
    monkeypatch.setattr(training, "_LEAST_WAIT", 0.2)
    monkeypatch.setattr(training, "_LOOK_AGAIN", 0.05)
    with changing(plan.directory):
        assert training._pulled(plan, experiment.batch, 1, 0.0) == (plan, [])
    assert len(looks) > 1
    assert len(training._pulled(plan, experiment.batch, 1, 0.0)[1]) == 1


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("Mean_AUC", "of the test split"),
        ("test_loss", "of the test split"),
        ("initial_loss", "of the train split"),
        ("val_nothing", "no column 'val_nothing'"),
        ("Parameters", "write -Parameters"),
        ("-val_Mean_AUC", "not a number that is better when low"),
    ],
)
def test_a_search_looks_at_validation_alone(make_experiment: Make, metric: str, words: str) -> None:
    experiment = make_experiment(scan=searching(metric=metric))
    with pytest.raises(ConfigError, match=r"scan\.search\.metric") as caught:
        targets_of(experiment, CLASSES)
    assert words in str(caught.value)


def test_several_metrics_and_short_names(make_experiment: Make) -> None:
    experiment = make_experiment(scan=searching(metric=["val_auc", "-Parameters", "val_loss"]))
    targets = targets_of(experiment, CLASSES)
    assert [target.column for target in targets] == ["val_Mean_AUC", "Parameters", "best_val_loss"]
    assert [target.about.goodness(2.0) for target in targets] == [2.0, -2.0, -2.0]


@pytest.mark.parametrize("method", METHODS)
def test_a_search_goes_on_in_a_wider_or_narrower_space_with_all_that_is_known(
    make_experiment: Make, method: str
) -> None:
    # a grid needs them
    steps = {"steps": 3} if method == "grid" else {}
    numbers = {key: {**value, **steps} for key, value in SPACE.items() if isinstance(value, dict)}
    space = {**SPACE, **numbers}
    experiment = make_experiment(scan={"space": space, "search": {"method": method, "points": 4}})
    plan = asked(freeze(experiment), experiment).plan
    for point in plan.points:
        done(plan, point, 0.5)
    wider = {**space, "model.width": {"int": [2, 128], "log": True, **steps}, "model.depth": [1, 2]}
    wider["model.dropout"] = {"uniform": [0, 0.5], **steps}
    more = make_experiment(scan={"space": wider, "search": {"method": method, "points": 8}})
    with pytest.raises(ScanError, match="--extend"):
        freeze(more)
    plan = freeze(more, extend=True)
    assert [point.params["model.depth"] for point in plan.points] == [1] * 4
    grown = asked(plan, more)
    assert len(grown.points) == 4
    for point in grown.points[:2]:
        done(grown.plan, point, 0.6)
    assert [trial.state for trial in known(grown.plan, more)] == ["done"] * 6 + ["running"] * 2
    small = {**wider, "model.width": {"int": [8, 16], "log": True, **steps}}
    less = make_experiment(scan={"space": small, "search": {"method": method, "points": 12}})
    with pytest.raises(ScanError, match="use --narrow"):
        freeze(less, extend=True)
    plan = freeze(less, narrow=True)
    new = asked(plan, less).points
    assert len(new) == 4
    assert len({json.dumps(point.params) for point in [*plan.points, *new]}) == 12
    assert all(8 <= point.params["model.width"] <= 16 for point in new)
    with pytest.raises(ScanError, match=r"12 points were proposed"):
        search = {"method": method, "points": 3}
        freeze(make_experiment(scan={"space": small, "search": search}), extend=True)


@pytest.mark.parametrize(
    ("more", "trainings"),
    [
        ({"repeats": 2}, [{"train.seed": 1}, {"train.seed": 2}]),
        ({"folds": True}, [{"data.fold": 1}, {"data.fold": 2}, {"data.fold": 3}]),
    ],
    ids=["repeats", "folds"],
)
def test_repeats_and_folds_are_added_to_all_points_of_a_search(
    make_experiment: Make, more: Any, trainings: list[dict[str, Any]]
) -> None:
    scan = {**searching(3, "random"), "points": [{"model.width": 70}]}
    experiment = make_experiment("data.folds=3", scan=scan)
    before = asked(freeze(experiment), experiment).plan
    for point in before.points:
        done(before, point, 0.5)
    experiment = make_experiment("data.folds=3", scan={**scan, **more})
    plan = freeze(experiment, extend=True)
    assert [point.directory for point in plan.points[:3]] == [point.directory for point in before.points]
    found = [[{key: point.params[key] for key in trainings[0]} for point in own] for own in choices_of(plan)]
    assert found == [trainings] * 3
    assert asked(plan, experiment).state == "stop"
    assert not growing(plan)
    # the one by hand lies outside of the space
    assert [trial.state for trial in known(plan, experiment)] == ["running"] * 2
    with pytest.raises(
        ScanError, match=r"has a training with .*, which scan.repeats and scan.folds no longer"
    ):
        freeze(make_experiment("data.folds=3", scan=scan), extend=True)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({"repeats": 3}, {"folds": True}),
        ({"folds": True}, {"repeats": 3}),
        ({"repeats": 3}, {"repeats": 2}),
        # as many as before, but others
        ({"folds": True}, {"folds": {"leave_out": 2}}),
    ],
)
@pytest.mark.parametrize("method", ["grid", "random"])
def test_trainings_of_a_search_are_not_exchanged(
    make_experiment: Make, before: Any, now: Any, method: str
) -> None:
    first = {"grid": {"model.width": [4, 8]}} if method == "grid" else searching(2, "random")
    experiment = make_experiment("data.folds=3", scan={**first, **before})
    plan = freeze(experiment)
    plan = plan if method == "grid" else asked(plan, experiment).plan
    for point in plan.points:
        done(plan, point, 0.5)
    text = (plan.directory / "plan.json").read_text()
    with pytest.raises(ScanError, match="not removed or exchanged"):
        freeze(make_experiment("data.folds=3", scan={**searching(9, "random"), **now}), extend=True)
    assert (plan.directory / "plan.json").read_text() == text


def test_a_point_by_hand_that_the_file_no_longer_has_gets_repeats_too(make_experiment: Make) -> None:
    experiment = make_experiment(scan={**searching(2), "points": [{"model.dropout": 0.25}]})
    plan = asked(freeze(experiment), experiment).plan
    for point in plan.points:
        done(plan, point, 0.5)
    plan = freeze(make_experiment(scan={**searching(2), "repeats": 2}), extend=True)
    assert [
        (p.params.get("model.dropout"), p.params["train.seed"])
        for p in plan.points
        if "dropout" in p.directory
    ] == [
        (0.25, 1),
        (0.25, 2),
    ]


def known(plan: Plan, experiment: Experiment) -> list[Trial]:
    return trials_of(plan, space_of(experiment), targets_of(experiment, CLASSES), 3)


def test_a_finished_grid_goes_on_as_a_search(make_experiment: Make) -> None:
    plan = freeze(make_experiment(scan={"grid": {"model.width": [4, 8, 256]}}))
    for point in plan.points:
        done(plan, point, 0.5)
    search = make_experiment(scan={"space": SPACE, "search": {"points": 6}})
    plan = freeze(search, extend=True)
    grown = asked(plan, search)
    assert len(grown.points) == 3
    # one is outside of the space, and counts all the same
    assert [trial.number for trial in known(grown.plan, search)] == [1, 2, 4, 5, 6]


def test_points_of_another_scan_are_known_from_the_start(make_experiment: Make) -> None:
    old = make_experiment("name=old", scan=searching(4))
    plan = asked(freeze(old, "events"), old).plan
    for point in plan.points:
        done(plan, point, 0.5)
    new = make_experiment(scan=searching(4, **{"from": str(plan.directory)}))
    grown = asked(freeze(new, "events"), new)
    assert grown.plan.proposals[0].others == 4
    assert not {json.dumps(p.params) for p in grown.points} & {json.dumps(p.params) for p in plan.points}
    other = make_experiment("name=other", scan=searching(4, **{"from": str(plan.directory)}))
    with pytest.raises(ScanError, match="a scan on other events"):
        asked(freeze(other, "other events"), other)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("folds", r"did you mean \S+/scans/folds\?$"),
        ("folds.yaml", r"did you mean \S+/scans/folds\?$"),
        ("scans/flods", r"did you mean \S+/scans/folds\?$"),
        ("elsewhere/best", r"scans in \S+/scans: folds, width$"),
    ],
)
def test_a_scan_to_begin_with_that_is_not_there_is_said_before_there_is_a_plan(
    make_experiment: Make, name: str, meant: str
) -> None:
    for other in ("folds", "width"):
        freeze(make_experiment(name=other))
    experiment = make_experiment(scan=searching(4, **{"from": name}))
    prepare(experiment, processes=1)
    with pytest.raises(ConfigError, match=rf"yaml: scan\.search\.from: \S+/{name} is not .*; {meant}"):
        begin(experiment, experiment.batch, ScanDisplay())
    assert not experiment.directory.exists()
    with pytest.raises(ConfigError, match=r"scan\.search\.from"):
        dry_run(experiment, experiment.batch, ScanDisplay())


@pytest.mark.parametrize("scan", [{"folds": True}, {"repeats": 3}], ids=["folds", "repeats"])
def test_choices_of_another_scan_that_lack_a_training_are_not_known(make_experiment: Make, scan: Any) -> None:
    grid = {"grid": {"model.width": [4, 8, 16]}, **scan}
    other = freeze(make_experiment("data.folds=3", name="other", scan=grid))
    for number, value in ((1, 0.9), (4, 0.7), (5, 0.8), (6, 0.75), (7, 0.8), (8, 0.9), (9, 0.95)):
        done(other, other.point(number), value)
    # it has had more epochs since, and trains on
    record = other.paths(other.point(9)).record
    write_json(record, read_json(record) | {"epochs": 1})
    experiment = make_experiment(
        "data.folds=3", name="new", scan={**searching(), "space": {"model.width": {"int": [4, 64]}}, **scan}
    )
    targets = targets_of(experiment, CLASSES)
    found = trials_elsewhere(other.directory, freeze(experiment), space_of(experiment), targets)
    assert [(trial.values, trial.state) for trial in found] == [({"model.width": 8}, "done")]
    assert found[0].worth == pytest.approx((0.75,))


@pytest.mark.parametrize(
    ("scan", "error"),
    [
        ({"folds": True}, 0.005),
        ({"folds": True, "repeats": 2}, 0.005),
        ({"folds": {"leave_out": 2}}, 0.01 * 0.5**0.5),
        ({"repeats": 4}, 0.01),
    ],
    ids=["folds", "repeats of folds", "overlapping folds", "repeats"],
)
def test_folds_have_other_validation_events_each_and_their_mean_a_smaller_error(
    make_experiment: Make, scan: Any, error: float
) -> None:
    experiment = make_experiment("data.folds=4", scan={**searching(), **scan})
    plan = asked(freeze(experiment), experiment, 1).plan
    for point in plan.points:
        done(plan, point, 0.8)
        record = plan.paths(point).record
        write_json(record, read_json(record) | {"errors": {"val_Mean_AUC": [0.01, 0.01]}})
    assert [trial.error for trial in known(plan, experiment)] == pytest.approx([error])


def test_how_many_points_wait_or_run_at_a_time(make_experiment: Make) -> None:
    tpe = freeze(make_experiment(scan=searching(64)))
    packs = dataclasses.replace(tpe.experiment.batch, models_per_job=4)
    assert in_flight(tpe, packs, 3, False) == 12
    assert in_flight(tpe, packs, None, False) == 8
    blind = freeze(make_experiment("name=blind", scan=searching(64, "random")))
    assert in_flight(blind, packs, 3, True) == 64
    assert in_flight(blind, packs, 3, False) == 12


@pytest.mark.parametrize(
    ("scan", "words"),
    [
        ({"space": SPACE}, "scan.space: needs scan.search"),
        ({"search": {"points": 3}}, "scan.search: needs scan.space"),
        ({"space": SPACE, "search": {}}, "scan.search.points: missing"),
        ({"space": {"model.width": {"log": [0, 1]}}, "search": {"points": 3}}, "must be above 0"),
        ({"space": {"model.width": {"int": [4, 2]}}, "search": {"points": 3}}, "the lower one first"),
        ({"space": {"model.widht": {"int": [4, 8]}}, "search": {"points": 3}}, "did you mean 'width'"),
        ({"space": {"model.width": {"int": [0, 8]}}, "search": {"points": 3}}, "must be at least 1"),
        ({"space": {"model.dropout": {"uniform": [0, 1]}}, "search": {"points": 3}}, "must be less than 1"),
        ({**searching(metric=["val_auc", "val_loss"], method="cmaes")}, "takes one metric"),
        (
            searching(method="tpe", rounds=5),
            "scan.search.rounds: only zoom has rounds, but scan.search.method is tpe",
        ),
        (
            searching(method="random", population=8),
            "scan.search.population: only cmaes and evolution have population, but scan.search.method is "
            "random",
        ),
        (
            searching(method="cmaes", population=3),
            "scan.search.population: must be at least 4 for cmaes, got 3",
        ),
        ({"space": {"model.width": {"range": [4, 8]}}, "search": {"points": 3}}, "uniform, log, int"),
        (
            {"space": {"train.learning_rate": {"log": [1e-4, 1e-1]}}, "search": {"method": "grid"}},
            "scan.space.train.learning_rate: grid needs steps",
        ),
        (
            {"space": {"model.width": {"int": [4, 2000]}}, "search": {"method": "grid"}},
            "scan.space.model.width: grid needs steps",
        ),
    ],
)
def test_what_is_wrong_is_said_when_the_file_is_read(make_experiment: Make, scan: Any, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_experiment(scan=scan)
    assert words in str(caught.value)


def test_a_plan_with_what_was_not_refused_before_is_still_read(make_experiment: Make) -> None:
    experiment = make_experiment(scan=searching(4))
    plan = asked(freeze(experiment), experiment).plan
    content = read_json(plan.directory / "plan.json")
    content["config"]["scan"]["search"] |= {"method": "grid", "population": 2, "rounds": 7}
    write_json(plan.directory / "plan.json", content)
    assert len(Plan.read(plan.directory).points) == 4
    search = dataclasses.replace(experiment.scan.search, method="grid", population=2, rounds=7)
    assert load(plan.directory).scan.search == search


def test_a_search_on_this_machine_trains_what_it_proposes(
    make_experiment: Make, dlscan: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    experiment = make_experiment(
        model={"family": "bdt", "trees": 3},
        scan={"space": {"model.leaves": {"int": [2, 30]}}, "search": {"points": 3, "method": "tpe"}},
        batch={"max_running": 1, "gpus": 0},
    )
    prepare(experiment, processes=1)
    result = dlscan("scan", experiment.file)
    assert result.returncode == 0, result.stderr
    assert "3 of 3 points done" in result.stdout
    assert "1 of at most 3 points, 1 to train, 1 at a time" in result.stderr
    plan = Plan.read(experiment.directory)
    # one at a time: each proposal knows all results before it
    assert [list(proposal.learned) for proposal in plan.proposals] == [[], ["1"], ["2"]]
    again = dlscan("scan", experiment.file)
    assert "3 of 3 points done" in again.stdout
    assert Plan.read(experiment.directory) == plan
