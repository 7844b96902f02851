"""`scan.refit`: the best model of a scan with folds, trained once more on all of them."""

import contextlib
import json
import logging
import runpy
import statistics
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import h5py
import pytest
from click.testing import CliRunner

from dlscan.analysis.points import records
from dlscan.analysis.points.evaluate import evaluate
from dlscan.analysis.points.folds import all_folds_of, folds_of
from dlscan.analysis.points.results import SplitNotKept, predictions
from dlscan.analysis.tables.best import choose
from dlscan.analysis.tables.rows import rows_of
from dlscan.cli.predict import predict
from dlscan.cli.scan import _end
from dlscan.cli.scan import scan as scan_command
from dlscan.config import Experiment
from dlscan.dataset import Manifest
from dlscan.dataset.folds import statistics_of
from dlscan.errors import ConfigError, PointsFailed, ScanError
from dlscan.prepare import prepare
from dlscan.refit import _epochs, best_of, refit_of
from dlscan.scan import Plan, freeze
from dlscan.train.passes import open_pass
from dlscan.training import train_planned

write_scan = runpy.run_path(str(Path(__file__).parent / "analysis/fakes.py"))["write_scan"]
Make = Callable[..., Experiment]
TRAIN = {"epochs": 3, "batch_size": 16, "early_stopping": {"patience": 1, "min_delta": 1}}


def scan_of(key: str, *values: int) -> dict[str, object]:
    return {"grid": {key: list(values)}, "folds": True, "refit": True}


def trained(experiment: Experiment) -> Plan:
    plan = freeze(experiment, Manifest.of(experiment).config_hash)
    train_planned(plan, plan.points)
    return plan


def test_all_folds_train_what_was_the_best_of_them(make_experiment: Make) -> None:
    experiment = make_experiment("data.folds=2", scan=scan_of("model.width", 2, 8), train=TRAIN)
    manifest = prepare(experiment, processes=1).manifest
    plan = freeze(experiment, manifest.config_hash)
    train_planned(plan, plan.points[:3])
    assert refit_of(experiment, plan) is None
    train_planned(plan, plan.points[3:])
    refit = refit_of(experiment, plan)
    assert refit is not None

    rows = rows_of(records.load([plan.directory]))
    best = rows.models[choose(rows).position]
    (point,) = records.load([trained(refit).directory])
    record = point.record
    assert record.params["model.width"] == best[0].record.params["model.width"]
    # the best epoch of each fold is the first here, and nothing is left to stop by
    assert record.epochs == record.best_epoch == statistics.fmean(each.record.best_epoch for each in best)
    assert folds_of([point]) == []
    assert all_folds_of(point, [point, *best]) == [point]
    of_validation = {name: value for name, value in record.metrics.items() if "val_" in name}
    assert set(of_validation.values()) == {None}
    reason = "all folds train, so no events are left to validate on"
    assert "val_Mean_AUC" in of_validation
    assert {record.reasons[name] for name in of_validation} == {reason}
    assert [each.changed for each in evaluate([point])] == [False]
    with pytest.raises(SplitNotKept, match=reason):
        predictions(point, "validation")
    assert record.metrics["Mean_AUC"] is not None
    assert "val_" not in point.paths.history.read_text().splitlines()[0]
    with h5py.File(point.paths.predictions) as file:
        assert {"train", "scores"} <= set(file)
        assert "validation" not in file

    whole = Manifest.of(refit)
    assert whole.splits["train"].events == sum(fold.events.events for fold in manifest.folds)
    assert whole.statistics["ECAL"] == statistics_of(manifest.folds, (), "ECAL")
    with contextlib.ExitStack() as stack:
        assert open_pass([refit], whole, 1, stack).events == whole.splits["train"].events


@pytest.mark.parametrize(("metric", "best"), [("best_val_loss", 4), (["-FLOPs", "val_auc"], 1), ([], 1)])
def test_the_best_of_a_search_is_that_by_its_metric(tmp_path: Path, metric: Any, best: int) -> None:
    def change(number: int, record: dict[str, Any]) -> None:
        record["metrics"] |= {"best_val_loss": 1 / number, "val_Mean_AUC": 1 / number}

    scan = write_scan(tmp_path / "lcd", events=50, change=change)
    plan = json.loads((scan / "plan.json").read_text())
    search = {"method": "tpe", "points": 4, "metric": metric}
    (scan / "plan.json").write_text(json.dumps(plan | {"config": {"scan": {"search": search}}}))
    (chosen,) = best_of(cast(Plan, SimpleNamespace(directory=scan)))
    assert chosen.record.point == best


