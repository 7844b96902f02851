import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.metrics import roc_curve as reference_curve

from dlscan.errors import DataError
from dlscan.metrics import accuracy, auc, auc_estimate, one_against_rest, roc_curve


def sample(seed, events=2000, ties=False, weighted=False):
    rng = np.random.default_rng(seed)
    positive = rng.random(events) < 0.3
    scores = rng.normal(size=events) + positive
    if ties:
        scores = np.round(scores, 1)
    return scores, positive, rng.exponential(size=events) if weighted else None


CASES = [(seed, ties, weighted) for seed in range(5) for ties in (False, True) for weighted in (False, True)]


@pytest.mark.parametrize(("seed", "ties", "weighted"), CASES)
def test_auc_equals_scikit_learn(seed, ties, weighted):
    scores, positive, weights = sample(seed, ties=ties, weighted=weighted)
    expected = roc_auc_score(positive, scores, sample_weight=weights)
    assert auc(scores, positive, weights) == pytest.approx(expected, abs=1e-12)


def test_auc_equals_its_definition_over_all_pairs():
    scores, positive, weights = sample(7, events=300, ties=True, weighted=True)
    difference = scores[positive][:, None] - scores[~positive][None, :]
    pairs = weights[positive][:, None] * weights[~positive][None, :]
    won = (difference > 0) + 0.5 * (difference == 0)
    assert auc(scores, positive, weights) == pytest.approx((won * pairs).sum() / pairs.sum(), abs=1e-12)


@pytest.mark.parametrize(("seed", "ties", "weighted"), CASES)
def test_auc_does_not_depend_on_the_order_of_events(seed, ties, weighted):
    scores, positive, weights = sample(seed, ties=ties, weighted=weighted)
    order = np.random.default_rng(seed).permutation(len(scores))
    moved = auc(scores[order], positive[order], None if weights is None else weights[order])
    assert moved == pytest.approx(auc(scores, positive, weights), abs=1e-13)


@pytest.mark.parametrize("positive_first", [True, False])
def test_constant_scores_give_one_half_whatever_the_order(positive_first):
    positive = np.arange(100) < 30
    assert auc(np.full(100, 0.7), positive if positive_first else ~positive) == 0.5


def test_weight_two_is_the_same_as_the_event_twice():
    scores, positive, _ = sample(3, ties=True)
    weights = np.where(np.arange(len(scores)) % 3 == 0, 2.0, 1.0)
    twice = np.repeat(np.arange(len(scores)), weights.astype(int))
    assert auc(scores, positive, weights) == pytest.approx(auc(scores[twice], positive[twice]), abs=1e-12)


def test_infinite_scores_rank_at_the_ends():
    assert auc([np.inf, np.inf, 0.0, -np.inf], [True, False, True, False]) == pytest.approx(0.625)


@pytest.mark.parametrize("positive", [[True, True], [False, False], []])
def test_auc_is_none_when_a_side_is_absent(positive):
    assert auc(np.zeros(len(positive)), positive) is None


def test_auc_is_none_when_a_side_weighs_nothing():
    assert auc([0.1, 0.2], [True, False], weights=[1.0, 0.0]) is None


def test_nan_scores_are_an_error_not_a_number():
    with pytest.raises(DataError, match="1 of 3 scores are nan"):
        auc([0.1, np.nan, 0.3], [True, False, True])
    with pytest.raises(DataError, match="nan"):
        accuracy([[0.1, np.nan]], [0])
    with pytest.raises(DataError, match="nan"):
        one_against_rest([[0.1, np.nan], [0.1, 0.2]], [0, 1], ["a", "b"])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_an_error(bad):
    with pytest.raises(DataError, match="1 of 2 event weights are not finite"):
        auc([0.1, 0.2], [True, False], weights=[1.0, bad])


@pytest.mark.parametrize(("seed", "ties", "weighted"), CASES)
def test_roc_curve_passes_through_the_points_of_scikit_learn(seed, ties, weighted):
    scores, positive, weights = sample(seed, ties=ties, weighted=weighted)
    background, signal, thresholds = reference_curve(
        positive, scores, sample_weight=weights, drop_intermediate=False
    )
    mine = roc_curve(scores, positive, weights)
    np.testing.assert_allclose(mine[0], signal, atol=1e-12)
    np.testing.assert_allclose(mine[1], background, atol=1e-12)
    np.testing.assert_array_equal(mine[2], thresholds)


