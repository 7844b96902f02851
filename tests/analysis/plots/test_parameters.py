"""Which axes are logarithmic."""

import numpy as np
import pytest

from dlscan.analysis.plots.parameters import is_logarithmic

RNG = np.random.default_rng(1)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1e-4, 1e-3, 1e-2], True),
        ([1e-3, 3e-3, 1e-2], True),
        # however often each was tried
        ([1e-3, 3e-3, 1e-2, 1e-2, 1e-2, 1e-2], True),
        (10 ** RNG.uniform(-3, -2, 30), True),
        ([0.1, 0.2, 0.3, 0.4, 0.5], False),
        (RNG.uniform(0.05, 0.5, 30), False),
        # ticks at whole numbers
        ([8, 16, 32, 64], False),
        ([8, 16, 32, 64, 128, 256], True),
        ([0, 1, 100], False),
        ([0.001, 0.003], False),
        ([0.5, 0.5], False),
    ],
    ids=str,
)
def test_numbers_over_decades_or_evenly_spread_there(values, expected):
    assert is_logarithmic(np.array(values, dtype=float)) == expected
