"""The best model is chosen on the validation split, and the table says which split a number is from."""

import pytest

from dlscan.analysis.points.records import load
from dlscan.analysis.tables.table import table
from dlscan.errors import UsageError

VALIDATION = [0.7, 0.9, None, 0.8]


def change(number, record):
    # on the test split the order is the other way round
    record["metrics"] |= {
        "Mean_AUC": 1 - 0.1 * number,
        "val_Mean_AUC": VALIDATION[number - 1],
        "val_Ele_AUC": 0.1 * number,
        "best_val_loss": [0.5, 0.4, 0.6, 0.3][number - 1],
        "val_kept_accuracy": 0.5,
        "final_loss": 0.1,
    }


@pytest.fixture
def points(write_scan):
    return load([write_scan(change=change)])


@pytest.mark.parametrize(
    ("key", "point", "said"),
    [
        (
            "val_auc",
            2,
            "Chosen by val_Mean_AUC (validation split): 0.9000, the highest of 3 models; 1 wit",
        ),
        ("VAL_AUC", 2, "0.9000"),
        ("val_Mean_AUC", 2, "0.9000"),
        ("val_ele_auc", 4, "Chosen by val_Ele_AUC (validation split): 0.4000, the highest of 4 models"),
        ("val_loss", 4, "Chosen by best_val_loss (validation split): 0.3, the lowest of 4 models"),
        ("val_accuracy", 1, "0.5, the highest of 4 models, tied with 3 others, the first is shown"),
    ],
)
def test_the_best_is_chosen_by_validation_and_shown_alone(points, key, point, said):
    made = table(points, ["Point", "Mean_AUC"], best=key)
    assert made.frame["Point"].tolist() == [point]
    assert [note for note in made.notes if said in note]


def test_what_it_was_chosen_by_is_shown_beside_the_test_split(points):
    made = table(points, ["Mean_AUC"], best="val_auc")
    assert list(made.frame) == ["Model Name", "Mean_AUC", "val_Mean_AUC"]
    assert made.notes[0] == "AUC: test split; val_Mean_AUC: validation split"


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("Mean_AUC", "biases its test result"),
        ("test_loss", "biases its test result"),
        ("Gamma_vs_Pi0_Rejection@50", "biases its test result"),
        ("final_loss", "not measured on the validation split"),
        ("Width", "not measured on the validation split"),
        ("val_Elle_AUC", "no column of the validation split 'val_Elle_AUC'; did you mean 'val_Ele_AUC'"),
    ],
)
def test_a_number_of_another_split_chooses_nothing(points, key, message):
    with pytest.raises(UsageError, match=message):
        table(points, best=key)


def test_records_without_validation_scores_name_what_there_is(write_scan):
    def older(number, record):
        record["metrics"] = {"Mean_AUC": 0.5, "best_val_loss": 0.1}

    with pytest.raises(UsageError, match="no finished model has val_Mean_AUC; choose by best_val_loss"):
        table(load([write_scan(change=older)]), best="val_auc")


def test_a_number_of_no_split_means_that_of_validation(points):
    with pytest.raises(UsageError, match="did you mean val_auc"):
        table(points, best="auc")


def test_the_best_of_repeats_is_that_of_their_mean(write_scan):
    def lucky(number, record):
        record["metrics"]["val_Mean_AUC"] = [0.5, 0.99, 0.8, 0.81][number - 1]

    made = table(load([write_scan(grid={"model.width": [8, 16]}, repeats=2, change=lucky)]), best="val_auc")
    assert made.frame["Width"].tolist() == [16]
    assert [note for note in made.notes if "0.8050, the mean over 2 repeats, the highest of 2 models" in note]


def test_only_models_that_are_selected_are_chosen_from(points):
    assert table(points, ["Point"], where="Point != 2", best="val_auc").frame["Point"].tolist() == [4]


def test_losses_of_different_kinds_are_not_compared(write_scan):
    """Records of older versions say nothing of it: theirs is the cross-entropy."""
    kinds = [{}, {"train.loss": "auto"}, {"train.loss": "focal", "train.gamma": 3.0}, {}]

    def varied(number, record):
        record["metrics"]["best_val_loss"] = 0.1 * number
        record["params"] |= kinds[number - 1]

    points = load([write_scan(change=varied)])
    words = "different losses (cross_entropy, focal with gamma 3), which cannot be compared"
    with pytest.raises(UsageError) as caught:
        table(points, best="val_loss")
    assert f"best_val_loss is of {words}" in str(caught.value)
    assert f"test_loss: of {words}" in table(points, ["test_loss", "Mean_AUC"]).notes
    assert table(points, ["Point"], best="val_loss", where="Point != 3").frame["Point"].tolist() == [1]
    assert not [note for note in table(points, ["Mean_AUC"]).notes if "different" in note]


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (["Width", "Epochs"], None),
        (["Ele_AUC"], "AUC: test split"),
        (["Ele_AUC", "Gamma_vs_Pi0_AUC", "test_loss"], "AUC, test_loss: test split"),
        (["test_loss", "test_accuracy"], "test_*: test split"),
        (
            ["*_AUC", "test_*", "best_val_loss", "final_loss"],
            "AUC, test_*: test split; val_*, best_val_loss: validation split; final_loss: training split",
        ),
        (["*_Rejection@50", "val_Ele_AUC"], "Rejection: test split; val_Ele_AUC: validation split"),
    ],
)
def test_a_line_says_which_split_the_columns_are_from(write_scan, columns, line):
    def with_loss(number, record):
        record["metrics"] |= {"best_val_loss": 0.1, "final_loss": 0.1}
        record["metrics"] = {name: value or 0.5 for name, value in record["metrics"].items()}

    notes = table(load([write_scan(change=with_loss)]), columns).notes
    assert notes == (() if line is None else (line,))