def test_one_of_another_model_is_not_taken_for_that_of_the_best(make_experiment: Make) -> None:
    model = {"family": "bdt", "trees": 4, "leaves": 3}
    experiment = make_experiment("data.folds=2", scan=scan_of("model.leaves", 3), train=TRAIN, model=model)
    prepare(experiment, processes=1)
    refit = refit_of(experiment, trained(experiment))
    assert refit is not None
    again = trained(refit)
    (point,) = records.load([again.directory])
    assert 1 <= point.record.epochs <= 4
    assert refit_of(experiment, Plan.read(experiment.directory)) == refit
    # what may change later is as it is now
    now = make_experiment("data.folds=2", "train.time_limit=1h", scan=scan_of("model.leaves", 3), model=model)
    later = refit_of(now, Plan.read(experiment.directory))
    assert later is not None
    assert later.train.time_limit == now.train.time_limit
    plan = again.directory / "plan.json"
    text, trees = plan.read_text(), f'"trees": {refit.model.parameters.trees}'
    assert trees in text
    plan.write_text(text.replace(trees, '"trees": 9'))
    with pytest.raises(ScanError, match=r"has model\.trees 9, which would now be \d, by the best epochs of"):
        refit_of(experiment, Plan.read(experiment.directory))
    plan.write_text(text.replace('"leaves": 3', '"leaves": 5'))
    with pytest.raises(ScanError, match="the best model is now that of"):
        refit_of(experiment, Plan.read(experiment.directory))


def test_epochs_that_make_another_schedule_are_said(
    make_experiment: Make, caplog: pytest.LogCaptureFixture
) -> None:
    experiment = make_experiment(train={"epochs": 9, "schedule": "cosine", "warm_up": 3})

    def epochs(*best: int) -> int:
        points: list[Any] = [SimpleNamespace(record=SimpleNamespace(best_epoch=each)) for each in best]
        return _epochs(points, experiment)

    with caplog.at_level(logging.INFO, "dlscan"):
        assert epochs(9, 9) == 9
        assert not caplog.messages
        assert epochs(1, 3) == 4
    assert caplog.messages == [
        "The best epochs of the folds, 2 in the mean, are within train.warm_up: 3; on all folds it trains "
        "one epoch more than that",
        "The schedule cosine reaches its end in the last epoch: over 4 epochs here, over 9 in the folds",
    ]


def test_predict_takes_it_by_its_name(make_experiment: Make, tmp_path: Path) -> None:
    scan = scan_of("model.leaves", 3) | {"refit": False}
    model = {"family": "bdt", "trees": 4, "leaves": 3}
    experiment = make_experiment("data.folds=2", scan=scan, train=TRAIN, model=model)
    prepare(experiment, processes=1)
    trained(experiment)
    command = [str(experiment.directory), "refit", str(experiment.data.raw), "-o"]
    said = CliRunner().invoke(predict, [*command, str(tmp_path / "out.h5")])
    assert "no model was trained on all folds; set scan.refit: true and run `dlscan scan`" in str(
        said.exception or said.output
    )
    # asked for later, it is no other scan
    file = experiment.file
    done = CliRunner().invoke(scan_command, [str(file), "data.folds=2", "scan.refit=true"])
    assert done.exit_code == 0, done.output
    said_of_scan, _, said_of_last = done.output.partition("The best model is trained on all folds")
    assert "2 of 2 points done" in said_of_scan
    assert "1 of 1 points done" in said_of_last
    both = CliRunner().invoke(predict, [command[0], "refit,1", *command[2:], str(tmp_path / "out.h5")])
    assert "N refit,1: refit is one model, and cannot be combined with points" in str(both.exception)
    done = CliRunner().invoke(predict, [*command, str(tmp_path / "out.h5")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out.h5").exists()


@pytest.mark.parametrize(
    ("overrides", "train", "said"),
    [
        (("scan.refit=true",), {}, "scan.refit: trains the best model on all folds, and there are none"),
        (
            ("data.folds=2", "scan.refit=true"),
            {"schedule": "plateau"},
            "scan.refit: all folds train, so the schedule plateau has no validation events",
        ),
        (
            ("data.folds=2", "data.fold=none"),
            {},
            "data.fold: none: all folds train, so early stopping has no validation events",
        ),
        (
            ("data.folds=4", "scan.folds={leave_out: 2}", "data.normalize=quantile"),
            {},
            "data.normalize: quantiles of",
        ),
        (("data.folds=leave-one-out",), {}, "data.folds: one event at a time cannot be left out"),
    ],
)
def test_what_cannot_be_is_refused(
    make_experiment: Make, overrides: tuple[str, ...], train: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        make_experiment(*overrides, train={"epochs": 2, **train})
    assert said in str(caught.value)


def test_points_that_failed_are_said_whatever_becomes_of_what_follows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def failing(error: Exception) -> Callable[[], None]:
        def fail() -> None:
            raise error

        return fail

    ran: list[int] = []
    with pytest.raises(PointsFailed, match="1 of 2"):
        _end(failing(PointsFailed("1 of 2 points failed")), lambda: ran.append(1))
    assert ran == [1]
    with pytest.raises(ScanError, match="another model"):
        _end(failing(PointsFailed("1 of 2 points failed")), failing(ScanError("another model")))
    assert "1 of 2 points failed" in capsys.readouterr().err
