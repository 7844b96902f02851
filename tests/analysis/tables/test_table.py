import dataclasses
import re

import pytest

from dlscan.analysis.columns.names import distinct_names
from dlscan.analysis.plots.numbers import numbers
from dlscan.analysis.points.records import load
from dlscan.analysis.tables.formats import render
from dlscan.analysis.tables.table import ordered, table
from dlscan.errors import UsageError

WIDTHS_AND_DEPTHS = ["Width=64 Depth=2", "Width=64 Depth=3", "Width=256 Depth=2", "Width=256 Depth=3"]


@pytest.fixture
def points(write_scan):
    return load([write_scan()])


def test_default_columns_are_what_varies_the_epochs_the_areas_and_the_loss(points):
    assert list(table(points).frame) == [
        *("Model Name", "Width", "Depth", "Epochs"),
        *("Ele_AUC", "Gamma_AUC", "Pi0_AUC", "ChPi_AUC", "Mean_AUC", "test_loss"),
    ]


def test_models_are_named_by_what_varies_and_stand_by_point(points):
    assert table(points).frame["Model Name"].tolist() == WIDTHS_AND_DEPTHS


def test_columns_are_typed(points):
    frame = table(points, ["Width", "Ele_AUC", "Family", "Point", "Events_per_Second", "Learning_Rate"]).frame
    assert [str(dtype) for dtype in frame.dtypes[1:]] == [
        *("Int64", "Float64", "string", "Int64", "Float64", "Float64")
    ]


def test_every_promised_column_exists(points):
    promised = (
        *("Epochs", "Best_Epoch", "Ele_AUC", "Mean_AUC", "test_accuracy", "test_loss", "Parameters"),
        *(
            "Seconds_per_Epoch",
            "Train_Seconds",
            "Job_Seconds",
            "Events_per_Second",
            "Point",
            "Seed",
            "Host",
            "Device",
        ),
        *("Attempts", "Stopped", "Scan", "Width", "Learning_Rate", "Family"),
    )
    frame = table(points, promised).frame
    first = dict(zip(frame, frame.iloc[0], strict=True))
    assert list(first) == ["Model Name", *promised]
    assert first["Parameters"] == 1000
    assert first["Best_Epoch"] == 10
    assert first["Train_Seconds"] == 30.0
    assert first["Host"] == "node7"
    assert first["Stopped"] == "early"
    assert first["Scan"] == "lcd"


def test_chosen_columns_keep_their_order_and_come_once(points):
    frame = table(points, ["ele_auc", "WIDTH", "Ele_AUC", "model name"]).frame
    assert list(frame) == ["Model Name", "Ele_AUC", "Width"]


def test_an_unknown_column_brings_the_nearest(points):
    with pytest.raises(UsageError, match="no column 'Widht'; did you mean 'Width'"):
        table(points, ["Widht"])
    with pytest.raises(UsageError, match="no column to sort by 'ChiPi_AUC'; did you mean 'ChPi_AUC'"):
        table(points, sort=["-ChiPi_AUC"])


@pytest.mark.parametrize("name", ["val_auc", "VAL_AUC", "val_mean_auc"])
def test_every_option_knows_what_people_call_a_metric(points, name):
    values = [point.record.metrics["val_Mean_AUC"] for point in points]
    assert table(points, [name], sort=[name]).frame["val_Mean_AUC"].tolist() == sorted(values)
    least = sorted(values)[1]
    assert len(table(points, where=f"{name} >= {least}").frame) == len(values) - 1
    pivoted = table(points, pivot=["width", "depth"], value=name)
    assert "val_Mean_AUC" in pivoted.notes[0]
    assert numbers(points, name).name == "val_Mean_AUC"


def test_a_metric_that_no_model_has_is_unknown_by_any_name(points):
    for choose in (lambda: table(points, sort=["val_mae"]), lambda: numbers(points, "val_mae")):
        with pytest.raises(UsageError, match="'val_mae'; "):
            choose()


def test_sorting_by_several_columns_goes_up_and_down(points):
    frame = table(points, sort=["-width", "Depth"]).frame
    assert list(zip(frame["Width"], frame["Depth"], strict=True)) == [(256, 2), (256, 3), (64, 2), (64, 3)]


def test_numbers_sort_as_numbers(write_scan):
    points = load([write_scan(grid={"model.width": [9, 1000, 64]})])
    assert table(points, sort=["Width"]).frame["Width"].tolist() == [9, 64, 1000]


