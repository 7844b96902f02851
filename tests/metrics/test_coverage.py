"""68.27 % intervals hold the truth in 68.27 % of experiments, within 3 points.

Normal scores make every truth known: an event of a class scores SHIFT higher for it.
"""

import math
from statistics import NormalDist

import numpy as np
import pytest

from dlscan.metrics import (
    accuracy_estimate,
    auc,
    auc_difference,
    auc_estimate,
    background_efficiencies,
    bias,
    efficiency_estimate,
    half_width_estimate,
    log_loss,
    mean_absolute_error,
    mean_estimate,
    quantile_estimate,
    rejection_estimate,
    resolution,
    root_mean_square_error,
)
from dlscan.metrics.delong import area, interval, mean_area
from dlscan.metrics.pairs import pair

EXPERIMENTS = 1000
NORMAL = NormalDist()
SHIFT = 1.5


def coverage(experiment, truth, seed):
    """Share of experiments, in per cent, whose interval holds `truth`; `experiment(rng)` estimates it."""
    rng = np.random.default_rng([seed, 68])
    estimates = [experiment(rng) for _ in range(EXPERIMENTS)]
    held = [each.value - each.down <= truth <= each.value + each.up for each in estimates]
    return 100 * np.mean(held)


def two_classes(rng, signal=250, background=350, shift=SHIFT):
    positive = np.arange(signal + background) < signal
    return rng.normal(size=len(positive)) + shift * positive, positive


def three_classes(rng, events=600):
    labels = rng.integers(0, 3, events)
    logits = rng.normal(size=(events, 3))
    logits[np.arange(events), labels] += SHIFT
    scores = np.exp(logits)
    return scores / scores.sum(axis=1, keepdims=True), labels


def area_between(shift):
    """Of the ROC curve of normal scores of unit width that are `shift` apart."""
    return NORMAL.cdf(shift / math.sqrt(2))


def rejection(efficiency, shift=SHIFT):
    cut = shift + NORMAL.inv_cdf(1 - efficiency)
    return 1 / NORMAL.cdf(-cut)


def mean_of_classes(rng):
    scores, labels = three_classes(rng)
    return interval(mean_area([area(scores[:, number], labels == number) for number in range(3)]))


def of_many(measure):
    """The truth where no formula gives it: one sample that is a thousand times larger."""
    return measure(*three_classes(np.random.default_rng(0), 600_000))


def weighted(rng, positive):
    """Weights that go with nothing, from nearly 0 to several."""
    return rng.gamma(2.0, size=len(positive))


def tilted(estimate):
    """Weights that go with the score move a normal distribution by their exponent."""

    def experiment(rng):
        scores, positive = two_classes(rng)
        return estimate(scores, positive, np.exp(0.4 * scores))

    return experiment


def two_networks_scores(rng):
    common, positive = two_classes(rng, shift=0)
    first, second = (common + 0.5 * rng.normal(size=len(common)) + shift * positive for shift in (1.5, 1.3))
    return first, second, positive


def two_networks(rng):
    return auc_difference(*two_networks_scores(rng))


def weighted_auc(rng):
    scores, positive = two_classes(rng)
    return auc_estimate(scores, positive, weighted(rng, positive))


def weighted_rejection(rng):
    scores, positive = two_classes(rng)
    return rejection_estimate(scores, positive, weighted(rng, positive), 0.7)


def pair_auc(rng):
    scores, labels = three_classes(rng)
    return auc_estimate(*pair(scores, labels, 0, 1))


def rounded_auc(rng):
    scores, positive = two_classes(rng)
    return auc_estimate(np.where(scores > 0.5, 1.0, 0.0), positive)


def signs(rng, events, negative=0.2):
    """Weights of +-1, as of generators at next-to-leading order."""
    return np.where(rng.random(events) < negative, -1.0, 1.0)


def signed(estimate, negative=0.2, shift=SHIFT, **options):
    def experiment(rng):
        scores, positive = two_classes(rng, 400, 600, shift)
        return estimate(scores, positive, signs(rng, 1000, negative), **options)

    return experiment


def mean_sign(scores):
    """What weights of +-1 are on average at a score: more are negative where the score is low."""
    return 0.3 + 0.6 / (1 + np.exp(-scores))


def signs_that_go_with_the_score(rng):
    scores, positive = two_classes(rng, 400, 600)
    return auc_estimate(scores, positive, signs(rng, 1000, (1 - mean_sign(scores)) / 2))


