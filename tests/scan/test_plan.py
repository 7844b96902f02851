"""The frozen plan."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dlscan.config import Experiment, load, load_point
from dlscan.dataset import content
from dlscan.errors import ScanError
from dlscan.record import Record, is_done
from dlscan.scan import Plan, draft, expand, freeze, scan_status
from dlscan.scan.changes import require_planned
from dlscan.scan.costs import sections
from tests.records import finish

Make = Callable[..., Experiment]
GRID = {"grid": {"model.width": [8, 16], "model.depth": [1]}}


def test_freezing_twice_is_freezing_once(make_experiment: Make) -> None:
    experiment = make_experiment(scan=GRID)
    plan = freeze(experiment)
    before = (plan.directory / "plan.json").stat().st_mtime_ns
    assert freeze(experiment) == plan == Plan.read(plan.directory)
    assert (plan.directory / "plan.json").stat().st_mtime_ns == before
    assert list(plan.points) == expand(experiment)


def test_a_points_file_is_an_experiment_of_its_own(make_experiment: Make) -> None:
    experiment = make_experiment("train.seed=9", scan=GRID)
    plan = freeze(experiment)
    alone = load(plan.paths(plan.points[1]).config)
    assert alone.model.parameters.width == 16
    assert (alone.train, alone.data) == (experiment.train, experiment.data)


def test_labels_may_change_at_any_time_and_the_plan_has_the_latest(make_experiment: Make) -> None:
    plan = freeze(make_experiment(scan=GRID), "hash")
    for label in ("$e$", "$e^-$"):
        experiment = make_experiment(f"data.labels={{Ele: {label}}}", scan=GRID)
        assert freeze(experiment, "hash").points == plan.points
        assert Plan.read(plan.directory).config["data"]["labels"] == {"Ele": label}
        assert content(experiment.data) == content(make_experiment().data)
    freeze(make_experiment(scan=GRID), "hash")
    assert Plan.read(plan.directory).config["data"]["labels"] == {}


def test_a_changed_experiment_is_an_error_that_shows_the_difference(make_experiment: Make) -> None:
    freeze(make_experiment(scan=GRID))
    with pytest.raises(ScanError) as caught:
        freeze(make_experiment("train.learning_rate=0.5", "model.dropout=0.1", scan=GRID))
    text = str(caught.value)
    assert "train.learning_rate 0.001, which is now 0.5" in text
    assert "model.dropout 0.0, which is now 0.1" in text
    assert "another name" in text
    assert "--extend" not in text


def test_a_changed_grid_is_an_error_that_names_extend(make_experiment: Make) -> None:
    freeze(make_experiment(scan=GRID))
    with pytest.raises(ScanError) as caught:
        freeze(make_experiment("scan.grid.model.width=[8,16,32]", scan=GRID))
    text = str(caught.value)
    assert "scan.grid.model.width [8, 16], which is now [8, 16, 32]" in text
    assert "--extend" in text
    assert "\n" not in text


def widened(make_experiment: Make, *overrides: str, **sections: Any) -> Plan:
    return freeze(make_experiment(*overrides, scan=GRID, **sections), "hash", extend=True)


@pytest.mark.parametrize(
    "width", ["[8,16,32,64]", "[32,8,64,16]", "[64,32,16,8]"], ids=["behind", "between", "before"]
)
def test_extend_adds_points_and_keeps_numbers_and_files(make_experiment: Make, width: str) -> None:
    plan = freeze(make_experiment(scan=GRID), "hash")
    kept = plan.paths(plan.points[0])
    finish(kept)
    before = kept.config.stat().st_mtime_ns
    more = widened(make_experiment, f"scan.grid.model.width={width}")
    assert more.points[:2] == plan.points
    assert sorted(point.params["model.width"] for point in more.points) == [8, 16, 32, 64]
    assert [point.number for point in more.points] == [1, 2, 3, 4]
    assert kept.config.stat().st_mtime_ns == before
    assert [load(more.paths(point).config).model.parameters.width for point in more.points] == [
        point.params["model.width"] for point in more.points
    ]
    assert more == Plan.read(plan.directory)
    again = make_experiment(f"scan.grid.model.width={width}", scan=GRID)
    assert freeze(again, "hash") == freeze(again, "hash", extend=True) == more


def test_extend_without_a_change_is_freezing(make_experiment: Make) -> None:
    plan = freeze(make_experiment(scan=GRID), "hash")
    before = (plan.directory / "plan.json").stat().st_mtime_ns
    assert widened(make_experiment) == plan
    assert (plan.directory / "plan.json").stat().st_mtime_ns == before
    assert widened(make_experiment, "name=fresh").points == plan.points


def test_extend_takes_more_repeats_and_the_points_keep_their_seed(make_experiment: Make) -> None:
    plan = freeze(make_experiment("train.seed=5", scan=GRID))
    more = widened(make_experiment, "train.seed=5", "scan.repeats=3")
    assert [point.directory for point in more.points[:3]] == [
        plan.points[0].directory,
        plan.points[1].directory,
        "0003-width=8-depth=1-seed=6",
    ]
    assert [point.params["train.seed"] for point in more.points] == [5, 5, 6, 7, 6, 7]
    assert [load(more.paths(point).config).train.seed for point in more.points] == [5, 5, 6, 7, 6, 7]
    assert more.varied == ("model.width", "model.depth", "train.seed")
    assert more.order_seed == plan.order_seed == 5


STRENGTHS = {"grid": {"adversary.strength": [0.0, 1.0], "model.width": [8, 16]}}


def against(make_experiment: Make, *overrides: str, scan: Any = STRENGTHS) -> Experiment:
    return make_experiment(*overrides, scan=scan, adversary={"kind": "pivot", "nuisance": "target[:,0]"})


def test_extend_tells_points_apart_that_differ_in_their_adversary(make_experiment: Make) -> None:
    plan = freeze(against(make_experiment))
    for point in plan.points:
        finish(plan.paths(point))
    wider = {"grid": {**STRENGTHS["grid"], "adversary.strength": [0.0, 1.0, 10.0]}}
    more = freeze(against(make_experiment, scan=wider), extend=True)
    assert more.points[:4] == plan.points
    assert [point.directory for point in more.points[4:]] == [
        "0005-strength=10.0-width=8",
        "0006-strength=10.0-width=16",
    ]
    assert more == Plan.read(plan.directory)
    assert [status.state for status in scan_status(more)] == ["done"] * 4 + ["pending"] * 2


def test_more_epochs_are_for_every_strength_of_an_adversary(make_experiment: Make) -> None:
    plan = freeze(against(make_experiment))
    more = freeze(against(make_experiment, "train.epochs=4"), extend=True)
    assert more.points == plan.points
    assert [more.epochs(point) for point in more.points] == [4] * 4
    assert [load(more.paths(point).config).adversary for point in more.points] == [
        plan.experiment.at(point.params).adversary for point in plan.points
    ]


def test_an_adversary_by_hand_is_added_to_a_search(make_experiment: Make) -> None:
    scan = {"space": {"model.width": {"int": [4, 64]}}, "search": {"method": "random", "points": 4}}
    hand = [{"model.width": 8}, {"model.width": 8, "adversary.strength": 5.0}]
    plan = freeze(against(make_experiment, scan={**scan, "points": hand[:1]}))
    more = freeze(against(make_experiment, scan={**scan, "points": hand}), extend=True)
    assert [point.params.get("adversary.strength") for point in more.points] == [1.0, 5.0]
    assert len(plan.points) == 1


def test_extend_loses_no_point_that_it_cannot_tell_from_another(make_experiment: Make) -> None:
    # fold 1 validates where nothing else is said
    scan = {"grid": {"data.fold": [None, 1, 2]}}
    plan = freeze(make_experiment("data.folds=3", scan=scan))
    with pytest.raises(ScanError, match=r"0001-fold=None and 0002-fold=1 are the same training"):
        freeze(make_experiment("data.folds=3", "scan.grid.data.fold=[null,1,2,3]", scan=scan), extend=True)
    assert Plan.read(plan.directory) == plan


def test_extend_takes_a_new_key_if_the_points_that_are_there_are_in_its_grid(make_experiment: Make) -> None:
    plan = freeze(make_experiment(scan=GRID))
    more = widened(make_experiment, "scan.grid.model.dropout=[0.5,0.0]")
    assert [point.name for point in more.points[:2]] == [point.name for point in plan.points]
    assert [point.params["model.dropout"] for point in more.points] == [0.0, 0.0, 0.5, 0.5]
    with pytest.raises(ScanError, match="no longer contains 4 of the 4 points"):
        widened(make_experiment, "scan.grid.model.dropout=[0.1,0.2]")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["scan.grid.model.width=[8,32]"], r"no longer contains 1 of the 2 points .*0002-width=16"),
        (["scan.grid.model.width=[8,16,32]", "train.batch_size=7"], "train.batch_size 32, which is now 7"),
        (["data.extras=[]"], "data.extras"),
    ],
)
def test_extend_changes_nothing_else(make_experiment: Make, overrides: list[str], message: str) -> None:
    plan = freeze(make_experiment(scan=GRID))
    with pytest.raises(ScanError, match=message):
        widened(make_experiment, *overrides)
    assert Plan.read(plan.directory) == plan


def test_more_epochs_are_for_points_that_kept_their_checkpoint(make_experiment: Make) -> None:
    scan = {"grid": {"model.width": [3, 4, 5, 6]}}
    plan = freeze(make_experiment(scan=scan))
    kept, gone, early, fresh = map(plan.paths, plan.points)
    finish(kept)
    finish(gone)
    finish(early, stopped="early")
    for paths in (kept, early):
        paths.last.mkdir()
        (paths.last / "state.json").touch()
    longer = make_experiment("train.epochs=4", scan=scan)
    with pytest.raises(
        ScanError, match=r"train.epochs 2, which is now 4; .*--extend` to train its points further"
    ):
        freeze(longer)
    with pytest.raises(ScanError, match=r"1 of 4 points have ended without a checkpoint .*0002-width=4"):
        freeze(longer, extend=True)
    assert Plan.read(plan.directory) == plan
    (gone.record).unlink()
    more = freeze(longer, extend=True)
    assert [is_done(paths) for paths in (kept, gone, early, fresh)] == [False, False, True, False]
    assert [load(paths.config).train.epochs for paths in (kept, gone, early, fresh)] == [4, 4, 2, 4]
    assert [more.epochs(point) for point in more.points] == [4] * 4
    assert [status.state for status in scan_status(more)] == ["pending", "pending", "done", "pending"]
    # what tells repeats apart is their seed alone
    assert Record.read(early.record).params["train.epochs"] == 4
    assert freeze(longer) == more
    with pytest.raises(ScanError, match=r"train.epochs 4, which is now 3; undo the change, or give"):
        freeze(make_experiment("train.epochs=3", scan=scan), extend=True)


def test_a_schedule_of_the_number_of_epochs_takes_no_more(make_experiment: Make) -> None:
    kinds = ["constant", "cosine", "decay", "step", "plateau"]
    grid = {"grid": {"train.schedule": kinds}}
    plan = freeze(make_experiment(scan=grid))
    for point in plan.points:
        plan.paths(point).attempts.mkdir()
    wider = make_experiment("scan.grid.model.width=[8,9]", scan=grid)
    with pytest.raises(ScanError, match=r"0002-schedule=cosine cannot train for more epochs"):
        freeze(make_experiment("train.epochs=4", scan=grid), extend=True)
    assert len(freeze(wider, extend=True).points) == 10
    others = {"grid": {"train.schedule": [kind for kind in kinds if kind != "cosine"]}}
    freeze(make_experiment("name=others", scan=others))
    longer = freeze(make_experiment("name=others", "train.epochs=4", scan=others), extend=True)
    assert [longer.epochs(point) for point in longer.points] == [4] * 4


def test_extend_takes_no_other_dataset(make_experiment: Make) -> None:
    freeze(make_experiment(scan=GRID), "other")
    with pytest.raises(ScanError, match="is not the one this scan was planned for"):
        widened(make_experiment, "scan.grid.model.width=[8,16,32]")


def test_points_of_an_extension_that_was_killed_are_gone(make_experiment: Make) -> None:
    plan = freeze(make_experiment(scan=GRID))
    (plan.directory / "points" / "0003-width=99-depth=1").mkdir()
    more = widened(make_experiment, "scan.grid.model.width=[8,16,32]")
    assert sorted(path.name for path in (plan.directory / "points").iterdir()) == [
        point.directory for point in more.points
    ]


def test_a_plan_of_an_older_version_goes_on_without_the_keys_that_came_later(make_experiment: Make) -> None:
    """Keys that this version added, at their defaults, are no change; at another value they are."""
    sgd = "train.optimizer=sgd"
    plan = freeze(make_experiment(sgd, scan=GRID))
    file = plan.directory / "plan.json"
    old = json.loads(file.read_text())
    for key in ("momentum", "schedule", "clip_norm", "precision", "gpu_memory", "jit"):
        del old["config"]["train"][key]
    for key in [key for key in old["config"]["train"] if key.startswith("schedule_") or key == "warm_up"]:
        del old["config"]["train"][key]
    del old["config"]["train"]["early_stopping"]["window"]
    del old["config"]["batch"]["retries"], old["config"]["stream"]["transport"]
    file.write_text(json.dumps(old))
    assert freeze(make_experiment(sgd, scan=GRID)).points == plan.points
    wider = make_experiment(sgd, "scan.grid.model.width=[8,16,32]", scan=GRID)
    assert freeze(wider, extend=True).points[:2] == plan.points
    file.write_text(json.dumps(old))
    with pytest.raises(ScanError, match=r"train\.momentum 0\.0, which is now 0\.9"):
        freeze(make_experiment(sgd, "train.momentum=0.9", scan=GRID))


def test_one_normalisation_for_all_inputs_is_in_a_plan_as_older_versions_wrote_it(
    make_experiment: Make,
) -> None:
    data = {"raw": "raw", "inputs": ["ECAL", "HCAL"]}
    by_input = {"ECAL": "log", "HCAL": "log"}
    plan = freeze(make_experiment(data={**data, "normalize": by_input}))
    assert plan.config["data"]["normalize"] == by_input
    assert freeze(make_experiment(data={**data, "normalize": "log"})).points == plan.points


def without_merged(config: dict[str, Any]) -> dict[str, Any]:
    """What versions wrote in which inputs did not meet."""
    model = {key: value for key, value in config["model"].items() if not key.startswith("merged")}
    return {**config, "model": model}


def test_the_points_of_an_older_plan_keep_the_network_that_it_had(make_experiment: Make) -> None:
    """The default has changed since: half of a scan must not be of another network."""
    plan = freeze(make_experiment(scan=GRID), "hash")
    file = plan.directory / "plan.json"
    old = json.loads(file.read_text())
    del old["written"], old["older"]
    file.write_text(json.dumps({**old, "config": without_merged(old["config"])}))
    for point in plan.points:
        config = plan.paths(point).config
        config.write_text(yaml.safe_dump(without_merged(yaml.safe_load(config.read_text()))))
    assert load_point(config).model.parameters.merged_depth == 0

    for again in (freeze(make_experiment(scan=GRID), "hash"), draft(make_experiment(scan=GRID), False)[0]):
        assert again.points == plan.points
        assert sections(again, again.points[0])["model"]["merged_depth"] == 0
    assert {load(plan.paths(point).config).model.parameters.merged_depth for point in plan.points} == {0}
    with pytest.raises(ScanError, match=r"model\.merged_depth 0, which is now 1"):
        freeze(make_experiment("model.merged_depth=1", scan=GRID), "hash")
    more = widened(make_experiment, "scan.grid.model.width=[8,16,32]")
    assert [load(more.paths(point).config).model.parameters.merged_depth for point in more.points] == [0] * 3
    # and from then on it is written down
    assert Plan.read(plan.directory).config["model"]["merged_depth"] == 0
    assert widened(make_experiment, "scan.grid.model.width=[8,16,32]") == more


def test_a_plan_of_a_version_that_knew_one_family_goes_on(make_experiment: Make) -> None:
    """Its points set every varied key, for adam too what only sgd has; all sections have their defaults."""
    grid = {"train.optimizer": ["sgd", "adam"], "train.momentum": [0.0]}
    plan = freeze(make_experiment(scan={"grid": grid}))
    file = plan.directory / "plan.json"
    old = json.loads(file.read_text())
    del old["written"], old["older"], old["config"]["scan"]["points"]
    old["points"][1] |= {
        "name": "optimizer=adam-momentum=0.0",
        "params": {"train.optimizer": "adam", "train.momentum": 0.0},
    }
    file.write_text(json.dumps(old))
    same = freeze(make_experiment(scan={"grid": grid}))
    assert same.points[1].directory == "0002-optimizer=adam-momentum=0.0"
    assert same.experiment.at(same.points[1].params).train.optimizer == "adam"
    wider = make_experiment("scan.grid.train.momentum=[0.0,0.9]", scan={"grid": grid})
    more = freeze(wider, extend=True)
    assert [point.directory for point in more.points] == [
        "0001-optimizer=sgd-momentum=0.0",
        "0002-optimizer=adam-momentum=0.0",
        "0003-optimizer=sgd-momentum=0.9",
    ]
    assert Plan.read(plan.directory) == more


def test_a_key_that_the_file_gives_to_other_optimizers_is_part_of_the_plan(make_experiment: Make) -> None:
    grid = {"grid": {"train.optimizer": ["sgd", "rmsprop"]}}
    freeze(make_experiment(train={"momentum": 0.9}, scan=grid))
    with pytest.raises(ScanError, match=r"train\.momentum 0\.9, which is now 0\.5"):
        freeze(make_experiment(train={"momentum": 0.5}, scan=grid))


def test_points_by_hand_are_added_to_a_plan(make_experiment: Make) -> None:
    plan = freeze(make_experiment(scan=GRID))
    wider = make_experiment(scan={**GRID, "points": [{"model.width": 64, "train.epochs": 9}]})
    more = freeze(wider, extend=True)
    assert more.points[:2] == plan.points
    assert more.points[2].directory == "0003-width=64-epochs=9"
    assert load(more.paths(more.points[2]).config).train.epochs == 9


def test_a_plan_of_a_newer_version_is_said_to_be_one(make_experiment: Make) -> None:
    plan = freeze(make_experiment(scan=GRID))
    file = plan.directory / "plan.json"
    newer = json.loads(file.read_text())
    newer["config"]["train"]["telepathy"] = True
    file.write_text(json.dumps(newer))
    with pytest.raises(ScanError, match=r"telepathy: unknown key.*version of dlscan"):
        freeze(make_experiment(scan=GRID))


def test_how_and_where_it_runs_may_change_for_points_that_are_not_done(make_experiment: Make) -> None:
    plan = freeze(make_experiment(scan=GRID), "hash")
    finish(plan.paths(plan.points[0]))
    changed = make_experiment(
        "batch.cpus=2",
        "stream.workers=1",
        "data.prepared=elsewhere",
        "data.follow_links=true",
        "train.time_limit=1h",
        scan=GRID,
    )
    assert freeze(changed, "hash") == plan
    done, pending = (load(plan.paths(point).config) for point in plan.points)
    assert (pending.stream.workers, pending.train.time_limit) == (1, 3600)
    assert pending.data.prepared == changed.data.prepared
    assert done.stream.workers == "auto"


def test_all_points_are_trained_on_the_same_events(make_experiment: Make) -> None:
    plan = freeze(make_experiment(scan=GRID), "hash")
    assert plan.dataset == "hash"
    with pytest.raises(ScanError, match="is not the one this scan was planned for"):
        freeze(make_experiment(scan=GRID), "other")


def test_points_of_a_freeze_that_was_killed_are_gone(make_experiment: Make) -> None:
    plan = freeze(make_experiment(scan=GRID))
    (plan.directory / "plan.json").unlink()
    again = freeze(make_experiment(scan={"grid": {"model.width": [3]}}))
    assert [path.name for path in (again.directory / "points").iterdir()] == ["0001-width=3"]


def test_numbers_out_of_range_and_missing_plans_are_said(make_experiment: Make, tmp_path: Path) -> None:
    plan = freeze(make_experiment(scan=GRID))
    with pytest.raises(ScanError, match="points 1 to 2, but no point 3"):
        plan.point(3)
    with pytest.raises(ScanError, match=r"no scan here \(no plan.json\)"):
        Plan.read(tmp_path)
    (plan.directory / "plan.json").write_text('{"name": "x"}')
    with pytest.raises(ScanError, match="damaged plan"):
        Plan.read(plan.directory)


def test_trained_points_without_a_plan_are_never_removed(make_experiment: Make) -> None:
    plan = freeze(make_experiment(scan=GRID))
    paths = plan.paths(plan.points[1])
    paths.attempts.mkdir()
    (plan.directory / "plan.json").unlink()
    with pytest.raises(ScanError, match=r"plan\.json is gone"):
        freeze(make_experiment(scan=GRID))
    assert paths.attempts.exists()


def test_a_point_whose_directory_is_gone_is_made_again(make_experiment: Make) -> None:
    plan = freeze(make_experiment(scan=GRID))
    paths = plan.paths(plan.points[0])
    paths.config.unlink()
    paths.directory.rmdir()
    freeze(make_experiment(scan=GRID))
    assert paths.config.exists()


def damage(plan: Plan, *keys: str | int, value: Any) -> None:
    file = plan.directory / "plan.json"
    whole = json.loads(file.read_text())
    place = whole
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    file.write_text(json.dumps(whole))


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (
            ("points", 1, "name"),
            "x/../../../../elsewhere",
            "point 2: name is 'x/../../../../elsewhere', which",
        ),
        (("points", 1, "name"), "", "point 2: name is ''"),
        (("points", 1, "name"), "a\x1b[2J", "point 2: name is 'a"),
        (("points", 1, "name"), 8, "point 2: name is 8"),
        (("points", 1, "number"), 1, "point 2: number is 1"),
        (("points", 1, "number"), "2", "point 2: number is '2'"),
        (("points", 0, "params"), [], r"point 1: params is []"),
        (("points", 0, "params"), {"train.epochs": "ten"}, "point 1: params is {'train.epochs': 'ten'}"),
        (("points", 0), None, "points is [None"),
        (("points",), {}, "points is {}"),
        (("varied",), "model.width", "varied is 'model.width'"),
        (("config",), [], "config is []"),
        (("config", "train"), [], "config.train.epochs is not a whole number"),
        (("config", "train", "epochs"), "ten", "config.train.epochs is not a whole number"),
        (("config", "train", "seed"), 1.5, "config.train.seed is not a whole number"),
        (("config", "data"), 7, "config.data is 7"),
        (("config", "model"), None, "config.model is None"),
        (("config",), {}, "config.train.epochs is not a whole number"),
        (("name",), 7, "name is 7"),
        (("dataset",), 7, "dataset is 7"),
        (("written",), [], "written is []"),
    ],
)
def test_a_plan_with_a_wrong_value_is_refused_in_a_line_that_names_it(
    make_experiment: Make, tmp_path: Path, keys: tuple[str | int, ...], value: Any, message: str
) -> None:
    experiment = make_experiment(scan=GRID)
    plan = freeze(experiment)
    damage(plan, *keys, value=value)
    before = sorted(tmp_path.rglob("*"))
    for read in (lambda: Plan.read(plan.directory), lambda: freeze(experiment)):
        with pytest.raises(ScanError, match=re.escape(f"plan.json: damaged plan ({message}")):
            read()
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("text", ["[]", "7", "null", '"plan"'])
def test_a_plan_that_is_no_plan_is_refused(make_experiment: Make, text: str) -> None:
    plan = freeze(make_experiment(scan=GRID))
    (plan.directory / "plan.json").write_text(text)
    with pytest.raises(ScanError, match=r"damaged plan \(it is not a mapping of keys to values\)"):
        Plan.read(plan.directory)


def test_a_points_file_that_was_changed_is_not_the_plans(make_experiment: Make) -> None:
    """Where it runs and where its data lie may change, what decides its result may not."""
    plan = freeze(make_experiment(scan=GRID))
    point = plan.points[0]
    file = plan.paths(point).config
    require_planned(plan, point)
    text = file.read_text()
    for old, new in (
        ("time_limit: null", "time_limit: 90s"),
        (str(plan.experiment.data.prepared), "/elsewhere"),
    ):
        assert old in text
        file.write_text(text.replace(old, new))
        require_planned(plan, point)
    for old, new, message in (
        ("width: 8", "width: 9", "model.width is 9, but 8 was planned"),
        ("learning_rate: 0.001", "learning_rate: 0.01", "train.learning_rate is 0.01, but 0.001 was planned"),
        (
            "task: classify",
            "task: {kind: classify, weight: 2}",
            "task is {'kind': 'classify', 'weight': 2.0}, but 'classify' was planned",
        ),
        ("balance: none", "balance: weights", "data.balance is 'weights', but 'none' was planned"),
    ):
        assert old in text
        file.write_text(text.replace(old, new))
        with pytest.raises(ScanError, match=re.escape(f"{file}: {message}; run `dlscan scan`")):
            require_planned(plan, point)
    freeze(make_experiment(scan=GRID))
    require_planned(plan, point)
