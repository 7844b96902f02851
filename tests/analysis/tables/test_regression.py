"""A regression in tables: what is shown, which way is better, what chooses the best, and differences."""

import dataclasses
import json

import h5py
import numpy as np
import pytest

import dlscan
from dlscan.analysis.columns.of_points import columns_of
from dlscan.analysis.points.evaluate import evaluate
from dlscan.analysis.points.ranked import ranked
from dlscan.analysis.points.records import load
from dlscan.analysis.points.results import predictions
from dlscan.analysis.tables.best import choose
from dlscan.analysis.tables.formats import render
from dlscan.analysis.tables.rows import rows_of
from dlscan.analysis.tables.table import list_columns, table
from dlscan.errors import ScanError, UsageError

ENERGY = {"Energy": "target[:,0,1]"}
BOTH = {"Energy": "target[:,0,1]", "Angle": "target[:,0,2]"}
WIDTHS = {"model.width": [16, 64, 256]}


@pytest.fixture(scope="module")
def write(tmp_path_factory, fakes):
    """Write a scan below a directory of this module."""
    return lambda name, **options: fakes["write_scan"](
        tmp_path_factory.mktemp(name) / name, WIDTHS, events=500, epochs=2, **options
    )


@pytest.fixture(scope="module")
def energies(write):
    """The points of a regression of one target; not to be changed."""
    return load([write("energies", targets=ENERGY)])


@pytest.fixture(scope="module")
def both(write):
    """The points of a regression of two targets; not to be changed."""
    return load([write("both", targets=BOTH)])


def names(made):
    return [column.name for column in made.columns]


def test_the_table_has_errors_of_each_target(energies, both):
    shown = ["Energy_MAE", "Energy_Bias", "Energy_Resolution"]
    assert names(table(energies)) == ["Model Name", "Width", "Epochs", *shown, "test_loss"]
    more = ["Angle_MAE", "Angle_Bias", "Angle_Resolution", "Mean_MAE"]
    assert names(table(both)) == ["Model Name", "Width", "Epochs", *shown, *more, "test_loss"]
    assert "MAE, Bias, Resolution, test_loss: test split" in table(energies).notes[0].replace(
        "test_*", "test_loss"
    )


def test_columns_say_what_they_are(both):
    listed = render(list_columns(both), "csv")
    assert "mean of |prediction - truth| of Energy" in listed
    heads = columns_of(both).heads
    assert heads["val_Energy_MAE"].full_title == "MAE of Energy (validation)"
    assert heads["Energy_Pull_Width"].about.best_is == "nearest to 1"
    assert [heads[f"Energy_{each}"].about.better for each in ("MAE", "Resolution", "Bias")] == [
        "less",
        "less",
        0,
    ]


def test_only_what_has_the_unit_of_the_target_shows_it(energies):
    labelled = [dataclasses.replace(point, labels={"Energy": "E [GeV]"}) for point in energies]
    heads = columns_of(labelled).heads
    assert heads["Energy_MAE"].title == "MAE of E [GeV]"
    assert heads["Energy_Resolution"].title == "resolution of E"
    assert heads["Energy_Pull_Width"].title == "pull width of E"


def test_the_best_has_the_least_error_on_validation(energies, both):
    for points, key in ((energies, "val_Energy_MAE"), (both, "val_Mean_MAE")):
        values = [point.record.metrics[key] for point in points]
        choice = choose(rows_of(points))
        assert (choice.column.name, choice.position) == (key, int(np.argmin(values)))
        assert choice.reason.endswith("the lowest of 3 models")
        assert choose(rows_of(points), "val_mae") == choice
        assert ranked(points) == sorted(range(3), key=values.__getitem__)


def test_a_number_that_should_be_near_another_is_best_there(energies):
    biases = [point.record.metrics["val_Energy_Bias"] for point in energies]
    choice = choose(rows_of(energies), "val_bias")
    assert choice.position == int(np.argmin(np.abs(biases)))
    assert "nearest to 0 of 3 models" in choice.note


def test_the_test_split_does_not_choose(energies):
    with pytest.raises(UsageError, match="choose on the validation split, such as by val_mae or val_loss"):
        choose(rows_of(energies), "Energy_MAE")


def test_differences_are_paired_event_by_event(energies):
    made = table(energies, ["Energy_MAE", "Energy_RMSE"], versus=1)
    columns = {column.name: column for column in made.columns}
    reference, other = (predictions(point) for point in energies[:2])
    one, two = (np.abs(each.predictions - each.targets)[:, 0].astype(float) for each in (other, reference))
    difference = columns["Energy_MAE_Diff"]
    assert difference.values[0] is None
    assert difference.values[1] == pytest.approx(np.mean(one) - np.mean(two))
    error = np.std(one - two, ddof=1) / np.sqrt(len(one))
    assert difference.errors[1] == pytest.approx((error, error))
    assert columns["Energy_MAE_z"].values[1] == pytest.approx(difference.values[1] / error)
    # the skill of the networks rises with their number
    assert columns["Energy_RMSE_z"].values[2] < -3
    assert "for Energy_MAE, Energy_RMSE a negative _Diff is better" in made.notes[-1]


