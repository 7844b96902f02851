import math

import numpy as np
import pytest
from scipy.optimize import curve_fit

from dlscan.metrics import Estimate, fit_resolution, in_bins_of_truth

ENERGIES = np.linspace(10, 110, 12)


def curve(energies, a, b, c):
    return np.sqrt(a**2 / energies + b**2 + c**2 / energies**2)


def measured(values, relative=0.03):
    """Resolutions with an interval that is symmetric in the logarithm, as `resolution` has."""
    factor = math.exp(relative)
    return [Estimate(value, value - value / factor, value * factor - value) for value in values]


@pytest.mark.parametrize(
    "parameters", [(0.5, 0.02, 0.3), (0.5, 0.0, 0.0), (0.0, 0.05, 0.0), (0.0, 0.02, 1.0)]
)
def test_points_on_a_curve_give_its_parameters(parameters):
    found = fit_resolution(ENERGIES, measured(curve(ENERGIES, *parameters)))
    for each, truth in zip((found.stochastic, found.constant, found.noise), parameters, strict=True):
        assert each.value == pytest.approx(truth, abs=1e-3)
        # what is not there has an upper limit
        assert each.up > 0
        assert (each.down == 0) == (each.value == 0)
    assert found.chi2 == pytest.approx(0, abs=1e-4)
    assert found.degrees == 9
    np.testing.assert_allclose(
        found.at([20.0, 300.0]), curve(np.array([20.0, 300.0]), *parameters), rtol=1e-3
    )


def test_intervals_are_those_of_a_fit_of_the_curve_where_no_parameter_is_near_0():
    parameters = 0.9, 0.06, 2.0
    values = curve(ENERGIES, *parameters)
    found = fit_resolution(ENERGIES, measured(values, 0.002))
    _, covariance = curve_fit(curve, ENERGIES, values, parameters, 0.002 * values, absolute_sigma=True)
    for each, error in zip(
        (found.stochastic, found.constant, found.noise), np.sqrt(np.diag(covariance)), strict=True
    ):
        assert each.down == pytest.approx(error, rel=0.1)
        assert each.up == pytest.approx(error, rel=0.1)


def test_intervals_cover_and_the_curve_is_not_biased():
    parameters = 0.5, 0.03, 0.0
    rng = np.random.default_rng(1)
    held, at_50, chi2 = [], [], []
    for _ in range(150):
        truth = rng.uniform(10, 110, 2000)
        predictions = truth * (1 + curve(truth, *parameters) * rng.normal(size=2000))
        bins = in_bins_of_truth(predictions, truth, np.quantile(truth, np.linspace(0, 1, 9)))
        found = fit_resolution([each.mean for each in bins], [each.resolution for each in bins])
        pairs = zip((found.stochastic, found.constant, found.noise), parameters, strict=True)
        held.append([each.value - each.down <= true <= each.value + each.up for each, true in pairs])
        at_50.append(found.at([50.0])[0] / curve(50.0, *parameters))
        chi2.append(found.chi2)
    assert np.mean(at_50) == pytest.approx(1, abs=3 * np.std(at_50) / math.sqrt(150))
    assert np.mean(chi2) == pytest.approx(5, rel=0.25)
    stochastic, constant, noise = 100 * np.mean(held, axis=0)
    assert stochastic == pytest.approx(68, abs=12)
    assert constant == pytest.approx(68, abs=12)
    # whose true value is at the limit
    assert noise > 75


def test_two_bins_are_too_few_for_three_parameters():
    values = measured([0.1, 0.08, 0.05])
    assert fit_resolution([10, 20, 30], values) is not None
    assert fit_resolution([10, 20], values[:2]) is None
    # a bin where every ratio is the same has no interval
    assert fit_resolution([10, 20, 30], [*values[:2], Estimate(0.0, 0.0, 0.0)]) is None
