"""Bins of features: where their borders are."""

import numpy as np
import pytest

from dlscan.trees.bins import Bins


def numbers(values: list[float], most: int) -> list[float]:
    features = np.array(values, np.float32)[:, None]
    return Bins(features, most).numbers(features)[:, 0].tolist()


def test_few_values_have_a_bin_each_and_no_value_has_none() -> None:
    assert numbers([3, 1, 1, 7, np.nan, 3], 3)[:4] == [1, 0, 0, 2]
    assert np.isnan(numbers([3, 1, 1, 7, np.nan, 3], 3)[4])
    assert numbers([2, 2], 255) == [0, 0]


def test_many_values_fill_bins_equally() -> None:
    values = np.random.default_rng(0).permutation(1000).astype(float).tolist()
    assert np.bincount(np.array(numbers(values, 4), int)).tolist() == [250, 250, 250, 250]
    # half of them are one value, which is not parted
    assert sorted(set(numbers([0.0] * 500 + values[:500], 4))) == [0, 2, 3]


def test_border_parts_events_as_the_numbers_of_bins_do() -> None:
    rng = np.random.default_rng(1)
    features = np.stack([rng.normal(size=600), rng.integers(0, 3, 600)], axis=1).astype(np.float32)
    bins = Bins(features, 16)
    found = bins.numbers(features)
    for feature, cut in ((0, 0.5), (0, 7.0), (0, 14.5), (1, 0.5), (1, 1.0)):
        border = bins.border(np.array([feature]), np.array([cut]))[0]
        assert np.array_equal(found[:, feature] <= cut, features[:, feature].astype(float) <= border)
    # events without a value are parted from all others
    assert bins.border(np.array([0, 1]), np.array([np.inf, np.inf])).tolist() == [np.inf, np.inf]


@pytest.mark.parametrize("events", [200_000, 400_001])
def test_borders_follow_from_events_all_over_the_split(events: int) -> None:
    features = np.arange(events, dtype=np.float32)[:, None]
    counts = np.bincount(Bins(features, 10).numbers(features)[:, 0].astype(int))
    assert counts == pytest.approx([events / 10] * 10, rel=1e-3)
