"""Between which numbers scaled inputs are, and which losses that fits."""

import numpy as np
import pytest

from dlscan.config import Normalization
from dlscan.dataset import Statistics
from dlscan.dataset.scaled import scaled_range, why_out_of_range
from dlscan.models import keras
from dlscan.models.normalize import normalize

MEASURED = Statistics((1.5,), (2.0,), (0.0,), (9.0,), 3.0, occupancy=0.5)


@pytest.mark.parametrize("kind", ["none", "scale", "standard", "minmax", "log", "tanh-log"])
@pytest.mark.parametrize("factor", [None, 2.0])
def test_the_range_is_that_of_what_networks_see(kind, factor):
    how = Normalization(kind, factor)
    raw = keras.Input((2,))
    network = keras.Model(raw, normalize(raw, how, MEASURED) * 1.0)
    ends = keras.ops.convert_to_numpy(network(np.array([[0.0, 9.0]], np.float32)))[0]
    np.testing.assert_allclose(scaled_range(how, MEASURED), ends, rtol=1e-5, atol=1e-6)


def test_losses_of_what_is_out_of_their_range_are_refused():
    for kind in ("minmax", "tanh-log"):
        assert why_out_of_range("cross_entropy", Normalization(kind), MEASURED) is None
    assert why_out_of_range("poisson", Normalization("scale"), MEASURED) is None
    assert why_out_of_range("mse", Normalization("standard"), MEASURED) is None
    reason = why_out_of_range("cross_entropy", Normalization("log"), MEASURED)
    assert (
        "needs cells between 0 and 1, and those of {} go from 0 to 2.3 once they are scaled by log" in reason
    )
    assert "of 0 and more" in why_out_of_range("poisson", Normalization("standard"), MEASURED)
