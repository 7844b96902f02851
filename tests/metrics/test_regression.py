import math

import numpy as np
import pytest

from dlscan.errors import DataError
from dlscan.metrics import (
    bias,
    half_width_estimate,
    in_bins_of_truth,
    mean_absolute_error,
    measure_regression,
    measure_regression_validation,
    quantile_estimate,
    quantiles,
    resolution,
    root_mean_square_error,
)

NAMES = ("Energy", "Theta")


def sample(seed=1, events=400, weighted=False):
    """Two targets that are predicted to 10 % and 5 %, and the uncertainties of the predictions."""
    rng = np.random.default_rng(seed)
    truth = np.stack([rng.uniform(10, 110, events), rng.uniform(1, 3, events)], axis=1)
    sigmas = truth * (0.1, 0.05)
    predictions = truth + sigmas * rng.normal(size=truth.shape)
    return predictions, truth, rng.gamma(2.0, size=events) if weighted else None, sigmas


def test_names_are_these_and_each_number_has_an_interval():
    predictions, truth, weights, sigmas = sample()
    plain = [f"{name}_{what}" for name in NAMES for what in ("MAE", "RMSE", "Bias", "Resolution")]
    plain.append("Mean_MAE")
    assert list(measure_regression(predictions, truth, NAMES).values) == plain
    measured = measure_regression(predictions, truth, NAMES, weights, sigmas)
    pulls = [f"{name}_{what}" for name in NAMES for what in ("Pull_Mean", "Pull_Width")]
    assert sorted(measured.values) == sorted(plain + pulls)
    assert set(measured.errors) == set(measured.values)
    assert measured.reasons == {}
    validation = measure_regression_validation(predictions, truth, NAMES, weights, sigmas)
    assert validation.values == {f"val_{name}": value for name, value in measured.values.items()}
    assert validation.errors == {f"val_{name}": error for name, error in measured.errors.items()}


def test_numbers_of_a_normal_smearing_are_known():
    predictions, truth, _, sigmas = sample(events=100_000)
    measured = measure_regression(predictions, truth, NAMES, None, 2 * sigmas)
    shifted = measure_regression(predictions + 2.0, truth, NAMES)
    for found, name, value in (
        (measured, "Energy_Resolution", 0.1),
        (measured, "Energy_Pull_Mean", 0.0),
        (measured, "Energy_Pull_Width", 0.5),
        (measured, "Theta_MAE", 0.05 * 2 * math.sqrt(2 / math.pi)),
        (measured, "Theta_RMSE", 0.05 * math.sqrt(4 + 1 / 3)),
        (measured, "Theta_Bias", 0.0),
        (measured, "Theta_Resolution", 0.05),
        (shifted, "Energy_Bias", 2.0),
    ):
        down, up = found.errors[name]
        assert abs(found.values[name] - value) < 4 * max(down, up), name
        assert 0 < max(down, up) < 0.02 * (value or 1), name


def test_mean_of_several_targets_is_in_units_of_their_spread():
    predictions, truth, weights, _ = sample(weighted=True)
    measured = measure_regression(predictions, truth, NAMES, weights)
    spreads = [math.sqrt(np.cov(truth[:, number], aweights=weights, ddof=0)) for number in (0, 1)]
    parts = [measured.values[f"{name}_MAE"] / spread for name, spread in zip(NAMES, spreads, strict=True)]
    assert measured.values["Mean_MAE"] == pytest.approx(np.mean(parts))
    # in any unit
    other = measure_regression(predictions * (1000, 1), truth * (1000, 1), NAMES, weights)
    assert other.values["Mean_MAE"] == pytest.approx(measured.values["Mean_MAE"])
    assert other.errors["Mean_MAE"] == pytest.approx(measured.errors["Mean_MAE"])
    # the same error twice tells no more than once
    twice = measure_regression(predictions[:, [0, 0]], truth[:, [0, 0]], NAMES, weights)
    expected = np.array(measured.errors["Energy_MAE"]) / spreads[0]
    assert twice.errors["Mean_MAE"] == pytest.approx(expected.tolist())
    alone = measure_regression(predictions[:, :1], truth[:, :1], ["Energy"])
    assert "Mean_MAE" not in alone.values
    truth[:, 1] = 2.0
    assert measure_regression(predictions, truth, NAMES).reasons == {
        "Mean_MAE": "the true values of a target have no spread"
    }


