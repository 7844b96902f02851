import pytest

from dlscan.analysis.lookup import find
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


def test_a_name_like_no_other_brings_them_all():
    with pytest.raises(UsageError, match="no class 'xyz'; valid: Ele, Gamma"):
        find("xyz", ["Ele", "Gamma"], "class")
