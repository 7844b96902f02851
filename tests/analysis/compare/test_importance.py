import itertools

import numpy as np
import pytest

from dlscan.analysis.compare.importance import TOGETHER, importances, levels, noise_shares
from dlscan.errors import ScanError


def grid(*sizes):
    return [np.array(codes) for codes in zip(*itertools.product(*map(range, sizes)), strict=True)]


def test_shares_on_a_grid_are_those_of_the_analysis_of_variance():
    a, b = grid(5, 4)
    rng = np.random.default_rng(4)
    values = 2.0 * a + 1.0 * b + rng.normal(size=20)
    found, left = importances({"b": b, "a": a}, values)
    assert [each.name for each in found] == ["a", "b"]
    means = [
        np.array([values[codes == level].mean() for level in range(codes.max() + 1)]) for codes in (a, b)
    ]
    total = np.sum((values - values.mean()) ** 2)
    squares = [4 * np.sum((means[0] - values.mean()) ** 2), 5 * np.sum((means[1] - values.mean()) ** 2)]
    rest = (total - sum(squares)) / (20 - 8)
    assert found[0].share == pytest.approx((squares[0] - 4 * rest) / total)
    assert found[1].share == pytest.approx((squares[1] - 3 * rest) / total)
    assert left == pytest.approx(1 - found[0].share - found[1].share)
    assert all(each.low <= each.share <= each.high and each.told for each in found)


def test_the_interval_covers_the_true_share_and_chance_is_seldom_exceeded():
    a, b, c = grid(3, 3, 2)
    rng = np.random.default_rng(1)
    effect = 1.5 * (a - 1)
    covered = exceeded = 0
    for _ in range(100):
        values = effect + rng.normal(size=18)
        found = {each.name: each for each in importances({"a": a, "b": b, "c": c}, values)[0]}
        # of the expected sum of squares, which is what the share of one sample fluctuates around
        covered += found["a"].low <= 27 / (27 + 17) <= found["a"].high
        exceeded += found["b"].told
    # about 68 and 5 of 100 are expected
    assert 55 <= covered <= 85
    assert exceeded <= 12


def test_parameters_that_go_together_cannot_be_told_apart():
    a, b = grid(4, 3)
    values = np.random.default_rng(1).normal(size=12) + a
    found, _ = importances({"a": a, "twin": 3 - a, "b": b}, values)
    assert {each.name: each.share is None for each in found} == {
        "a": True,
        "twin": True,
        "b": False,
        TOGETHER: False,
    }
    assert [each.told for each in found if each.share is None] == [False, False]


def test_the_same_numbers_give_the_same_intervals():
    a, b = grid(4, 3)
    values = np.random.default_rng(1).normal(size=12)
    assert importances({"a": a, "b": b}, values) == importances({"a": a, "b": b}, values)


def test_few_models_cannot_tell():
    a, b = grid(2, 2)
    with pytest.raises(
        ScanError,
        match=r"4 models are too few to tell which of 2 parameters matters: .* 3 coefficients.* 6 models",
    ):
        importances({"a": a, "b": b}, np.arange(4.0))


def test_equal_numbers_have_nothing_to_explain():
    a, b = grid(4, 3)
    with pytest.raises(ScanError, match="all models have the same number"):
        importances({"a": a, "b": b}, np.full(12, 0.5))


def test_values_of_a_random_search_are_smooth_and_those_of_a_grid_are_levels():
    drawn = np.exp(np.random.default_rng(1).uniform(0, 7, 40))
    terms, smooth = levels(drawn.tolist(), np.argsort(np.argsort(drawn)).tolist())
    assert smooth
    assert terms.shape == (40, 3)
    # the first is the logarithm, from -1 to 1
    assert np.corrcoef(terms[:, 0], np.log(drawn))[0, 1] == pytest.approx(1)
    assert (terms[:, 0].min(), terms[:, 0].max()) == pytest.approx((-1, 1))
    kept = np.repeat(np.arange(8), 5)
    codes, smooth = levels(kept.tolist(), kept.tolist())
    assert not smooth
    np.testing.assert_array_equal(codes, kept)
    texts = [str(number) for number in range(40)]
    assert not levels(texts, range(40))[1]
    some = [None, *drawn[1:].tolist()]
    terms, smooth = levels(some, range(40))
    assert smooth
    assert not terms[0].any()


def test_an_optimum_within_the_range_is_found_for_numbers_drawn_at_random():
    rng = np.random.default_rng(3)
    x, y, z = rng.random((3, 60))
    values = -((x - 0.4) ** 2) + 0.1 * y + 0.01 * rng.normal(size=60)
    parameters = {
        name: levels(each.tolist(), range(60))[0] for name, each in zip("xyz", (x, y, z), strict=True)
    }
    found = {each.name: each for each in importances(parameters, values)[0]}
    # what both may explain, by the chance correlation of the values that were drawn, is of none alone
    assert 0.5 < found["x"].share < np.var((x - 0.4) ** 2) / np.var(values)
    assert found["y"].share == pytest.approx(np.var(0.1 * y) / np.var(values), abs=0.06)
    assert [found[name].told for name in "xyz"] == [True, True, False]


