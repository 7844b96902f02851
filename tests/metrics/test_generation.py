"""Generated events against real ones, where the answer is known."""

import numpy as np
import pytest
from scipy.stats import norm, wasserstein_distance

from dlscan.errors import DataError
from dlscan.metrics.generation import distance, measure_generation, twosample
from dlscan.trees.twosample import twosample_scores


def sample(events, shift, seed=1):
    """Two observables, of which one is of two columns; generated events are shifted in the first."""
    rng = np.random.default_rng(seed)
    real, made = rng.normal(size=(2, events, 3)).astype(np.float32)
    made[:, 0] += shift
    kept = {f"{part}_x": own[:, :1] for part, own in (("real", real), ("generated", made))}
    kept |= {f"{part}_Layers": own[:, 1:] for part, own in (("real", real), ("generated", made))}
    weights = np.ones(events, np.float32)
    return kept | {"twosample": twosample_scores(real, made, weights)}, weights


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.0])
def test_a_fresh_classifier_finds_the_area_of_two_shifted_gaussians(shift):
    kept, weights = sample(6000, shift)
    measured = measure_generation(kept, weights)

    best = norm.cdf(shift / 2**0.5)
    down, up = measured.errors["Twosample_AUC"]
    # no classifier beats the likelihood ratio, and this one is light
    assert best - 2.5 * up - 0.01 < measured.values["Twosample_AUC"] < best + 2.5 * down
    # half of the events judge
    assert np.isfinite(kept["twosample"]).all(axis=1).sum() == 3000
    assert 0.001 < up < 0.02


def test_the_classifier_is_the_same_each_time_and_has_not_seen_what_it_judges():
    one, other = (sample(400, 0.0)[0]["twosample"] for _ in range(2))
    np.testing.assert_array_equal(one, other)
    # with its training events a hundred trees would tell nearly all of them apart
    assert twosample(sample(400, 0.0)[0], np.ones(400)).value == pytest.approx(0.5, abs=0.12)


def test_a_distance_is_that_of_wasserstein_in_units_of_the_spread():
    kept, weights = sample(5000, 0.7)
    real, made = (kept[f"{part}_x"][:, 0].astype(float) for part in ("real", "generated"))
    found = distance(kept, "x", weights.astype(float))
    assert found.value == pytest.approx(wasserstein_distance(real, made) / real.std(), rel=1e-6)
    assert found.value == pytest.approx(0.7, abs=0.05)
    weighed = np.random.default_rng(2).uniform(0.5, 2, 5000)
    expected = wasserstein_distance(real, made, weighed, weighed)
    spread = np.sqrt(np.cov(real, aweights=weighed, ddof=0))
    assert distance(kept, "x", weighed).value == pytest.approx(expected / spread, rel=1e-6)
    measured = measure_generation(kept, weights).values
    assert list(measured) == ["Twosample_AUC", "x_Distance", "Layers_Distance", "Correlation_Distance"]
    assert measured["Layers_Distance"] < 0.05 < measured["x_Distance"]


def test_the_interval_of_a_distance_covers_it():
    inside = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        kept = {"real_x": rng.normal(size=(300, 1)), "generated_x": rng.normal(1.0, 1.0, (300, 1))}
        found = distance(kept, "x", np.ones(300)).estimate
        # in units of the spread that is known here
        inside += abs(found.value * kept["real_x"].std() - 1.0) < found.up * kept["real_x"].std()
    # two thirds, within three standard deviations of 200 trials
    assert abs(inside / 200 - 0.6827) < 0.1


def test_correlations_that_differ_are_seen():
    rng = np.random.default_rng(1)
    real = rng.normal(size=(4000, 2))
    made = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 4000)
    kept = {"real_x": 1e4 + real, "generated_x": 1e4 + made, "twosample": np.full((4000, 2), np.nan)}
    measured = measure_generation(kept, np.ones(4000))
    assert measured.values["Correlation_Distance"] == pytest.approx(0.6, abs=4 * 0.02)
    down, up = measured.errors["Correlation_Distance"]
    assert 0.005 < down == up < 0.04


def test_what_has_no_number_says_why():
    kept, weights = sample(12, 0.0)
    assert measure_generation(kept, weights).reasons["x_Distance"] == "fewer than 20 effective events"
    kept["generated_x"][3] = np.nan
    with pytest.raises(DataError, match="x of 1 of 12 generated events is not finite"):
        measure_generation(kept, weights)


def test_an_observable_that_is_always_the_same_has_no_distance():
    kept = {"real_x": np.full((50, 1), 3.0), "generated_x": np.full((50, 1), 3.0)}
    assert distance(kept, "x", np.ones(50)).value == 0
