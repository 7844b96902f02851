import numpy as np
import pytest

from dlscan.config import Normalization
from dlscan.dataset import RANKS, Statistics
from dlscan.errors import ConfigError
from dlscan.models import keras
from dlscan.models.normalize import normalize

RAW = np.array([[-3.0, 0.0, 4.0], [0.5, 2.0, 1e-6], [1.0, 2.0, 700.0]], np.float32)
WHOLE = Statistics((2.0,), (4.0,), (-3.0,), (700.0,), magnitude=5.0, occupancy=0.9)
EACH = Statistics((-0.5, 1.0, 2.0), (2.0, 1.0, 8.0), (-3.0, 0.0, 0.0), (1.0, 2.0, 700.0), 5.0, 0.9)


def run(how, measured, raw=RAW):
    given = keras.Input(raw.shape[1:])
    network = keras.Model(given, normalize(given, how, measured))
    return network.predict_on_batch(raw)


def signed_log(x):
    return np.sign(x) * np.log1p(np.abs(x))


@pytest.mark.parametrize(
    ("kind", "factor", "expected"),
    [
        ("none", None, RAW),
        ("none", 3.0, RAW * 3),
        ("scale", None, RAW / 5),
        ("scale", 100.0, RAW * 100),
        ("standard", None, (RAW - 2) / 4),
        ("standard", 100.0, (RAW - 2) / 4),
        ("minmax", None, (RAW + 3) / 703),
        ("minmax", 0.01, (RAW + 3) / 703),
        ("log", None, signed_log(RAW)),
        ("log", 100.0, signed_log(100 * RAW)),
        ("tanh-log", None, np.tanh(signed_log(RAW) / 2)),
        ("tanh-log", 100.0, np.tanh(signed_log(100 * RAW) / 2)),
    ],
)
def test_normalization_of_an_input_follows_its_formula(kind, factor, expected):
    result = run(Normalization(kind, factor), WHOLE)

    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=2e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("standard", (RAW - [-0.5, 1, 2]) / [2, 1, 8]),
        ("minmax", (RAW - [-3, 0, 0]) / [4, 2, 700]),
    ],
)
def test_normalization_of_a_vector_treats_each_feature_by_its_own_statistics(kind, expected):
    np.testing.assert_allclose(run(Normalization(kind), EACH), expected, rtol=2e-6)


def quantiles(*features):
    """Statistics of these training values of each feature."""
    found = [np.quantile(values, RANKS) for values in features]
    ends = tuple(map(min, features)), tuple(map(max, features))
    zeros = (0.0,) * len(features)
    return Statistics(zeros, zeros, *ends, 1.0, 1.0, tuple(tuple(map(float, one)) for one in found))


def ranks(values, training):
    return (np.interp(values, np.quantile(training, RANKS), RANKS) - 0.5) * np.sqrt(12)


def test_quantile_gives_each_feature_its_rank_among_the_training_events_however_wild_it_is():
    rng = np.random.default_rng(1)
    wild, far = np.exp(20 * rng.normal(size=5000)), 1e5 + rng.normal(size=5000)
    raw = np.column_stack([wild, far]).astype(np.float32)
    made = run(Normalization("quantile"), quantiles(wild, far), raw)

    expected = np.column_stack([ranks(raw[:, 0], wild), ranks(raw[:, 1], far)])
    np.testing.assert_allclose(made, expected, atol=5e-3)
    np.testing.assert_allclose(made.std(axis=0), 1, atol=0.1)


def test_quantile_ends_where_the_training_values_end():
    training = np.linspace(-1, 1, 1001)
    raw = np.array([[-1e30], [-1], [0], [1], [1e30]], np.float32)
    made = run(Normalization("quantile"), quantiles(training), raw)
    np.testing.assert_allclose(made.ravel(), np.array([-1, -1, 0, 1, 1]) * 3**0.5, atol=1e-5)


def test_quantile_gives_a_value_that_many_events_have_their_mean_rank():
    """Four fifths of the values are zero, the least: their ranks are from 0 to 0.8, the mean is 0.4."""
    training = np.concatenate([np.zeros(800), np.linspace(1, 2, 200)])
    made = run(Normalization("quantile"), quantiles(training), np.zeros((2, 1), np.float32))
    np.testing.assert_allclose(made, -0.1 * np.sqrt(12), atol=0.06)


def test_quantile_of_a_number_per_event_and_of_a_constant():
    training = np.linspace(0, 4, 1001)
    made = run(Normalization("quantile"), quantiles(training), np.array([2, 4], np.float32))
    np.testing.assert_allclose(made, [0, 3**0.5], atol=1e-5)
    constant = run(Normalization("quantile"), quantiles(np.full(9, 7.0)), np.array([7, 7], np.float32))
    np.testing.assert_allclose(constant, 0, atol=0.1)


def test_quantile_needs_quantiles():
    with pytest.raises(ConfigError, match="quantile needs a vector"):
        run(Normalization("quantile"), WHOLE)


@pytest.mark.parametrize("kind", ["standard", "minmax"])
def test_normalization_leaves_a_constant_feature_finite(kind):
    # the third varies only by what summing in floating point makes of a constant
    constant = Statistics((7.0, 0.0, 0.1), (0.0, 0.0, 1e-12), (7.0, 0.0, 0.1), (7.0, 0.0, 0.1), 0.0, 1.0)
    raw = np.array([[7.0, 0.0, 0.1], [8.0, 1.0, 1.1]], np.float32)

    np.testing.assert_allclose(run(Normalization(kind), constant, raw), [[0, 0, 0], [1, 1, 1]], atol=1e-6)


def test_scale_of_an_input_that_is_always_zero_stays_finite():
    empty = Statistics((0.0,), (0.0,), (0.0,), (0.0,), magnitude=0.0, occupancy=0.0)

    np.testing.assert_array_equal(run(Normalization("scale"), empty), RAW)


def test_standard_keeps_the_digits_of_values_far_from_zero():
    far = Statistics((1e6,), (0.5,), (1e6 - 1,), (1e6 + 1,), 1e6, 1.0)
    raw = np.array([[1e6 - 0.5, 1e6, 1e6 + 0.25]], np.float32)

    np.testing.assert_array_equal(run(Normalization("standard"), far, raw), [[-1.0, 0.0, 0.5]])


def test_standard_scales_values_that_are_tiny():
    tiny = Statistics((1e-9,), (1e-10,), (0.0,), (2e-9,), 1e-9, 1.0)
    raw = np.array([[1e-9, 1.2e-9]], np.float32)

    np.testing.assert_allclose(run(Normalization("standard"), tiny, raw), [[0, 2]], rtol=1e-5, atol=1e-5)


def test_normalization_that_is_not_known_is_an_error():
    with pytest.raises(ConfigError, match="'cubic' is not a normalisation"):
        run(Normalization("cubic"), WHOLE)