def among_shared_events(strength, spread, rng):
    """Numbers of 18 models with their covariance: those of the same `a` err alike."""
    a, b, c = grid(3, 3, 2)
    alike = (a[:, None] == a).astype(float)
    covariance = 1.0 + alike + 0.05 * np.eye(len(a))
    noise = np.linalg.cholesky(covariance) @ rng.normal(size=len(a))
    values = strength * (a - 1.0) + noise + spread * rng.normal(size=len(a))
    return {"a": a, "b": b, "c": c}, values, covariance


def expected(strength, spread, covariance):
    """The share of `a` in the expected sum of squares."""
    count = len(covariance)
    own = strength**2 * count * 2 / 3
    return own / (own + np.trace(covariance) - covariance.sum() / count + (count - 1) * spread**2)


@pytest.mark.parametrize("spread", [0.0, 0.5])
@pytest.mark.parametrize("strength", [0.0, 1.0, 3.0])
def test_events_that_all_models_share_are_no_effect(strength, spread):
    rng = np.random.default_rng(2)
    covered = told = others = 0
    for _ in range(100):
        parameters, values, covariance = among_shared_events(strength, spread, rng)
        found = {each.name: each for each in importances(parameters, values, covariance)[0]}
        truth = expected(strength, spread, covariance)
        covered += found["a"].low <= truth <= found["a"].high
        told += found["a"].told
        others += found["b"].told or found["c"].told
    # an effect within the noise is held more often: the upper end is never below what noise alone allows
    assert 58 <= covered <= (80 if strength == 3 else 100)
    assert told <= 7 if strength == 0 else told >= 5
    assert others <= 9


def test_an_interval_is_never_nothing_but_0():
    rng = np.random.default_rng(5)
    for _ in range(30):
        parameters, values, covariance = among_shared_events(0.0, 0.3, rng)
        assert all(each.high > 0.01 for each in importances(parameters, values, covariance)[0])


def test_without_the_events_the_same_numbers_are_taken_for_an_effect():
    rng = np.random.default_rng(2)
    told = 0
    for _ in range(20):
        parameters, values, _ = among_shared_events(0.0, 0.3, rng)
        told += importances(parameters, values)[0][0].told
    assert told > 15


def test_models_that_differ_in_their_seed_alone_have_nothing_to_tell():
    rng = np.random.default_rng(3)
    told = covered = 0
    for _ in range(100):
        a, b, c = (np.repeat(codes, 3) for codes in grid(3, 2, 2))
        models = np.repeat(np.arange(12), 3)
        values = rng.normal(size=36)
        found, _ = importances({"a": a, "b": b, "c": c}, values, models=models)
        told += any(each.told for each in found)
        covered += sum(each.low <= 0 <= each.high for each in found)
    assert told <= 10
    assert covered >= 0.6827 * 300


def test_labels_dealt_at_random_have_nothing_to_tell():
    # real effects, noise that goes with a parameter, but labels of something else
    rng = np.random.default_rng(4)
    told = covered = 0
    for _ in range(100):
        parameters, values, covariance = among_shared_events(2.0, 0.3, rng)
        dealt = {name: rng.permutation(codes) for name, codes in parameters.items()}
        found, _ = importances(dealt, values, covariance)
        told += any(each.told for each in found)
        covered += sum(each.low <= 0 <= each.high for each in found)
    assert told <= 10
    assert covered >= 0.6827 * 300


def test_repeats_tell_noise_from_parameters_that_act_together():
    a, b = (np.repeat(codes, 3) for codes in grid(4, 3))
    models = np.repeat(np.arange(12), 3)
    noise = 0.1 * np.random.default_rng(1).normal(size=36)
    together = np.where((a + b) % 2 == 0, 1.0, -1.0)
    _, left = importances({"a": a, "b": b}, together + noise, models=models)
    events, training = noise_shares(together + noise, models=models)
    assert events is None
    assert training == pytest.approx(0.01, rel=0.4)
    assert left - training > 0.8
    assert noise_shares(together + noise) == (None, None)
    assert noise_shares(together, np.eye(36))[0] == pytest.approx(35 / 36, rel=0.1)


def test_what_nested_parameters_explain_together_is_not_left_over() -> None:
    optimizer = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1])
    momentum = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2])  # 0: the first optimizer has none
    noise = 1e-3 * np.random.default_rng(1).normal(size=12)
    values = np.array([0.9, 0.5, 0.6])[momentum] + noise
    found, left = importances({"optimizer": optimizer, "momentum": momentum}, values)
    shares = {each.name: each.share for each in found}
    assert shares["optimizer"] is None
    assert shares["momentum"] == pytest.approx(0.02 / 0.3467, rel=0.05)
    assert shares[TOGETHER] == pytest.approx(1 - 0.02 / 0.3467, rel=0.05)
    assert left < 0.01
