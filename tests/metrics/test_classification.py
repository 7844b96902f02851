import numpy as np
import pytest
from sklearn.metrics import confusion_matrix
from sklearn.metrics import log_loss as reference_loss

from dlscan.errors import DataError
from dlscan.metrics import accuracy_estimate, calibration_error, confusion, log_loss, reliability


def sample(seed=1, events=500, classes=3):
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet(np.ones(classes), events)
    return scores, rng.integers(0, classes, events), rng.gamma(2.0, size=events)


def calibrated(events, seed=1):
    """Scores that are the probabilities of the labels."""
    scores, _, _ = sample(seed, events)
    labels = (scores.cumsum(axis=1) < np.random.default_rng(seed + 1).random((events, 1))).sum(axis=1)
    return scores, labels.clip(0, 2)


@pytest.mark.parametrize("weighted", [False, True])
def test_log_loss_and_confusion_equal_scikit_learn(weighted):
    scores, labels, weights = sample()
    weights = weights if weighted else None
    assert log_loss(scores, labels, weights).value == pytest.approx(
        reference_loss(labels, scores, sample_weight=weights)
    )
    np.testing.assert_allclose(
        confusion(scores, labels, ["a", "b", "c"], weights),
        confusion_matrix(labels, scores.argmax(axis=1), sample_weight=weights),
    )


def test_one_wrong_event_without_doubt_does_not_make_the_loss_infinite():
    assert log_loss([[1.0, 0.0], [0.0, 1.0]], [0, 0]).value == pytest.approx(-np.log(1e-7) / 2)


def test_calibration_error_of_one_bin_by_hand():
    scores, labels = [[0.9, 0.1], [0.9, 0.1], [0.95, 0.05], [0.2, 0.8]], [0, 1, 0, 1]
    # 0.8 to 0.867: confidence 0.8, right; 0.867 to 0.933: 0.9, half right; above: 0.95, right
    expected = (abs(0.8 - 1) + 2 * abs(0.9 - 0.5) + abs(0.95 - 1)) / 4
    assert calibration_error(scores, labels).value == pytest.approx(expected)
    assert calibration_error(scores, labels, [1, 0, 0, 0]).value == pytest.approx(0.1)


def test_a_calibrated_network_has_the_error_that_its_bins_make():
    scores, labels = calibrated(20_000)
    expected = 0.8 * np.sqrt(15 * 0.25 / 20_000)
    assert calibration_error(scores, labels).value < 1.5 * expected
    sure = scores**3 / (scores**3).sum(axis=1, keepdims=True)
    found = calibration_error(sure, labels)
    assert found.value - 5 * found.down > expected


def test_reliability_lies_on_the_diagonal_for_a_calibrated_network():
    found = reliability(*calibrated(50_000), bins=10)
    assert found.edges.tolist() == pytest.approx(np.linspace(0, 1, 11))
    assert found.weight.sum() == 50_000
    assert np.isnan(found.confidence[:3]).all()  # the highest of three scores is above 1/3
    full = found.weight > 100
    pulls = (found.correct - found.confidence)[full] / found.up[full]
    assert np.abs(pulls).max() < 3.5
    assert ((found.confidence >= found.edges[:-1]) & (found.confidence <= found.edges[1:]))[full].all()


def test_reliability_respects_weights():
    found = reliability([[0.95, 0.05], [0.98, 0.02]], [0, 1], 10, [3.0, 1.0])
    assert found.correct[-1] == pytest.approx(0.75)
    assert found.confidence[-1] == pytest.approx(0.75 * 0.95 + 0.25 * 0.98)
    assert found.weight[-1] == 4


@pytest.mark.parametrize("number", [accuracy_estimate, log_loss, calibration_error])
def test_no_number_without_events_or_weight(number):
    assert number(np.empty((0, 3)), np.empty(0, dtype=int)) is None
    assert number([[0.5, 0.5]], [0], [0.0]) is None


@pytest.mark.parametrize("number", [accuracy_estimate, log_loss, calibration_error])
def test_nan_is_an_error(number):
    with pytest.raises(DataError, match="nan"):
        number([[0.5, np.nan]], [0])
