"""Near misses, and nothing rather than a far-off name."""

import pytest

from dlscan.spelling import counted, hint, near_miss

KEYS = ["name", "data", "output", "model", "train", "scan", "stream", "batch"]
TRAIN = ["epochs", "batch_size", "optimizer", "learning_rate", "momentum", "schedule", "seed", "jit"]


@pytest.mark.parametrize(
    ("name", "valid", "near"),
    [
        ("trian", KEYS, "train"),
        ("Modle", KEYS, "model"),
        ("epoch", TRAIN, "epochs"),
        ("learnign_rat", TRAIN, "learning_rate"),
        ("optimiser", TRAIN, "optimizer"),
        ("ky", ["key", "by"], "key"),
        ("FCAL", ["ECAL", "HCAL"], "ECAL"),
        ("lr", TRAIN, "learning_rate"),
        ("walltime", ["time", "memory"], "time"),
        ("ele_acu", ["Ele_AUC"], "Ele_AUC"),
        ("A_vs_B_Rejection@60", ["A_vs_B_Rejection@50", "Mean_AUC"], "A_vs_B_Rejection@50"),
        ("task", KEYS, None),
        ("folds", KEYS, None),
        ("adversary", KEYS, None),
        ("loss", TRAIN, None),
        ("x", ["y", "z"], None),
        ("", KEYS, None),
        (3, ["1", "2"], None),
    ],
)
def test_a_near_miss_is_found_and_a_far_off_name_is_not(name: object, valid: list[str], near: str) -> None:
    assert near_miss(name, valid) == near


def test_the_nearest_of_several_is_meant() -> None:
    assert near_miss("widths", ["breadths", "width", "widthes"]) == "width"
    assert hint("widht", ["width"]) == "did you mean 'width'?"


def test_without_one_all_names_are_listed_and_the_first_of_many() -> None:
    assert hint("task", KEYS) == f"valid: {', '.join(KEYS)}"
    assert hint("task", []) == "valid: none"
    assert hint("zz", [f"c{n}" for n in range(100)]).endswith("c14 ... (100 in all)")


def test_counts_have_their_plural() -> None:
    assert [counted(n, "point") for n in (0, 1, 2)] == ["0 points", "1 point", "2 points"]
    assert counted(3, "process") == "3 processes"
