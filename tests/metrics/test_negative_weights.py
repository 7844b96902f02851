"""Weights of both signs, as generators at next-to-leading order give them."""

import math

import numpy as np
import pytest

from dlscan.errors import DataError
from dlscan.metrics import (
    auc,
    auc_estimate,
    background_efficiencies,
    calibration_error,
    confusion,
    efficiency_estimate,
    measure,
    measure_validation,
    one_against_rest,
    rejection_estimate,
    reliability,
    roc_curve,
)
from dlscan.metrics.estimate import Estimate, share_estimate

CLASSES = ("Signal", "Background")


def signs(rng, events, negative):
    return np.where(rng.random(events) < negative, -1.0, 1.0)


def sample(seed, events=2000, negative=0.35, shift=1.5):
    rng = np.random.default_rng(seed)
    positive = rng.random(events) < 0.5
    return rng.normal(size=events) + shift * positive, positive, signs(rng, events, negative)


@pytest.mark.parametrize("seed", range(20))
def test_curve_rises_from_0_to_1(seed):
    signal, background, thresholds = roc_curve(*sample(seed))
    for share in (signal, background):
        assert (share[0], share[-1]) == (0, 1)
        assert (np.diff(share) >= 0).all()
    assert (np.diff(thresholds) < 0).all()
    ranked = np.sum(np.diff(background) * (signal[1:] + signal[:-1]) / 2)
    # of the curve drawn and of the statistic: alike up to the few events between hull and sums
    assert ranked == pytest.approx(auc(*sample(seed)), abs=0.05)


def test_curve_of_a_few_events_by_hand():
    scores, positive = [9, 8, 7, 6, 5, 4], [True] * 5 + [False]
    signal, _, _ = roc_curve(scores, positive, [2, -1, 2, 1, -1, 1])
    # 2, 1, 3, 4, 3 of 3: the largest before are 2, 2, 3, 4, 4, and the smallest after 1, 1, 3, 3, 3
    assert signal.tolist() == pytest.approx([0, 0.5, 0.5, 1, 1, 1, 1])


@pytest.mark.parametrize("efficiency", [0.5, 0.7, 0.9])
def test_rejection_is_that_of_the_highest_cut(efficiency):
    for seed in range(100):
        events = sample(seed)
        signal, background, _ = roc_curve(*events)
        first = int(np.argmax(signal >= efficiency))
        part = (efficiency - signal[first - 1]) / (signal[first] - signal[first - 1])
        share = background[first - 1] + part * (background[first] - background[first - 1])
        found = rejection_estimate(*events, efficiency)
        if found is None:
            (limit,) = background_efficiencies(*events, (efficiency,))
            assert limit.down == limit.value < limit.up
        else:
            assert found.value * share == pytest.approx(1, abs=1e-9)
            assert 1 <= found.value - found.down < found.value < found.value + found.up < math.inf


def crossing():
    """Signal that lies where background lies and weighs -1: more than all of the weight is right."""
    labels = np.repeat([0, 1], 20)
    first = np.where(labels == 0, 0.9, 0.1)
    first[:3] = 0.1
    weights = np.ones(40)
    weights[:3] = -1
    return np.stack([first, 1 - first], axis=1), labels, weights


def test_a_share_beyond_1_is_1_with_a_bound():
    scores, labels, weights = crossing()
    measured = measure(scores, labels, CLASSES, weights)
    for name in ("test_accuracy", "Signal_AUC", "Mean_AUC", "Signal_vs_Background_AUC"):
        down, up = measured.errors[name]
        assert (measured.values[name], up) == (1, 0)
        assert down > 0
        kind, bound = Estimate(1, down, up).bound
        assert (kind, bound) == (">", 1 - down)
    validation = measure_validation(scores, labels, CLASSES, weights)
    assert validation.values["val_kept_accuracy"] == 1
    # what early stopping monitors
    assert one_against_rest(scores, labels, CLASSES, weights)["Mean_AUC"] == 1