@pytest.mark.parametrize(("seed", "ties", "weighted"), CASES)
def test_area_below_the_roc_curve_is_the_auc(seed, ties, weighted):
    scores, positive, weights = sample(seed, ties=ties, weighted=weighted)
    signal, background, _ = roc_curve(scores, positive, weights)
    area = np.sum(np.diff(background) * (signal[1:] + signal[:-1]) / 2)
    assert area == pytest.approx(auc(scores, positive, weights), abs=1e-12)


def test_roc_curve_passes_equal_scores_together():
    signal, background, thresholds = roc_curve([1.0, 1.0, 1.0, 0.0], [True, False, True, False])
    assert signal.tolist() == [0.0, 1.0, 1.0]
    assert background.tolist() == [0.0, 0.5, 1.0]
    assert thresholds.tolist() == [np.inf, 1.0, 0.0]


def test_roc_curve_without_background_says_so():
    with pytest.raises(DataError, match="background"):
        roc_curve([0.1, 0.2], [True, True])


def test_one_against_rest_uses_each_class_s_own_score():
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 3, 1000)
    scores = rng.random((1000, 3)).astype(np.float32)
    scores[np.arange(1000), labels] += np.array([0.1, 0.4, 0.8], dtype=np.float32)[labels]
    areas = one_against_rest(scores, labels, ["Ele", "Pi0", "ChPi"])
    assert list(areas) == ["Ele_AUC", "Pi0_AUC", "ChPi_AUC", "Mean_AUC"]
    for number, name in enumerate(["Ele", "Pi0", "ChPi"]):
        assert areas[f"{name}_AUC"] == pytest.approx(
            roc_auc_score(labels == number, scores[:, number]), abs=1e-12
        )
    assert areas["Mean_AUC"] == pytest.approx(np.mean(list(areas.values())[:3]), abs=1e-15)


def test_mean_is_over_the_classes_that_are_there():
    scores = np.array([[0.9, 0.1, 0.0], [0.6, 0.4, 0.0], [0.7, 0.3, 0.0]])
    areas = one_against_rest(scores, [0, 1, 0], ["a", "b", "absent"])
    assert areas == {"a_AUC": 1.0, "b_AUC": 1.0, "absent_AUC": None, "Mean_AUC": 1.0}


def test_no_mean_where_nothing_is_defined():
    assert one_against_rest([[1.0, 0.0]], [0], ["a", "b"])["Mean_AUC"] is None


def test_one_against_rest_respects_weights():
    scores, positive, weights = sample(9, weighted=True)
    table = np.stack([-scores, scores], axis=1)
    areas = one_against_rest(table, positive.astype(int), ["no", "yes"], weights)
    assert areas["yes_AUC"] == pytest.approx(
        roc_auc_score(positive, scores, sample_weight=weights), abs=1e-12
    )


@pytest.mark.parametrize("labels", [[0, 2], [-1, 0]])
def test_a_label_outside_the_classes_is_an_error(labels):
    with pytest.raises(DataError, match="2 classes"):
        one_against_rest([[0.5, 0.5], [0.5, 0.5]], labels, ["a", "b"])


def test_accuracy_equals_scikit_learn():
    rng = np.random.default_rng(2)
    scores, labels, weights = rng.random((500, 4)), rng.integers(0, 4, 500), rng.random(500)
    guess = scores.argmax(axis=1)
    assert accuracy(scores, labels) == pytest.approx(accuracy_score(labels, guess))
    assert accuracy(scores, labels, weights) == pytest.approx(
        accuracy_score(labels, guess, sample_weight=weights)
    )


def test_accuracy_of_no_events_is_none():
    assert accuracy(np.empty((0, 3)), np.empty(0, dtype=int)) is None


@pytest.mark.parametrize("call", [auc, roc_curve])
def test_shapes_that_do_not_fit_are_refused(call):
    with pytest.raises(ValueError, match="shape"):
        call([0.1, 0.2], [True])
    with pytest.raises(ValueError, match="shape"):
        call([0.1, 0.2], [True, False], [1.0])


def test_a_million_events_are_no_trouble():
    # all pairs of them would neither fit into memory nor ever end
    rng = np.random.default_rng(1)
    scores, positive = rng.random(1_000_000).astype(np.float32), rng.random(1_000_000) < 0.25
    assert auc(scores, positive) == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)
    assert auc_estimate(scores, positive).value == pytest.approx(auc(scores, positive), abs=1e-12)