def test_the_interval_of_a_difference_is_that_of_resampled_events(energies):
    made = table(energies, ["Energy_Resolution", "Energy_Bias", "Energy_RMSE"], versus=1)
    columns = {column.name: column for column in made.columns}
    reference, other = (predictions(point) for point in energies[:2])
    truth = reference.targets[:, 0].astype(float)
    rng = np.random.default_rng(5)

    def measured(given, kept):
        error, ratio = given[kept] - truth[kept], given[kept] / truth[kept]
        low, high = np.quantile(ratio, [0.158655, 0.841345])
        return (high - low) / 2, error.mean(), np.sqrt(np.mean(error**2))

    given = [each.predictions[:, 0].astype(float) for each in (other, reference)]
    drawn = [rng.integers(0, len(truth), len(truth)) for _ in range(400)]
    spread = np.std([np.subtract(*(measured(each, kept) for each in given)) for kept in drawn], axis=0)
    found = [
        columns[f"{name}_Diff"].errors[1][0] for name in ("Energy_Resolution", "Energy_Bias", "Energy_RMSE")
    ]
    np.testing.assert_allclose(found, spread, rtol=0.25)


def test_only_what_is_compared_has_a_difference(energies):
    with pytest.raises(
        UsageError, match="--versus compares errors of targets on the test split, but none is"
    ):
        table(energies, ["Energy_Pull_Mean"], versus=1)


def test_other_true_values_are_other_numbers(write):
    scans = [write("one", targets=ENERGY), write("other", targets=ENERGY)]
    points = load(scans)
    with h5py.File(points[-1].paths.predictions, "r+") as file:
        file["targets"][0, 0] += 1
    with pytest.raises(ScanError, match="different true values of Energy"):
        table(points, versus=1)


def test_measured_again_the_record_is_the_same(write):
    scan = write("again", targets=BOTH)
    points = load([scan])
    before = points[0].paths.record.read_text()
    (result, *_) = evaluate(points[:1], processes=1)
    assert (result.changed, result.problem) == (False, "")
    record = json.loads(before)
    record["metrics"]["Energy_MAE"] = 7.0
    points[0].paths.record.write_text(json.dumps(record))
    assert evaluate(points[:1], processes=1)[0].changed
    assert json.loads(points[0].paths.record.read_text())["metrics"]["Energy_MAE"] != 7.0


def test_two_tasks_share_a_table(write, energies):
    points = [*energies, *load([write("classes", classes=("Ele", "Pi0"))])]
    shown = table(points)
    assert names(shown)[-5:] == ["Energy_MAE", "Energy_Bias", "Energy_Resolution", "Ele_AUC", "test_loss"]
    assert (
        table(points, best="val_auc").columns[0].values == table(points[3:], best="val_auc").columns[0].values
    )


def test_losses_of_two_tasks_choose_nothing(write, energies):
    points = [*energies, *load([write("others", classes=("Ele", "Pi0"))])]
    assert choose(rows_of(points)).column.name == "val_Energy_MAE"
    assert ranked(points)[:3] == ranked(energies)


def test_a_task_of_a_newer_version_is_left_out(write_scan, caplog):
    def change(number, record):
        if number == 1:
            record["task"] = {"kind": "dream"}

    points = load([write_scan(events=40, change=change)])
    assert [point.record.point for point in points] == [2, 3, 4]
    assert "does not know its task" in caplog.text
    assert "record.json" in caplog.text


def test_a_notebook_has_the_errors_and_the_predictions(write):
    scan = dlscan.load(write("notebook", targets=ENERGY))
    assert ".plot.response()" in repr(scan)
    table_ = scan.table(sort="Energy_MAE", errors=True)
    best = scan.best()
    least = min(scan.points, key=lambda point: point.record.metrics["val_Energy_MAE"])
    assert best.record.point == least.record.point
    found = scan.predictions(best)
    assert (found.names, found.predictions.shape) == (("Energy",), (500, 1))
    error = np.abs(found.predictions - found.targets).mean()
    row = table_[table_["Width"] == best.record.params["model.width"]].iloc[0]
    assert row["Energy_MAE"] == pytest.approx(error, rel=1e-6)
    assert row["Energy_MAE_Up"] == pytest.approx(best.record.errors["Energy_MAE"][1])
    with pytest.raises(ScanError, match="there are no scores of classes: the task is a regression of Energy"):
        _ = found.scores
