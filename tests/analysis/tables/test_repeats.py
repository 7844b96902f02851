"""Repeats share a line: mean, spread, and what they have in common."""

import pytest

from dlscan.analysis.points.records import load
from dlscan.analysis.tables.formats import render
from dlscan.analysis.tables.table import list_columns, table
from dlscan.errors import UsageError

AREAS = [0.90, 0.92, 0.97, 0.80, 0.81, 0.85]


def as_a_scan_does(number, record):
    """`scan.repeats` adds the seed to what varies."""
    record["params"]["train.seed"] = record["seed"]
    record["varied"] = (*record["varied"], "train.seed")
    record["metrics"]["Ele_AUC"] = AREAS[number - 1]
    record["errors"]["Ele_AUC"] = [0.01 * number, 0.02 * number]
    record["model_parameters"] = 1000


@pytest.fixture
def scan(write_scan):
    return write_scan("rep", {"model.width": [8, 16]}, repeats=3, change=as_a_scan_does)


def test_repeats_share_a_line_with_mean_spread_and_their_number(scan):
    frame = table(load([scan]), ["Repeats", "Ele_AUC"]).frame
    assert frame["Model Name"].tolist() == ["Width=8", "Width=16"]
    assert frame["Repeats"].tolist() == [3, 3]
    assert frame["Ele_AUC"].tolist() == [0.93, 0.82]
    # ddof 1: sqrt((0.03^2 + 0.01^2 + 0.04^2) / 2) about 0.93
    assert frame["Ele_AUC_Spread"].tolist() == pytest.approx([0.036055513, 0.026457513])


def test_by_default_the_repeats_are_counted_and_the_seed_is_no_column(scan):
    made = table(load([scan]))
    assert [column.name for column in made.columns][:4] == ["Model Name", "Width", "Repeats", "Epochs"]
    assert "+-: standard deviation over repeats" in made.notes
    assert "0.9300 +- 0.0361" in render(made, "text")


def test_a_model_with_one_repeat_has_no_spread(write_scan):
    scan = write_scan("rep", {"model.width": [8, 16]}, repeats=3, change=as_a_scan_does, done=4)
    made = table(load([scan]), ["Ele_AUC"])
    assert made.frame["Ele_AUC_Spread"].isna().tolist() == [False, True]
    assert render(made, "text").splitlines()[3].split() == ["Width=16", "0.8000"]


def test_repeats_stand_singly_when_asked(scan):
    frame = table(load([scan]), ["Seed", "Ele_AUC"], repeats="each").frame
    assert frame["Model Name"].tolist()[:2] == ["Width=8 Seed=1", "Width=8 Seed=2"]
    assert list(frame) == ["Model Name", "Seed", "Ele_AUC"]


def test_what_repeats_do_not_have_in_common_stands_side_by_side(scan):
    frame = table(load([scan]), ["Point", "Seed", "Host", "Parameters"]).frame
    assert frame["Point"].tolist() == ["1, 2, 3", "4, 5, 6"]
    assert frame["Seed"].tolist() == ["1, 2, 3"] * 2
    assert frame["Host"].tolist() == ["node7"] * 2
    assert frame["Parameters"].tolist() == [1000, 1000]


def test_a_number_that_one_repeat_lacks_has_no_mean(write_scan):
    def change(number, record):
        as_a_scan_does(number, record)
        if number == 2:
            record["metrics"]["Ele_AUC"] = None
            record["reasons"]["Ele_AUC"] = "no events of Ele"

    made = table(load([write_scan("rep", {"model.width": [8, 16]}, repeats=3, change=change)]), ["Ele_AUC"])
    assert made.frame["Ele_AUC"].isna().tolist() == [True, False]
    assert "Ele_AUC is missing for 1 of 2 models: no events of Ele" in made.notes


def test_an_expression_judges_the_mean_and_not_the_repeats(scan):
    # one repeat of the first model is below
    assert table(load([scan]), ["Ele_AUC"], where="Ele_AUC > 0.91").frame["Ele_AUC"].tolist() == [0.93]


def test_an_expression_about_what_differs_between_repeats_says_what_to_add(scan):
    with pytest.raises(UsageError, match=r"Seed differs between repeats .* add --repeats each"):
        table(load([scan]), where="Seed == 1")
    assert table(load([scan]), ["Seed"], where="Seed == 1", repeats="each").frame["Seed"].tolist() == [1, 1]


