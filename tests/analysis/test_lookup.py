import pytest

from dlscan.analysis.lookup import find, find_column, matching
from dlscan.errors import UsageError


@pytest.mark.parametrize(
    ("name", "valid", "found"),
    [
        ("ELE_auc", ["Width", "Ele_AUC"], "Ele_AUC"),
        ("width", ["Width", "width"], "width"),
        ("WIDTH", ["Width", "width"], "Width"),
        ("STRASSE", ["Straße"], "Straße"),
    ],
)
def test_names_match_without_regard_to_case_an_exact_one_first(name, valid, found):
    assert find(name, valid, "column") == found


def test_an_unknown_name_brings_the_nearest():
    with pytest.raises(UsageError, match="no column 'ele_acu'; did you mean 'Ele_AUC'"):
        find("ele_acu", ["Width", "Ele_AUC"], "column")


def test_a_short_name_brings_the_long_ones_that_end_so():
    valid = ["Train.Learning_Rate", "Learning_Rat", "Model.Learning_Rate", "My_Learning_Rate"]
    with pytest.raises(UsageError, match=r"did you mean 'Train\.Learning_Rate' or 'Model\.Learning_Rate'\?$"):
        find("learning_rate", valid, "column")


def test_a_name_like_no_other_brings_them_all():
    with pytest.raises(UsageError, match="no class 'xyz'; valid: Ele, Gamma"):
        find("xyz", ["Ele", "Gamma"], "class")


def test_of_very_many_names_the_first_are_brought():
    with pytest.raises(UsageError, match=r"valid: c0, .*, c14 \.\.\. \(100 in all\)$"):
        find("xyz", [f"c{number}" for number in range(100)], "class")


KEYS = {
    "Width": "model.width",
    "Train.Epochs": "train.epochs",
    "Epochs": "",
    "A_vs_B_AUC": "",
    "A_vs_B_Rejection@50": "",
    "val_A_vs_B_AUC": "",
    "B_vs_x_vs_C_AUC": "",
    "mass[GeV]": "",
}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("model.width", "Width"),
        ("MODEL.Width", "Width"),
        ("train.epochs", "Train.Epochs"),
        ("epochs", "Epochs"),
        ("b_vs_a_auc", "A_vs_B_AUC"),
        ("val_B_vs_A_AUC", "val_A_vs_B_AUC"),
        ("C_vs_B_vs_x_AUC", "B_vs_x_vs_C_AUC"),
        ("x_vs_C_vs_B_AUC", "B_vs_x_vs_C_AUC"),
    ],
)
def test_a_column_is_found_by_its_key_and_a_pair_in_either_order(name, found):
    assert find_column(name, KEYS) == found


def test_a_column_is_found_by_what_people_call_it_unless_that_is_a_column():
    names = {"val_auc": "val_A_vs_B_AUC", "epochs": "Width", "val_mae": "val_Mean_MAE"}
    assert find_column("VAL_auc", KEYS, aliases=names) == "val_A_vs_B_AUC"
    assert matching("val_auc", KEYS, aliases=names) == ["val_A_vs_B_AUC"]
    assert find_column("epochs", KEYS, aliases=names) == "Epochs"
    with pytest.raises(UsageError, match="no column 'val_mae'"):
        find_column("val_mae", KEYS, aliases=names)


def test_a_rejection_is_another_number_in_the_other_order():
    with pytest.raises(UsageError, match="did you mean 'A_vs_B_Rejection@50'"):
        find_column("B_vs_A_Rejection@50", KEYS)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*_auc", ["A_vs_B_AUC", "val_A_vs_B_AUC", "B_vs_x_vs_C_AUC"]),
        ("?idth", ["Width"]),
        ("*[GeV]", ["mass[GeV]"]),
        ("mass[gev]", ["mass[GeV]"]),
        ("Width", ["Width"]),
    ],
)
def test_a_pattern_means_all_that_fit(pattern, found):
    assert matching(pattern, KEYS) == found


def test_a_pattern_that_nothing_fits_is_an_error():
    with pytest.raises(UsageError, match=r"no column fits '\*_ROC'; `--list` shows all"):
        matching("*_ROC", KEYS)