@pytest.mark.parametrize(("key", "expected"), [("Ele_AUC", [1, 4, 3, 2]), ("-Ele_AUC", [3, 4, 1, 2])])
def test_missing_values_are_last_either_way(write_scan, key, expected):
    values = {1: 0.1, 2: None, 3: 0.9, 4: 0.5}

    def change(number, record):
        record["metrics"]["Ele_AUC"] = values[number]

    points = load([write_scan(change=change)])
    assert table(points, ["Point"], [key]).frame["Point"].tolist() == expected
    assert [point.record.point for point in ordered(points, [key])] == expected


def test_equal_models_stay_by_point_in_either_direction(points):
    assert table(points, ["Point"], ["-Epochs"]).frame["Point"].tolist() == [1, 2, 3, 4]
    assert table(points, ["Point"], ["-Epochs", "-Width"]).frame["Point"].tolist() == [3, 4, 1, 2]


def test_a_number_that_is_none_is_missing(write_scan):
    def change(number, record):
        if number == 2:
            record["metrics"] |= {"Ele_AUC": None}
            del record["metrics"]["test_loss"]

    frame = table(load([write_scan(change=change)])).frame
    assert frame["Ele_AUC"].isna().tolist() == [False, True, False, False]
    assert frame["test_loss"].isna().tolist() == [False, True, False, False]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_not_finite_is_missing(write_scan, value):
    scan = write_scan()
    record = load([scan])[1].paths.record
    record.write_text(re.sub(r'("Ele_AUC": )[\d.]+', rf"\g<1>{value}", record.read_text()))
    made = table(load([scan]))
    assert made.frame["Ele_AUC"].isna().tolist() == [False, True, False, False]


def test_a_parameter_that_is_not_for_a_point_has_no_value_and_is_not_in_its_name(write_scan):
    def change(number, record):
        if number == 1:
            del record["params"]["train.momentum"]

    grid = {"train.optimizer": ["adam", "sgd"], "train.momentum": [0.9]}
    shown = table(load([write_scan(grid=grid, change=change)]))
    assert shown.frame["Model Name"].tolist() == ["Optimizer=adam", "Optimizer=sgd Momentum=0.9"]
    assert render(shown, "text").splitlines()[2].split()[:3] == ["Optimizer=adam", "adam", "-"]


def test_several_scans_get_a_column_and_what_differs_between_them(write_scan):
    first = write_scan("first", {"model.width": [8, 16]})
    second = write_scan("second", {"train.learning_rate": [0.1, 0.01]})
    frame = table(load([first, second])).frame
    assert list(frame)[:4] == ["Model Name", "Scan", "Width", "Learning_Rate"]
    assert frame["Scan"].tolist() == ["first", "first", "second", "second"]
    assert frame["Width"].tolist()[:2] == [8, 16]
    assert frame["Width"].isna().tolist()[2:] == [True, True]
    assert frame["Learning_Rate"].tolist() == [0.001, 0.001, 0.1, 0.01]


def test_a_scan_that_varies_nothing_has_the_name_of_its_record(write_scan):
    assert table(load([write_scan(grid={})])).frame["Model Name"].tolist() == ["only"]


def test_words_of_a_parameter_are_capitalised(write_scan):
    frame = table(load([write_scan(grid={"train.learning_rate": [0.001, 1e-05]})])).frame
    assert frame["Model Name"].tolist() == ["Learning_Rate=0.001", "Learning_Rate=1e-05"]
    assert frame["Learning_Rate"].tolist() == [0.001, 1e-05]


def test_a_parameter_named_like_a_result_keeps_its_section(write_scan):
    frame = table(load([write_scan(grid={"train.epochs": [50, 70]})])).frame
    assert frame["Train.Epochs"].tolist() == [50, 70]
    assert frame["Epochs"].tolist() == [12, 12]


def test_two_parameters_of_one_name_keep_their_sections(write_scan):
    frame = table(load([write_scan(grid={"model.rate": [1, 2], "train.rate": [3]})])).frame
    assert frame["Model Name"].tolist() == ["Model.Rate=1 Train.Rate=3", "Model.Rate=2 Train.Rate=3"]
    assert frame["Train.Rate"].tolist() == [3, 3]


@pytest.mark.parametrize(
    ("values", "dtype", "names"),
    [
        ([True, False], "boolean", ["true", "false"]),
        ([1, 2], "Int64", ["1", "2"]),
        ([1, 0.5], "Float64", ["1", "0.5"]),
        ([True, 1.5], "string", ["true", "1.5"]),
        ([[64, 32], "relu"], "string", ["[64,32]", "relu"]),
        ([None, 3], "Int64", ["null", "3"]),
        ([2**64, 3], "string", ["18446744073709551616", "3"]),
    ],
)
def test_a_parameter_takes_the_narrowest_type(write_scan, values, dtype, names):
    frame = table(load([write_scan(grid={"model.thing": values})])).frame
    assert str(frame["Thing"].dtype) == dtype
    assert frame["Model Name"].tolist() == [f"Thing={name}" for name in names]