def test_numbers_of_a_few_events_by_hand():
    predictions, truth, weights = [11.0, 18.0, 33.0], [10.0, 20.0, 30.0], [1.0, 1.0, 2.0]
    assert mean_absolute_error(predictions, truth, weights).value == pytest.approx((1 + 2 + 6) / 4)
    assert root_mean_square_error(predictions, truth, weights).value == pytest.approx(math.sqrt(23 / 4))
    assert bias(predictions, truth, weights).value == pytest.approx((1 - 2 + 6) / 4)
    # standard error of a mean of three
    found = bias(predictions, truth)
    assert found.up == pytest.approx(np.std([1, -2, 3], ddof=1) / math.sqrt(3))
    # a share of 1/6, 1/2 and 5/6 lies below the three values
    assert quantiles([0.9, 1.1, 1.1, 1.3], (0.125, 0.5, 0.3125, 1)).tolist() == pytest.approx(
        [0.9, 1.1, 1.0, 1.3]
    )


@pytest.mark.parametrize("most", [1, 4])
def test_width_equals_that_of_numpy_s_quantiles(most):
    predictions, truth, _, _ = sample(events=3000)
    times = np.random.default_rng(2).integers(1, most + 1, 3000)
    ratio = np.repeat(predictions[:, 0] / truth[:, 0], times)
    low, high = np.quantile(ratio, (0.158655254, 0.841344746), method="hazen")
    found = resolution(predictions[:, 0], truth[:, 0], times)
    assert found.value == pytest.approx((high - low) / 2, rel=2e-3 if most > 1 else 1e-12)


def test_far_tails_change_the_root_mean_square_and_not_the_resolution():
    predictions, truth, _, _ = sample()
    wild = predictions.copy()
    wild[:8] = 50 * truth[:8]
    before, after = (measure_regression(each, truth, NAMES).values for each in (predictions, wild))
    assert after["Energy_RMSE"] > 20 * before["Energy_RMSE"]
    assert after["Energy_Resolution"] == pytest.approx(before["Energy_Resolution"], rel=0.1)


def test_weight_two_is_the_same_as_the_event_twice():
    predictions, truth, _, sigmas = sample(events=200)
    twice = np.repeat(np.arange(200), 2)
    doubled = measure_regression(predictions[twice], truth[twice], NAMES, None, sigmas[twice])
    weighted = measure_regression(predictions, truth, NAMES, np.full(200, 2.0), sigmas)
    assert weighted.values == pytest.approx(doubled.values)
    # but not as sure of it
    for name in weighted.values:
        assert weighted.errors[name] > doubled.errors[name], name


def test_negative_weights_take_away_events():
    predictions, truth, _, sigmas = sample(events=300)
    # events of another kind, which the ones of negative weight cancel
    more = np.concatenate([predictions, 3 * predictions[:50], 3 * predictions[:50]])
    numbers = np.r_[np.arange(300), np.arange(50), np.arange(50)]
    weights = np.r_[np.ones(300), np.ones(50), -np.ones(50)]
    found = measure_regression(more, truth[numbers], NAMES, weights, sigmas[numbers])
    expected = measure_regression(predictions, truth, NAMES, None, sigmas)
    assert found.values == pytest.approx(expected.values, abs=1e-9)
    assert found.errors["Energy_MAE"] > expected.errors["Energy_MAE"]


def test_every_number_is_within_its_range_or_has_a_reason():
    for seed in range(200):
        rng = np.random.default_rng(seed)
        predictions, truth, _, sigmas = sample(seed, events=30)
        weights = np.where(rng.random(30) < 0.4, -1.0, 1.0) * rng.gamma(1.0, size=30)
        measured = measure_regression(predictions, truth, NAMES, weights, sigmas)
        assert set(measured.values) == set(measured.errors) | set(measured.reasons)
        for name, value in measured.values.items():
            if value is None:
                assert measured.reasons[name]
                continue
            down, up = measured.errors[name]
            assert down >= 0, name
            assert up >= 0, name
            assert math.isfinite(down + up), name
            if not name.endswith(("Bias", "Pull_Mean")):
                assert 0 <= value - down <= value, name


