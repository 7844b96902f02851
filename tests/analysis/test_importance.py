import itertools

import numpy as np
import pytest

from dlscan.analysis.importance import importances, levels
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
    assert {each.name: each.share is None for each in found} == {"a": True, "twin": True, "b": False}
    assert [each.told for each in found if each.share is None] == [False, False]


def test_the_same_numbers_give_the_same_intervals():
    a, b = grid(4, 3)
    values = np.random.default_rng(1).normal(size=12)
    assert importances({"a": a, "b": b}, values) == importances({"a": a, "b": b}, values)


def test_few_models_cannot_tell():
    a, b = grid(2, 2)
    with pytest.raises(
        ScanError, match=r"4 models cannot tell which of 2 parameters matters: 3 numbers .* 6 models"
    ):
        importances({"a": a, "b": b}, np.arange(4.0))


def test_equal_numbers_have_nothing_to_explain():
    a, b = grid(4, 3)
    with pytest.raises(ScanError, match="all models have the same number"):
        importances({"a": a, "b": b}, np.full(12, 0.5))


def test_values_of_a_random_search_go_into_groups_and_those_of_a_grid_do_not():
    drawn = np.random.default_rng(1).random(40)
    codes, grouped = levels(drawn.tolist(), np.argsort(np.argsort(drawn)).tolist())
    assert grouped
    assert np.bincount(codes).tolist() == [10, 10, 10, 10]
    assert (np.diff(codes[np.argsort(drawn)]) >= 0).all()
    kept = np.repeat(np.arange(8), 5)
    codes, grouped = levels(kept.tolist(), kept.tolist())
    assert not grouped
    np.testing.assert_array_equal(codes, kept)
    texts = [str(number) for number in range(40)]
    assert not levels(texts, range(40))[1]