def truth_of_signs_that_go_with_the_score():
    scores, positive = two_classes(np.random.default_rng(0), 600_000, 600_000)
    return auc(scores, positive, mean_sign(scores))


def signed_of_three(estimate):
    def experiment(rng):
        scores, labels = three_classes(rng, 1000)
        return estimate(scores, labels, signs(rng, 1000))

    return experiment


def signed_difference(rng):
    first, second, positive = two_networks_scores(rng)
    return auc_difference(first, second, positive, signs(rng, len(positive)))


def energies(rng, events=400):
    """Predictions that are off by a tenth of the truth, one standard deviation."""
    truth = rng.uniform(10, 110, events)
    return truth * (1 + SMEAR * rng.normal(size=events)), truth


def of_energies(measure, events=400, weigh=lambda rng, predictions, truth: None):
    def experiment(rng):
        found = energies(rng, events)
        return measure(*found, weigh(rng, *found))

    return experiment


def random_weights(rng, predictions, truth):
    return weighted(rng, truth)


def random_signs(rng, predictions, truth):
    return signs(rng, len(truth))


def weights_that_go_with_the_error(rng, predictions, truth):
    """Move a normal distribution of errors by their exponent, which leaves its width."""
    return np.exp(0.4 * (predictions / truth - 1) / SMEAR)


def passing(*events, efficiency):
    return background_efficiencies(*events, (efficiency,))[0]


SMEAR = 0.1
MEAN_ABSOLUTE = SMEAR * 60 * math.sqrt(2 / math.pi)
ROOT_MEAN_SQUARE = SMEAR * math.sqrt(60**2 + 100**2 / 12)

WIDE = math.sqrt(1.25)  # of the scores of two networks that share most of what they see