@pytest.mark.parametrize(
    ("truth", "weights", "name", "reason"),
    [
        ([10.0] * 19 + [0.0], None, "Energy_Resolution", "1 of 20 true values are 0 or negative: no"),
        ([-10.0] * 20, None, "Energy_Resolution", "20 of 20 true values are 0 or negative: no"),
        ([10.0] * 20, [0.0] * 20, "Energy_MAE", "no events with weights other than 0"),
        ([10.0] * 20, [0.0] * 20, "Energy_Resolution", "no events with weights other than 0"),
        (
            [10.0] * 20,
            [1.0] * 9 + [-1.0] * 11,
            "Energy_Bias",
            "the weights of all events add up to -2, which",
        ),
        ([10.0], None, "Energy_RMSE", "fewer than 2 effective events"),
        ([10.0] * 9, None, "Energy_Resolution", "fewer than 10 effective events"),
        ([], None, "Energy_Pull_Mean", "no events with weights other than 0"),
        ([10.0] * 9, None, "Energy_Pull_Width", "fewer than 10 effective events"),
    ],
)
def test_every_number_that_is_missing_has_a_reason(truth, weights, name, reason):
    targets = np.array(truth).reshape(-1, 1)
    predictions = targets + np.random.default_rng(1).normal(size=targets.shape)
    measured = measure_regression(predictions, targets, ["Energy"], weights, np.ones(targets.shape))
    assert measured.values[name] is None
    assert measured.reasons[name].startswith(reason)
    assert name not in measured.errors
    assert {key for key, value in measured.values.items() if value is None} == set(measured.reasons)


@pytest.mark.parametrize("weight", [0.1, 0.3, 7.0])
def test_equal_weights_are_as_many_events_as_they_are(weight):
    predictions, truth, _, _ = sample(events=10)
    for events in (2, 3, 10):
        measured = measure_regression(predictions[:events], truth[:events], NAMES, np.full(events, weight))
        assert measured.values["Energy_MAE"] is not None
        assert (measured.values["Energy_Resolution"] is not None) == (events == 10)


def test_a_true_value_of_0_costs_the_resolution_alone():
    predictions, truth, _, _ = sample()
    truth[0, 0] = 0.0
    measured = measure_regression(predictions, truth, NAMES)
    assert list(measured.reasons) == ["Energy_Resolution"]


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.nan, np.inf])
def test_there_is_no_pull_of_an_uncertainty_that_is_none(wrong):
    predictions, truth, _, sigmas = sample()
    sigmas[3, 1] = wrong
    measured = measure_regression(predictions, truth, NAMES, None, sigmas)
    why = "1 of 400 predicted uncertainties are not finite and above 0"
    assert measured.reasons == {"Theta_Pull_Mean": why, "Theta_Pull_Width": why}


@pytest.mark.parametrize(("which", "message"), [(0, "predictions are not finite; a net"), (1, "true values")])
def test_what_is_not_finite_is_an_error(which, message):
    events = sample()[:2]
    events[which][5, 0] = np.inf
    with pytest.raises(DataError, match=f"1 of 400 {message}"):
        measure_regression(*events, NAMES)


def test_other_shapes_are_a_mistake_of_the_program():
    predictions, truth, _, _ = sample()
    with pytest.raises(ValueError, match=r"for 1 targets"):
        measure_regression(predictions, truth, ["Energy"])
    with pytest.raises(ValueError, match=r"both have shape \(N,\)"):
        bias(predictions, truth)


def test_bins_of_truth_have_the_numbers_of_their_events():
    predictions, truth, weights, _ = (
        each[:, 0] if each.ndim == 2 else each for each in sample(weighted=True)
    )
    edges = [10, 40, 110, 500]
    first, second, empty = in_bins_of_truth(predictions, truth, edges, weights)
    here = truth < 40
    events = predictions[here], truth[here], weights[here]
    assert (first.low, first.high, first.events) == (10, 40, here.sum())
    assert first.mean == pytest.approx(np.average(truth[here], weights=weights[here]))
    assert first.mae == mean_absolute_error(*events)
    assert first.rmse == root_mean_square_error(*events)
    assert first.bias == bias(*events)
    assert first.resolution == resolution(*events)
    ratio = predictions[here] / truth[here]
    assert first.median == quantile_estimate(ratio, 0.5, weights[here])
    assert (first.band[1] - first.band[0]) / 2 == pytest.approx(
        half_width_estimate(ratio, weights[here]).value
    )
    assert second.events == 400 - here.sum()
    assert (empty.events, empty.mean, empty.mae, empty.resolution, empty.median, empty.band) == (
        0,
        305,
        *(None,) * 4,
    )


def test_last_bin_holds_its_upper_edge_and_events_outside_are_left_out():
    truth = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    found = in_bins_of_truth(truth, truth, [2, 3, 4])
    assert [each.events for each in found] == [1, 2]


def test_what_is_measured_is_json(tmp_path):
    from dlscan.files import read_json, write_json

    measured = measure_regression(*sample(events=12)[:2], NAMES)
    write_json(tmp_path / "m.json", [measured.values, measured.errors, measured.reasons])
    assert read_json(tmp_path / "m.json") == [measured.values, measured.errors, measured.reasons]
