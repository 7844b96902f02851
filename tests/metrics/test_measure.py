import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from dlscan.errors import DataError
from dlscan.metrics import discriminant, measure, measure_validation

CLASSES = ("Ele", "Gamma", "Pi0")


def sample(seed=1, events=600, weighted=False):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, events)
    scores = np.exp(rng.normal(size=(events, 3)) + 1.5 * np.eye(3)[labels])
    scores = (scores / scores.sum(axis=1, keepdims=True)).astype(np.float32)
    return scores, labels, rng.gamma(2.0, size=events) if weighted else None


def test_names_are_these():
    pairs = ["Ele_vs_Gamma", "Ele_vs_Pi0", "Gamma_vs_Pi0"]
    orders = [f"{a}_vs_{b}" for a in CLASSES for b in CLASSES if a != b]
    measured = measure(*sample()[:2], CLASSES)
    assert list(measured.values) == [
        *(f"{name}_AUC" for name in (*CLASSES, "Mean", *pairs)),
        *(f"{order}_Rejection@{percent}" for order in orders for percent in (50, 70, 90)),
        *("test_accuracy", "test_log_loss", "test_calibration_error"),
    ]
    assert set(measured.errors) == set(measured.values)
    assert measured.reasons == {}
    assert list(measure_validation(*sample()[:2], CLASSES).values) == [
        *(f"val_{name}_AUC" for name in (*CLASSES, "Mean", *pairs)),
        "val_kept_accuracy",
    ]


@pytest.mark.parametrize("weighted", [False, True])
def test_areas_equal_scikit_learn(weighted):
    scores, labels, weights = sample(weighted=weighted)
    values = measure(scores, labels, CLASSES, weights).values
    for number, name in enumerate(CLASSES):
        expected = roc_auc_score(labels == number, scores[:, number], sample_weight=weights)
        assert values[f"{name}_AUC"] == pytest.approx(expected, abs=1e-12)
    here = labels != 0
    ratio = scores[:, 1].astype(float) / (scores[:, 1].astype(float) + scores[:, 2])
    expected = roc_auc_score(
        labels[here] == 1, ratio[here], sample_weight=None if weights is None else weights[here]
    )
    assert values["Gamma_vs_Pi0_AUC"] == pytest.approx(expected, abs=1e-12)


def test_validation_has_the_numbers_of_the_same_events():
    scores, labels, weights = sample(weighted=True)
    test = measure(scores, labels, CLASSES, weights)
    validation = measure_validation(scores, labels, CLASSES, weights)
    assert validation.values["val_Mean_AUC"] == test.values["Mean_AUC"]
    assert validation.errors["val_Ele_vs_Pi0_AUC"] == test.errors["Ele_vs_Pi0_AUC"]
    assert validation.values["val_kept_accuracy"] == test.values["test_accuracy"]


def test_weight_two_is_the_same_as_the_event_twice():
    scores, labels, _ = sample(events=200)
    twice = np.repeat(np.arange(200), 2)
    doubled, weighted = (
        measure(scores[twice], labels[twice], CLASSES),
        measure(scores, labels, CLASSES, np.full(200, 2.0)),
    )
    assert weighted.values == pytest.approx(doubled.values)
    # but not as sure of it
    assert weighted.errors["Mean_AUC"] > doubled.errors["Mean_AUC"]


def test_absent_class_gives_a_reason_not_a_number():
    scores, labels, _ = sample()
    labels = np.where(labels == 2, 1, labels)
    measured = measure(scores, labels, CLASSES)
    absent = [name for name in measured.values if "Pi0" in name]
    assert len(absent) == 1 + 2 + 4 * 3
    for name in absent:
        assert measured.values[name] is None
        assert measured.reasons[name] == "no events of Pi0"
        assert name not in measured.errors
    assert measured.values["Mean_AUC"] == pytest.approx(
        (measured.values["Ele_AUC"] + measured.values["Gamma_AUC"]) / 2
    )


@pytest.mark.parametrize(
    ("labels", "weights", "name", "reason"),
    [
        ([0, 0], None, "Ele_AUC", "only one class has events"),
        ([0, 0], None, "Mean_AUC", "only one class has events"),
        ([0, 1], [1.0, 0.0], "Gamma_AUC", "the weights of the events of Gamma are all 0"),
        ([0, 1], [0.0, 0.0], "test_accuracy", "no events with weights other than 0"),
        ([], None, "Ele_AUC", "no events of Ele"),
        (
            [0, 1],
            None,
            "Ele_vs_Gamma_Rejection@50",
            "no event of Gamma passes: the rejection is above 2 (68 %)",
        ),
    ],
)
def test_every_number_that_is_missing_has_a_reason(labels, weights, name, reason):
    scores = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])[: len(labels)].reshape(-1, 3)
    measured = measure(scores, np.array(labels, dtype=int), CLASSES, weights)
    assert measured.values[name] is None
    assert measured.reasons[name] == reason
    assert {key for key, value in measured.values.items() if value is None} == set(measured.reasons)


def test_discriminant_is_a_half_where_both_scores_are_0():
    scores = np.array([[0, 0, 1], [0.2, 0.6, 0.2], [1e-30, 0, 1]], dtype=np.float32)
    assert discriminant(scores, 0, 1).tolist() == pytest.approx([0.5, 0.25, 1.0])


def test_what_is_measured_is_json(tmp_path):
    from dlscan.files import read_json, write_json

    measured = measure(*sample(events=12)[:2], CLASSES)
    write_json(tmp_path / "m.json", [measured.values, measured.errors, measured.reasons])
    assert read_json(tmp_path / "m.json") == [measured.values, measured.errors, measured.reasons]


def test_nan_and_foreign_labels_are_errors():
    scores, labels, _ = sample(events=10)
    with pytest.raises(DataError, match="3 classes"):
        measure(scores, labels + 1, CLASSES)
    scores[0, 0] = np.nan
    with pytest.raises(DataError, match="1 of 30 scores are nan"):
        measure(scores, labels, CLASSES)


@pytest.mark.parametrize("classes", [("S", "B", "S_vs_B"), ("S_vs_B", "S", "B"), ("Mean", "S", "B")])
def test_two_numbers_of_one_name_are_an_error(classes):
    scores, labels, _ = sample()
    for function in (measure, measure_validation):
        with pytest.raises(DataError, match=r"_AUC would be the AUC of both .* and .*; rename a class"):
            function(scores, labels, classes)


def test_a_class_called_like_something_else_has_columns_of_its_own():
    names = ("AUC", "Width", "test_loss", "Foo_AUC", "Epochs", "Point", "accuracy", "S_vs_B")
    scores = np.random.default_rng(1).dirichlet(np.ones(8), 400)
    labels = np.arange(400) % 8
    measured = measure(scores, labels, names) | measure_validation(scores, labels, names)
    assert len(measured.values) == 2 * (8 + 1 + 28) + 3 * 56 + 3 + 1
    for number, name in enumerate(names):
        assert measured.values[f"{name}_AUC"] == pytest.approx(
            roc_auc_score(labels == number, scores[:, number])
        )
