"""The frozen plan."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dlscan.config import Experiment, load
from dlscan.errors import ScanError
from dlscan.scan import Plan, expand, freeze

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


def test_a_changed_experiment_is_an_error_that_shows_the_difference(make_experiment: Make) -> None:
    freeze(make_experiment(scan=GRID))
    with pytest.raises(ScanError) as caught:
        freeze(make_experiment("train.learning_rate=0.5", "model.dropout=0.1", scan=GRID))
    text = str(caught.value)
    assert "train.learning_rate 0.001, now it is 0.5" in text
    assert "model.dropout 0.0, now it is 0.1" in text
    assert "another name" in text


def test_how_and_where_it_runs_may_change_for_points_that_are_not_done(make_experiment: Make) -> None:
    plan = freeze(make_experiment(scan=GRID), "hash")
    plan.paths(plan.points[0]).record.touch()
    changed = make_experiment(
        "batch.cpus=2", "stream.workers=1", "data.prepared=elsewhere", "train.time_limit=1h", scan=GRID
    )
    assert freeze(changed, "hash") == plan
    done, pending = (load(plan.paths(point).config) for point in plan.points)
    assert (pending.stream.workers, pending.train.time_limit) == (1, 3600)
    assert pending.data.prepared == changed.data.prepared
    assert done.stream.workers == "auto"


def test_all_points_are_trained_on_the_same_events(make_experiment: Make) -> None:
    plan = freeze(make_experiment(scan=GRID), "hash")
    assert plan.dataset == "hash"
    with pytest.raises(ScanError, match="planned for another dataset"):
        freeze(make_experiment(scan=GRID), "other")


def test_points_of_a_freeze_that_was_killed_are_gone(make_experiment: Make) -> None:
    plan = freeze(make_experiment(scan=GRID))
    (plan.directory / "plan.json").unlink()
    again = freeze(make_experiment(scan={"grid": {"model.width": [3]}}))
    assert [path.name for path in (again.directory / "points").iterdir()] == ["0001-width=3"]


def test_numbers_out_of_range_and_missing_plans_are_said(make_experiment: Make, tmp_path: Path) -> None:
    plan = freeze(make_experiment(scan=GRID))
    with pytest.raises(ScanError, match="points 1 to 2, none is number 3"):
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