def test_single_repeats_are_told_apart_by_their_seed(write_scan):
    points = load([write_scan(grid={"model.width": [8, 16]}, repeats=2)])
    frame = table(points, repeats="each").frame
    assert list(frame)[:4] == ["Model Name", "Width", "Seed", "Epochs"]
    assert frame["Model Name"].tolist() == ["Width=8", "Width=8", "Width=16", "Width=16"]
    assert frame["Seed"].tolist() == [1, 2, 1, 2]
    assert distinct_names(points)[:2] == ["Width=8 Seed=1", "Width=8 Seed=2"]


def test_a_scan_over_seeds_shows_the_seed_once(write_scan):
    frame = table(load([write_scan(grid={"train.seed": [5, 6]})]), repeats="each").frame
    assert list(frame)[:3] == ["Model Name", "Seed", "Epochs"]


def test_names_in_a_legend_differ_whatever_happens(write_scan):
    def same_seed(_, record):
        record["seed"] = 1

    first = write_scan("first", {"model.width": [8]}, repeats=2, change=same_seed)
    second = write_scan("second", {"model.width": [8]})
    assert distinct_names(load([first, second])) == [
        "first: Width=8 Seed=1 Point=1",
        "first: Width=8 Seed=1 Point=2",
        "second: Width=8",
    ]


def test_only_models_for_which_an_expression_holds_are_shown(points):
    shown = table(points, ["Width"], ["-Depth"], where="width > 64 and Depth in (2, 3)").frame
    assert shown["Model Name"].tolist() == ["Width=256 Depth=3", "Width=256 Depth=2"]
    with pytest.raises(UsageError, match="no finished model matches this"):
        table(points, where="Width > 10000")


@pytest.fixture
def families(write_scan):
    """Dense networks and boosted trees, both with a learning rate of their own, which networks vary."""
    trees = {"model.family": "bdt", "model.learning_rate": 0.1, "train.seed": 1}

    def change(number, record):
        if record["params"]["model.family"] == "bdt":
            record["params"] = dict(trees)
        else:
            record["params"]["train.batch_size"] = 32 * number

    grid = {"model.family": ["dense", "bdt"], "train.learning_rate": [0.01, 0.001]}
    return load([write_scan(grid=grid, change=change)])


def test_what_varies_is_shown_where_the_models_that_have_the_other_of_its_name_are_left_out(families):
    varying = ["Model Name", "Family", "Train.Learning_Rate"]
    shown = table(families, where='Family=="dense"').frame
    assert list(shown)[:5] == [*varying, "Batch_Size", "Epochs"]
    assert shown["Train.Learning_Rate"].tolist() == [0.01, 0.001]
    assert list(table(families, best="val_auc").frame)[:4] == [*varying, "Epochs"]
    assert list(table(families, where='Family=="bdt"').frame)[:3] == varying


def test_models_of_one_name_are_said_to_differ_in_a_parameter_of_a_long_name(families):
    (note,) = [
        text for text in table(families, where='Family=="dense"', name=["family"]).notes if "--name" in text
    ]
    assert note.endswith("they differ in Train.Learning_Rate, Batch_Size")


def test_a_short_name_that_is_ambiguous_brings_the_long_ones(families):
    with pytest.raises(UsageError, match=r"did you mean 'Train\.Learning_Rate' or 'Model\.Learning_Rate'"):
        table(families, ["Learning_Rate"])
    with pytest.raises(UsageError, match=r"did you mean 'Train\.Learning_Rate' or 'Model\.Learning_Rate'"):
        table(families, where="learning_rate > 0.01")


def test_a_pivot_knows_the_long_names_of_what_is_left(families):
    with pytest.raises(UsageError, match=r"differ in Train\.Learning_Rate, Batch_Size; select one"):
        table(families, where='Family=="dense"', pivot=["family", "scan"])
    shown = table(families, where='Family=="dense"', pivot=["Train.Learning_Rate", "Family"]).frame
    assert shown["Train.Learning_Rate"].tolist() == [0.001, 0.01]


def test_asking_for_uncertainties_that_are_not_on_record_is_said(points):
    bare = [
        dataclasses.replace(point, record=dataclasses.replace(point.record, errors={})) for point in points
    ]
    assert any("dlscan evaluate" in note for note in table(bare, errors=True).notes)
    assert not any("dlscan evaluate" in note for note in table(points, errors=True).notes)
    assert not any("dlscan evaluate" in note for note in table(bare).notes)
