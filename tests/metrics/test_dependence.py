"""Distance correlation and differences of distributions, against exact values and their own intervals."""

import math

import numpy as np
import pytest

from dlscan.metrics.dependence import distance_correlation, largest_difference, measure_dependence


def normal(correlation):
    """Distance correlation of two normal numbers (Szekely, Rizzo and Bakirov, 2007, theorem 7)."""
    r = correlation
    above = r * math.asin(r) + math.sqrt(1 - r * r) - r * math.asin(r / 2) - math.sqrt(4 - r * r) + 1
    return math.sqrt(above / (1 + math.pi / 3 - math.sqrt(3)))


def pairs(correlation, events, seed=0):
    one, other = np.random.default_rng(seed).normal(size=(2, events))
    return one, correlation * one + math.sqrt(1 - correlation**2) * other


@pytest.mark.parametrize("correlation", [0.3, -0.7])
def test_distance_correlation_of_normal_numbers_is_the_exact_one(correlation):
    one, other = pairs(correlation, 6000)
    found = distance_correlation(one[:, None], other)
    assert found.value == pytest.approx(normal(abs(correlation)), abs=0.04)
    assert 0.001 < found.down < 0.04


def test_intervals_hold_the_exact_value_as_often_as_they_say():
    held = 0
    for seed in range(100):
        one, other = pairs(0.5, 800, seed)
        found = distance_correlation(one[:, None], other)
        held += found.value - found.down <= normal(0.5) <= found.value + found.up
    assert 55 <= held <= 82


def test_without_dependence_it_is_0_within_its_interval_and_a_parabola_is_seen():
    rng = np.random.default_rng(1)
    one, other = rng.normal(size=(2, 5000))
    found = distance_correlation(one[:, None], other)
    assert found.value - 2 * found.down <= 0.02
    # no correlation, but the one is known from the other
    assert distance_correlation((one**2)[:, None], one).value > 0.4
    # scores of two classes are one number
    table = np.stack([one**2, 1 - one**2], axis=1)
    assert distance_correlation(table, one).value == pytest.approx(
        distance_correlation((one**2)[:, None], one).value, rel=1e-9
    )


def test_the_largest_difference_is_that_of_a_bin_apart():
    rng = np.random.default_rng(2)
    numbers = rng.uniform(size=20_000)
    scores = np.where(numbers > 0.8, 1.0, 0.0) + rng.uniform(size=20_000)
    found = largest_difference(scores[:, None], numbers)
    assert found.value == pytest.approx(1.0, abs=0.01)
    assert largest_difference(rng.uniform(size=(20_000, 1)), numbers).value < 0.05


def test_classes_are_looked_at_one_by_one_and_too_few_events_have_a_reason():
    labels = np.repeat([0, 1], 4000)
    one, other = pairs(0.9, 8000)
    scores = np.where(labels == 0, one, -np.roll(one, 17))[:, None]
    found = measure_dependence(scores, other, labels, {"A": 0, "B": 1}, "z")
    assert found.values["A_z_Dependence"] > 0.8
    assert found.values["B_z_Dependence"] < 0.1
    both = (found.values["A_z_Dependence"] + found.values["B_z_Dependence"]) / 2
    assert found.values["z_Dependence"] == pytest.approx(both)
    few = measure_dependence(scores[:20], other[:20], labels[:20], {"A": 0}, "z")
    assert few.values == {"z_Dependence": None, "z_Difference": None}
    assert "fewer than 64 events" in few.reasons["z_Dependence"]