CASES = {
    "AUC": (lambda rng: auc_estimate(*two_classes(rng)), area_between(SHIFT)),
    "AUC near 1": (lambda rng: auc_estimate(*two_classes(rng, shift=3)), area_between(3)),
    "AUC of few events": (lambda rng: auc_estimate(*two_classes(rng, 40, 60)), area_between(SHIFT)),
    "AUC of tied scores": (
        rounded_auc,
        0.5 + 0.5 * (NORMAL.cdf(SHIFT - 0.5) - NORMAL.cdf(-0.5)),
    ),
    "AUC with weights": (weighted_auc, area_between(SHIFT)),
    "AUC with weights that go with the score": (tilted(auc_estimate), area_between(SHIFT)),
    # the logits of two classes differ by normal noise of variance 2 around +-SHIFT
    "pair AUC": (pair_auc, area_between(2 * SHIFT / math.sqrt(2))),
    "mean AUC": (
        mean_of_classes,
        of_many(lambda scores, labels: np.mean([area(scores[:, n], labels == n).value for n in range(3)])),
    ),
    "difference of AUCs": (two_networks, area_between(1.5 / WIDE) - area_between(1.3 / WIDE)),
    "rejection at 50 %": (
        lambda rng: rejection_estimate(*two_classes(rng)),
        rejection(0.5),
    ),
    "rejection at 50 % of few signal events": (
        lambda rng: rejection_estimate(*two_classes(rng, 80, 800)),
        rejection(0.5),
    ),
    "rejection at 90 %": (
        lambda rng: rejection_estimate(*two_classes(rng), efficiency=0.9),
        rejection(0.9),
    ),
    "rejection with weights": (weighted_rejection, rejection(0.7)),
    "AUC with negative weights": (signed(auc_estimate), area_between(SHIFT)),
    "AUC with a third of the weights negative": (signed(auc_estimate, 0.33), area_between(SHIFT)),
    "AUC near 1 with negative weights": (signed(auc_estimate, shift=3), area_between(3)),
    "AUC with signs that go with the score": (
        signs_that_go_with_the_score,
        truth_of_signs_that_go_with_the_score(),
    ),
    "difference of AUCs with negative weights": (
        signed_difference,
        area_between(1.5 / WIDE) - area_between(1.3 / WIDE),
    ),
    "background at 50 % with negative weights": (signed(passing, efficiency=0.5), 1 / rejection(0.5)),
    "rejection at 90 % with negative weights": (
        signed(rejection_estimate, efficiency=0.9),
        rejection(0.9),
    ),
    "accuracy with negative weights": (
        signed_of_three(accuracy_estimate),
        of_many(lambda scores, labels: np.mean(scores.argmax(axis=1) == labels)),
    ),
    "log loss with negative weights": (
        signed_of_three(log_loss),
        of_many(lambda scores, labels: log_loss(scores, labels).value),
    ),
    "efficiency": (lambda rng: efficiency_estimate(rng.binomial(500, 0.3), 500), 0.3),
    "efficiency near 0": (lambda rng: efficiency_estimate(rng.binomial(2000, 0.01), 2000), 0.01),
    "accuracy": (
        lambda rng: accuracy_estimate(*three_classes(rng)),
        of_many(lambda scores, labels: np.mean(scores.argmax(axis=1) == labels)),
    ),
    "log loss": (
        lambda rng: log_loss(*three_classes(rng)),
        of_many(lambda scores, labels: log_loss(scores, labels).value),
    ),
    "MAE": (of_energies(mean_absolute_error), MEAN_ABSOLUTE),
    "MAE with negative weights": (
        of_energies(mean_absolute_error, weigh=random_signs),
        MEAN_ABSOLUTE,
    ),
    "RMSE": (of_energies(root_mean_square_error), ROOT_MEAN_SQUARE),
    "RMSE with weights": (of_energies(root_mean_square_error, weigh=random_weights), ROOT_MEAN_SQUARE),
    "RMSE with negative weights": (
        of_energies(root_mean_square_error, weigh=random_signs),
        ROOT_MEAN_SQUARE,
    ),
    "bias": (of_energies(bias), 0.0),
    "bias with negative weights": (of_energies(bias, 1000, random_signs), 0.0),
    "resolution": (of_energies(resolution), SMEAR),
    "resolution with weights": (of_energies(resolution, weigh=random_weights), SMEAR),
    "resolution with weights that go with the error": (
        of_energies(resolution, weigh=weights_that_go_with_the_error),
        SMEAR,
    ),
    "resolution with negative weights": (
        of_energies(resolution, 1000, random_signs),
        SMEAR,
    ),
    "pull mean": (lambda rng: mean_estimate(rng.normal(size=100)), 0.0),
    "pull width": (lambda rng: half_width_estimate(rng.normal(size=300)), 1.0),
    "half width of a skew distribution": (
        lambda rng: half_width_estimate(rng.exponential(size=200)),
        math.log(0.841344746 / 0.158655254) / 2,
    ),
    "median": (lambda rng: quantile_estimate(rng.normal(size=50), 0.5), 0.0),
    "median with weights": (
        lambda rng: quantile_estimate(rng.normal(size=100), 0.5, rng.gamma(2.0, size=100)),
        0.0,
    ),
    "median with negative weights": (
        lambda rng: quantile_estimate(rng.normal(size=500), 0.5, signs(rng, 500)),
        0.0,
    ),
    "quantile in a tail": (
        lambda rng: quantile_estimate(rng.exponential(size=100), 0.9),
        math.log(10),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_interval_covers(name):
    experiment, truth = CASES[name]
    assert coverage(experiment, truth, seed=1) == pytest.approx(68.27, abs=3)


def test_interval_holds_a_truth_near_the_limit_more_often():
    assert coverage(signed(auc_estimate, 0.35, 5), area_between(5), seed=1) > 68


def test_negative_weights_bias_neither_area_nor_curve():
    rng = np.random.default_rng(3)
    areas, shares = [], []
    for _ in range(1000):
        scores, positive = two_classes(rng, 400, 600)
        weights = signs(rng, 1000, 0.3)
        areas.append(auc(scores, positive, weights))
        found = background_efficiencies(scores, positive, weights, (0.7, 0.9))
        shares.append([each.value for each in found])
    truths = (area_between(SHIFT), 1 / rejection(0.7), 1 / rejection(0.9))
    for found, truth in zip((areas, *np.transpose(shares)), truths, strict=True):
        # of one sample's uncertainty
        assert abs(np.mean(found) - truth) < 0.1 * np.std(found)


def test_rejection_needs_the_fluctuation_of_the_cut():
    # without it, as if the cut were given: the interval of the background efficiency alone is too short
    def binomial_alone(rng):
        scores, positive = two_classes(rng, 80, 800)
        cut = np.quantile(scores[positive], 0.5)
        return efficiency_estimate(np.count_nonzero(scores[~positive] >= cut), 800)

    assert coverage(binomial_alone, 1 / rejection(0.5), seed=1) < 60
