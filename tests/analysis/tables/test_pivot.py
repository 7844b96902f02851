"""One number as rows by columns of two parameters."""

import pytest

from dlscan.analysis.points.records import load
from dlscan.analysis.tables.formats import render
from dlscan.analysis.tables.table import table
from dlscan.errors import UsageError

GRID = {"model.width": [128, 32, 64], "model.depth": [2, 1]}


def numbered(number, record):
    record["metrics"]["Ele_AUC"] = number / 10
    record["errors"]["Ele_AUC"] = [0.01, 0.01]


def test_a_pivot_has_rows_and_columns_in_order(write_scan):
    made = table(load([write_scan(grid=GRID, change=numbered)]), pivot=["width", "depth"], value="ele_auc")
    assert made.frame.to_dict("list") == {
        "Width": [32, 64, 128],
        "Depth=1": [0.4, 0.6, 0.2],
        "Depth=2": [0.3, 0.5, 0.1],
    }
    assert made.notes == ("Cells: Ele_AUC (test split)",)
    assert render(made, "text").splitlines()[0].split() == ["Width", "Depth=1", "Depth=2"]


def test_a_cell_without_a_model_is_missing(write_scan):
    made = table(load([write_scan(grid=GRID, done=5)]), pivot=["width", "depth"])
    assert made.frame["Depth=1"].isna().tolist() == [False, True, False]
    assert made.notes == ("Cells: Mean_AUC (test split)",)


def test_a_parameter_that_is_not_for_a_model_has_a_column_of_its_own(write_scan):
    def change(number, record):
        if record["params"]["train.optimizer"] == "adam":
            del record["params"]["train.momentum"]

    grid = {"train.optimizer": ["adam", "sgd"], "train.momentum": [0.9]}
    points = load([write_scan(grid=grid, change=change)])
    made = table(points, pivot=["optimizer", "momentum"])
    assert render(made, "text").splitlines()[0].split() == ["Optimizer", "Momentum=0.9", "Momentum=-"]


def test_a_cell_shows_its_error(write_scan):
    points = load([write_scan(grid=GRID, change=numbered)])
    made = table(points, pivot=["width", "depth"], value="Ele_AUC", errors=True)
    assert "0.4000 +- 0.0100" in render(made, "text")
    assert list(made.frame)[:4] == ["Width", "Depth=1", "Depth=1_Down", "Depth=1_Up"]


def test_repeats_in_a_cell_are_a_mean_with_spread_and_their_number(write_scan):
    points = load([write_scan(grid={"model.width": [8], "model.depth": [1]}, repeats=3, change=numbered)])
    made = table(points, pivot=["width", "depth"], value="Ele_AUC")
    assert made.frame["Depth=1"].tolist() == pytest.approx([0.2])
    assert made.frame["Depth=1_Spread"].tolist() == pytest.approx([0.1])
    assert made.notes[0] == "Cells: Ele_AUC (test split), mean and standard deviation over 3 repeats"


def test_a_cell_is_never_a_silent_mean_over_another_parameter(write_scan):
    points = load([write_scan(grid=GRID | {"train.learning_rate": [0.1, 0.01]})])
    with pytest.raises(
        UsageError,
        match=r"2 models share the cell Width=128 Depth=2 and differ in Learning_Rate; "
        "select one, such as with --where 'Learning_Rate==0.1'",
    ):
        table(points, pivot=["width", "depth"])
    assert len(table(points, pivot=["width", "depth"], where="Learning_Rate==0.1").frame) == 3


def test_scans_in_a_cell_are_told_apart(write_scan):
    points = load([write_scan("a", GRID), write_scan("b", GRID)])
    with pytest.raises(UsageError, match="differ in Scan; select one, such as with --where 'Scan==\"a\"'"):
        table(points, pivot=["width", "depth"])
    assert list(table(points, pivot=["width", "scan"], where="Depth==1").frame) == [
        "Width",
        "Scan=a",
        "Scan=b",
    ]


def test_single_repeats_in_a_cell_are_refused(write_scan):
    points = load([write_scan(grid=GRID, repeats=2)])
    with pytest.raises(UsageError, match="differ in Seed; leave out --repeats each"):
        table(points, pivot=["width", "depth"], repeats="each")
    with pytest.raises(UsageError, match="add --repeats each"):
        table(points, pivot=["width", "seed"])


def test_a_parameter_that_a_scan_lacks_is_last(write_scan):
    points = load([write_scan("a", {"model.width": [8]}), write_scan("b", {"model.depth": [2]})])
    frame = table(points, pivot=["width", "scan"]).frame
    assert frame["Width"].isna().tolist() == [False, True]
    assert frame["Scan=b"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pivot": ["width"]}, "takes two parameters"),
        ({"pivot": ["width", "width"]}, "the same parameter"),
        ({"pivot": ["width", "dept"]}, "no parameter to pivot by 'dept'; did you mean 'Depth'"),
        ({"pivot": ["width", "Ele_AUC"]}, "no parameter to pivot by 'Ele_AUC'"),
        ({"pivot": ["width", "depth"], "value": "Host"}, "not a measured number"),
        ({"pivot": ["width", "depth"], "value": "Ele_AUX"}, "did you mean 'Ele_AUC'"),
        ({"pivot": ["width", "depth"], "sort": ["Width"], "best": "val_auc"}, "goes without --sort, --best"),
        ({"value": "Ele_AUC"}, "give --pivot width,depth too"),
    ],
)
def test_what_is_no_pivot_is_said(write_scan, options, message):
    with pytest.raises(UsageError, match=message):
        table(load([write_scan(grid=GRID)]), **options)
