import numpy as np
import pytest

from dlscan.errors import DataError
from dlscan.metrics import background_efficiencies, rejection_estimate, roc_curve


def sample(seed, signal=400, background=600, shift=1.0):
    rng = np.random.default_rng(seed)
    positive = np.arange(signal + background) < signal
    return rng.normal(size=len(positive)) + shift * positive, positive, rng.gamma(2.0, size=len(positive))


@pytest.mark.parametrize("efficiency", [0.5, 0.7, 0.9])
@pytest.mark.parametrize("weighted", [False, True])
def test_rejection_is_read_off_the_roc_curve(efficiency, weighted):
    scores, positive, weights = sample(1)
    weights = weights if weighted else None
    signal, background, _ = roc_curve(scores, positive, weights)
    first = np.flatnonzero(signal >= efficiency)[0]
    found = rejection_estimate(scores, positive, weights, efficiency)
    assert 1 / found.value == pytest.approx(background[first], rel=1e-12)


def test_equal_scores_are_passed_in_part():
    # half of the constant scores pass, of signal as of background
    positive = np.arange(100) < 40
    assert rejection_estimate(np.zeros(100), positive).value == 2
    scores = np.where(np.arange(100) < 10, 1.0, 0.0)  # a quarter of the signal stands out
    assert rejection_estimate(scores, positive).value == pytest.approx(3)


def test_fewer_signal_events_make_the_interval_longer():
    long, short = sample(2, signal=40), sample(2, signal=4000)
    lengths = []
    for scores, positive, _ in (long, short):
        found = rejection_estimate(scores, positive)
        lengths.append((found.up + found.down) / found.value)
    assert lengths[0] > 1.5 * lengths[1]


def test_where_no_background_passes_only_a_limit_is_known():
    scores, positive = np.concatenate([np.ones(50), np.zeros(80)]), np.arange(130) < 50
    assert rejection_estimate(scores, positive) is None
    (background,) = background_efficiencies(scores, positive, None, (0.5,))
    assert (background.value, background.down) == (0, 0)
    assert background.up == pytest.approx(1 / 81)  # Wilson's for 0 of 80


@pytest.mark.parametrize("seed", range(20))
def test_limits_are_finite_and_in_order_even_for_a_handful_of_events(seed):
    scores, positive, weights = sample(seed, signal=7, background=9, shift=0.5)
    found = rejection_estimate(scores, positive, weights**4)
    if found is not None:
        assert 1 <= found.value - found.down <= found.value <= found.value + found.up < np.inf


@pytest.mark.parametrize("positive", [[True, True], [False, False]])
def test_no_rejection_without_signal_or_background(positive):
    assert rejection_estimate([0.1, 0.2], positive) is None


@pytest.mark.parametrize("efficiency", [0, 1, 50])
def test_an_efficiency_that_is_none_is_refused(efficiency):
    with pytest.raises(ValueError, match="between 0 and 1"):
        rejection_estimate([0.1, 0.2], [True, False], efficiency=efficiency)


def test_nan_scores_are_an_error():
    with pytest.raises(DataError, match="nan"):
        rejection_estimate([0.1, np.nan], [True, False])
