import numpy as np
import pytest

from dlscan.metrics import efficiency_estimate, share_estimate


@pytest.mark.parametrize("passed", [0, 1, 7, 50, 99, 100])
def test_limits_are_where_the_share_would_be_one_deviation_away(passed):
    # what defines Wilson's interval
    found = efficiency_estimate(passed, 100)
    assert found.value == passed / 100
    for limit in (found.value - found.down, found.value + found.up):
        assert abs(found.value - limit) == pytest.approx(np.sqrt(limit * (1 - limit) / 100), abs=1e-12)


def test_none_and_all_are_not_certain():
    none, every = efficiency_estimate(0, 20), efficiency_estimate(20, 20)
    assert (none.down, none.up) == (0, pytest.approx(1 / 21))
    assert (every.down, every.up) == (pytest.approx(1 / 21), 0)


@pytest.mark.parametrize(("passed", "total"), [(-1, 10), (11, 10), (0, 0)])
def test_impossible_counts_are_refused(passed, total):
    with pytest.raises(ValueError, match="no efficiency"):
        efficiency_estimate(passed, total)


def test_equal_weights_change_nothing():
    passed = np.arange(50) < 20
    same = share_estimate(passed, np.full(50, 3.0))
    assert (same.down, same.up) == pytest.approx((share_estimate(passed).down, share_estimate(passed).up))
    assert share_estimate(passed) == efficiency_estimate(20, 50)


def test_weights_count():
    found = share_estimate([True, False, False], [3.0, 1.0, 2.0])
    assert found.value == 0.5
    assert found.up > efficiency_estimate(1.5, 3).up


def test_no_share_of_nothing():
    assert share_estimate([]) is None
    assert share_estimate([True], [0.0]) is None
