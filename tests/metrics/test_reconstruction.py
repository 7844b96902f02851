"""Reconstructions: toys whose areas are known."""

import numpy as np
import pytest

from dlscan.errors import DataError
from dlscan.metrics import code_distances, measure_reconstruction

CLASSES = ("Known", "Odd", "Wide")
EVENTS = 20_000


def toy(shift, numbers, seed=1):
    """Normal numbers, the same shifted, and of twice the width; x^2 of each event, and labels."""
    rng = np.random.default_rng(seed)
    known, odd, wide = rng.normal(size=(3, EVENTS, numbers))
    x = np.concatenate([known, odd + shift / numbers**0.5, 2 * wide])
    return (x**2).mean(axis=1), np.repeat([0, 1, 2], EVENTS), x


@pytest.mark.parametrize(
    ("numbers", "shift", "area", "doubled"),
    [(2, 2.0, 0.8161, 0.8), (10, 2.0, 0.7049, 0.9804), (10, 3.0, 0.8590, 0.9804)],
)
def test_anomalies_of_which_the_area_is_known(numbers, shift, area, doubled):
    errors, labels, x = toy(shift, numbers)
    found = measure_reconstruction(errors, labels, CLASSES, ["Known"], None, code_distances(x, x[:EVENTS]))
    for name, expected in (("Odd", area), ("Wide", doubled)):
        for column in (f"{name}_Anomaly_AUC", f"{name}_Code_AUC"):
            # four standard deviations
            assert abs(found.values[column] - expected) < 4 * found.errors[column][0] + 1e-4
    mean = found.values["Odd_Anomaly_AUC"] / 2 + found.values["Wide_Anomaly_AUC"] / 2
    assert found.values["Mean_Anomaly_AUC"] == pytest.approx(mean)
    # of the known ones alone: the mean of x^2 is 1
    assert abs(found.values["Reconstruction_MSE"] - 1) < 4 * found.errors["Reconstruction_MSE"][0]


def test_without_anomalies_there_is_only_the_error():
    errors, labels, _ = toy(1.0, 3)
    found = measure_reconstruction(errors, labels, CLASSES)
    assert found.values == {"Reconstruction_MSE": pytest.approx(errors.mean())}


def test_classes_without_events_have_a_reason_and_weights_count():
    errors, labels, _ = toy(1.0, 3)
    weights = np.where(labels == 1, 0.0, 2.0)
    found = measure_reconstruction(errors, labels, CLASSES, ["Known"], weights)
    assert found.values["Odd_Anomaly_AUC"] is None
    assert "no events of Odd" in found.reasons["Odd_Anomaly_AUC"]
    assert found.values["Mean_Anomaly_AUC"] == found.values["Wide_Anomaly_AUC"]


def test_distances_are_in_units_of_the_spread_and_ignore_numbers_that_never_differ():
    rng = np.random.default_rng(2)
    known = rng.normal(5, [1.0, 10.0], (EVENTS, 2)) @ [[1.0, 0.5], [0.0, 1.0]]
    known = np.column_stack([known, np.full(EVENTS, 7.0)])
    distances = code_distances(known, known)
    assert np.mean(distances**2) == pytest.approx(1, rel=1e-3)
    assert code_distances(known[:5], known[:1]).tolist() == [0.0] * 5


def test_errors_that_are_not_finite_are_told():
    errors, labels, _ = toy(1.0, 3)
    errors[5] = np.inf
    with pytest.raises(DataError, match="errors of 1 of"):
        measure_reconstruction(errors, labels, CLASSES, ["Known"])