def test_the_error_of_a_mean_is_the_mean_error_and_the_spread_a_column(scan):
    made = table(load([scan]), ["Ele_AUC"], errors=True)
    assert list(made.frame)[1:] == ["Ele_AUC", "Ele_AUC_Down", "Ele_AUC_Up", "Ele_AUC_Spread"]
    assert made.frame["Ele_AUC_Down"].tolist() == pytest.approx([0.02, 0.05])
    assert render(made, "text").splitlines()[2].split()[1:] == ["0.9300", "+0.0400", "-0.0200", "0.036"]


def test_points_that_differ_in_more_than_the_seed_are_no_repeats(write_scan):
    def change(number, record):
        as_a_scan_does(number, record)
        record["params"]["train.learning_rate"] = 0.1 if number == 2 else 0.2

    scan = write_scan("rep", {"model.width": [8, 16]}, repeats=3, change=change)
    assert table(load([scan]), ["Repeats"]).frame["Repeats"].tolist() == [2, 1, 3]


def test_repeats_in_two_scans_are_two_lines(scan, write_scan):
    other = write_scan("other", {"model.width": [8]}, repeats=2, change=as_a_scan_does)
    frame = table(load([scan, other]), ["Repeats"]).frame
    assert frame["Scan"].tolist() == ["rep", "rep", "other"]
    assert frame["Repeats"].tolist() == [3, 3, 2]


def test_a_scan_of_seeds_alone_is_one_line_named_by_its_family(write_scan):
    scan = write_scan("seeds", {"train.seed": [5, 6, 7]}, change=lambda n, record: record.update(seed=n))
    frame = table(load([scan])).frame
    assert frame["Model Name"].tolist() == ["dense"]
    assert frame["Repeats"].tolist() == [3]


def test_columns_without_repeats_keep_their_types(write_scan):
    frame = table(load([write_scan()]), ["Repeats", "Epochs", "Seed"]).frame
    assert [str(dtype) for dtype in frame.dtypes[1:]] == ["Int64", "Int64", "Int64"]
    assert frame["Repeats"].tolist() == [1] * 4


def test_models_are_named_by_chosen_parameters(write_scan):
    points = load([write_scan()])
    made = table(points, ["Epochs"], name=["depth", "model.width"])
    assert made.frame["Model Name"].tolist()[:2] == ["Depth=2 Width=64", "Depth=3 Width=64"]
    assert not [note for note in made.notes if "--name" in note]
    assert table(points, ["Epochs"], name=["scan", "point"]).frame["Model Name"][0] == "Scan=lcd Point=1"


def test_names_that_are_no_longer_unique_are_said(write_scan):
    made = table(load([write_scan()]), name=["width"])
    assert "--name width: several models are called Width=64, Width=256; they differ in Depth" in made.notes


def test_an_unknown_parameter_to_name_by_brings_the_nearest(write_scan):
    with pytest.raises(UsageError, match="no parameter to name models by 'widht'; did you mean 'Width'"):
        table(load([write_scan()]), name=["widht"])


def test_a_name_by_seed_wants_single_repeats(scan):
    with pytest.raises(
        UsageError, match="--name width,seed: repeats are combined into one row; add --repeats each"
    ):
        table(load([scan]), name=["width", "seed"])


def test_the_list_says_of_each_column_what_it_is(write_scan):
    def change(number, record):
        if number == 1:
            record["metrics"]["Pi0_AUC"] = None
            record["reasons"]["Pi0_AUC"] = "no events of Pi0"

    frame = list_columns(load([write_scan(change=change)])).frame.set_index("Column")
    assert frame.loc["Train_Seconds", "Unit"] == "s"
    assert frame.loc["Width", "Kind"] == "parameter"
    assert frame.loc["Pi0_AUC", "Missing"] == "1 of 4: no events of Pi0"
    assert frame.loc["val_Pi0_AUC", "Split"] == "validation"
    assert frame.loc["test_loss", "Split"] == "test"
    assert "Gamma against Pi0" in frame.loc["Gamma_vs_Pi0_AUC", "Meaning"]
    assert "1 / efficiency for Pi0" in frame.loc["Gamma_vs_Pi0_Rejection@50", "Meaning"]
    assert frame["Meaning"].notna().all()


def test_a_small_spread_shows_two_digits(write_scan):
    def change(number, record):
        as_a_scan_does(number, record)
        record["metrics"]["Ele_AUC"] = 0.9 + 0.00002 * number

    made = table(
        load([write_scan("rep", {"model.width": [8]}, repeats=3, change=change)]), ["Ele_AUC"], errors=True
    )
    assert render(made, "text").splitlines()[2].split()[-1] == "0.000020"
