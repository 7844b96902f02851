import math

import numpy as np
import pytest

from dlscan.metrics import auc, auc_difference, auc_estimate
from dlscan.metrics.delong import area, interval, mean_area


def sample(seed, events=300, ties=False, weighted=False, shift=1.0):
    rng = np.random.default_rng(seed)
    positive = rng.random(events) < 0.3
    scores = rng.normal(size=events) + shift * positive
    if ties:
        scores = np.round(scores, 1)
    return scores, positive, rng.exponential(size=events) if weighted else None


def delong_by_definition(score_sets, positive):
    """Areas and their covariance matrix, from all pairs, as the paper writes it (unweighted)."""
    placements = []
    for scores in score_sets:
        difference = scores[positive][:, None] - scores[~positive][None, :]
        won = (difference > 0) + 0.5 * (difference == 0)
        placements.append((won.mean(axis=1), won.mean(axis=0)))
    ahead, behind = (np.array(side) for side in zip(*placements, strict=True))
    covariance = np.cov(ahead) / positive.sum() + np.cov(behind) / (~positive).sum()
    return ahead.mean(axis=1), covariance


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_variance_equals_delong_s_from_all_pairs(seed, ties):
    scores, positive, _ = sample(seed, ties=ties)
    other = scores + np.random.default_rng(seed).normal(size=len(scores))
    areas, covariance = delong_by_definition([scores, other], positive)

    found = area(scores, positive)
    assert found.value == pytest.approx(areas[0], abs=1e-12)
    assert np.sum(found.influence**2) == pytest.approx(covariance[0, 0], rel=1e-10)

    difference = auc_difference(scores, other, positive)
    assert difference.value == pytest.approx(areas[0] - areas[1], abs=1e-12)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    assert (difference.down, difference.up) == pytest.approx((math.sqrt(variance),) * 2, rel=1e-10)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_estimate_has_the_value_of_auc(ties, weighted):
    scores, positive, weights = sample(3, ties=ties, weighted=weighted)
    assert auc_estimate(scores, positive, weights).value == pytest.approx(
        auc(scores, positive, weights), abs=1e-12
    )


def test_weights_that_are_all_the_same_change_nothing():
    scores, positive, _ = sample(2, ties=True)
    plain, weighted = auc_estimate(scores, positive), auc_estimate(scores, positive, np.full(300, 7.0))
    assert (weighted.value, weighted.down, weighted.up) == pytest.approx((plain.value, plain.down, plain.up))


def test_uneven_weights_make_the_interval_longer():
    scores, positive, weights = sample(2, weighted=True)
    # of exponential weights half as many count as much
    assert auc_estimate(scores, positive, weights).up > 1.2 * auc_estimate(scores, positive).up


def test_interval_stays_within_0_and_1():
    scores, positive, _ = sample(1, events=30, shift=3.0)
    found = auc_estimate(scores, positive)
    assert 0.9 < found.value < 1
    assert found.value + found.up < 1
    assert found.down > found.up


@pytest.mark.parametrize("sign", [1, -1])
def test_separation_without_overlap_is_not_certainty(sign):
    scores = sign * np.concatenate([np.linspace(2, 3, 40), np.linspace(0, 1, 100)])
    found = auc_estimate(scores, np.arange(140) < 40)
    assert found.value == (1 if sign > 0 else 0)
    # Wilson's for 40 of 40
    far, near = (found.down, found.up) if sign > 0 else (found.up, found.down)
    assert (far, near) == (pytest.approx(1 / 41), 0)


def test_of_a_single_event_nothing_is_known():
    found = auc_estimate([0.9, 0.1, 0.95, 0.2], [True, False, False, False])
    assert (found.value - found.down, found.value + found.up) == (0, 1)
    difference = auc_difference([0.9, 0.1], [0.1, 0.9], [True, False])
    assert (difference.value - difference.down, difference.value + difference.up) == (-1, 1)


def test_the_same_network_differs_by_nothing():
    scores, positive, _ = sample(4)
    difference = auc_difference(scores, scores, positive)
    assert (difference.value, difference.down, difference.up) == (0, 0, 0)


def test_difference_of_like_networks_is_better_known_than_either():
    scores, positive, _ = sample(4)
    other = scores + 0.1 * np.random.default_rng(1).normal(size=len(scores))
    assert auc_difference(scores, other, positive).up < 0.3 * auc_estimate(scores, positive).up


def test_mean_of_areas_knows_that_they_share_events():
    scores, positive, _ = sample(5)
    same = area(scores, positive)
    assert interval(mean_area([same, same])) == interval(same)


@pytest.mark.parametrize("positive", [[True, True], [False, False], []])
def test_no_estimate_without_signal_or_background(positive):
    scores = np.zeros(len(positive))
    assert auc_estimate(scores, positive) is None
    assert auc_difference(scores, scores, positive) is None