def test_every_number_is_within_its_range_or_has_a_reason():
    for seed in range(300):
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 3, 30)
        scores = rng.dirichlet(np.ones(3), 30) + 2 * np.eye(3)[labels] * rng.random((30, 1))
        scores /= scores.sum(axis=1, keepdims=True)
        measured = measure(scores, labels, "ABC", signs(rng, 30, 0.4) * rng.gamma(1.0, size=30))
        assert set(measured.values) == set(measured.errors) | set(measured.reasons)
        for name, value in measured.values.items():
            if value is None:
                assert measured.reasons[name]
                continue
            down, up = measured.errors[name]
            least, most = (
                (1 if "Rejection" in name else 0),
                (1 if name.endswith(("AUC", "accuracy", "error")) else math.inf),
            )
            assert least <= value <= most, name
            assert least - 1e-9 <= value - down <= value + up <= most + 1e-9, name
            assert math.isfinite(down + up), name


@pytest.mark.parametrize(
    ("weights", "name", "reason"),
    [
        ([1, 1, -3, 0.5], "B_AUC", "the weights of the events of B add up to -2.5, which is not above 0"),
        ([1, 1, -3, 0.5], "A_AUC", "the weights of all other events add up to -2.5, which is not above 0"),
        (
            [1, 1, -3, 0.5],
            "A_vs_B_Rejection@50",
            "the weights of the events of B add up to -2.5, which is not above 0",
        ),
        ([1, 1, -3, 0.5], "test_accuracy", "the weights of all events add up to -0.5, which is not above 0"),
        # not 5e-17, and not an area of that
        ([0.3, -0.1, 1, 1], "B_AUC", None),
        (
            [0.1 + 0.2, -0.3, 1, 1],
            "A_AUC",
            "the weights of the events of A add up to 0, which is not above 0",
        ),
        ([1, 1, -1, -1], "Mean_AUC", "no class has an AUC against the rest"),
    ],
)
def test_sums_of_weights_that_are_not_positive_are_reasons(weights, name, reason):
    scores = np.array([[0.8, 0.2], [0.7, 0.3], [0.4, 0.6], [0.3, 0.7]])
    measured = measure(scores, [0, 0, 1, 1], "AB", weights)
    assert measured.reasons.get(name) == reason
    assert (measured.values[name] is None) == (reason is not None)


def test_background_that_cancels_has_a_limit_and_no_rejection():
    positive = np.arange(60) < 20
    scores = np.where(positive, 1.0, 0.0)
    scores[20:24] = 2.0
    weights = np.ones(60)
    weights[20:22] = -1.0
    scores[24:26] = 2.0
    weights[24:26] = -1.0
    measured = measure(np.stack([scores, 2 - scores], axis=1) / 2, np.where(positive, 0, 1), CLASSES, weights)
    assert measured.reasons["Signal_vs_Background_Rejection@50"].startswith(
        "the weights of Background that pass may add up to 0: the rejection is above "
    )


def test_pictures_of_shares_stay_in_their_range():
    scores, labels, weights = crossing()
    weights[0] = -30
    found = reliability(scores, labels, bins=10, weights=weights + 0)
    there = np.isfinite(found.correct)
    assert ((found.correct[there] >= 0) & (found.correct[there] <= 1)).all()
    assert (
        (found.confidence[there] >= found.edges[:-1][there])
        & (found.confidence[there] <= found.edges[1:][there])
    ).all()
    assert calibration_error(scores, labels, crossing()[2]).value <= 1
    # sums of weights are kept as they are
    assert confusion(scores, labels, CLASSES, crossing()[2]).tolist() == [[17, -3], [0, 20]]


def test_no_curve_of_a_class_that_weighs_less_than_nothing():
    with pytest.raises(DataError, match=r"without background: .* add up to 0 or less"):
        roc_curve([0.1, 0.2], [True, False], [1, -1])
    assert auc_estimate([0.1, 0.2], [True, False], [1, -1]) is None
    assert share_estimate([True, False], [1, -2]) is None


def test_bound_of_a_number_on_its_limit():
    assert efficiency_estimate(0, 99).bound == ("<", pytest.approx(0.01))
    assert efficiency_estimate(99, 99).bound == (">", pytest.approx(0.99))
    assert auc_estimate([0.1, 0.9] * 50, [False, True] * 50).bound == (">", pytest.approx(50 / 51))
    assert efficiency_estimate(50, 99).bound is None
    assert Estimate(0.3, 0.0, 0.0).bound is None
