"""Moments agree with numpy however the events are cut."""

import numpy as np
import pytest

from dlscan.dataset.events import DenseBlock, SparseBlock
from dlscan.dataset.moments import Moments


def sample() -> np.ndarray:
    rng = np.random.default_rng(1)
    return (rng.normal(1e6, 1.0, (500, 3, 4)) * (rng.random((500, 3, 4)) < 0.3)).astype(np.float32)


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("cuts", [[], [1, 250], [0, 0, 499, 500]])
def test_image_moments_share_a_scale(kind: str, cuts: list[int]) -> None:
    values = sample()
    moments = Moments.nothing(1)
    for part in np.split(values, cuts):
        block = SparseBlock.encode(part) if kind == "sparse" else DenseBlock(part)
        moments = moments + Moments.of(block, 12, vector=False)
    found = moments.statistics()
    exact = values.astype(np.float64)
    assert found.mean == pytest.approx((exact.mean(),))
    assert found.std == pytest.approx((exact.std(),))
    assert found.minimum == (exact.min(),)
    assert found.maximum == (exact.max(),)
    assert found.occupancy == np.mean(exact != 0)
    assert found.magnitude == pytest.approx(np.abs(exact[exact != 0]).mean())


def test_vector_moments_are_per_feature_and_keep_digits() -> None:
    """Time stamps: a mean a thousand million times the spread."""
    values = np.random.default_rng(2).normal([0.0, 1.7e9], [2.0, 1.0], (1000, 2))
    moments = Moments.of(DenseBlock(values[:300]), 2, vector=True) + Moments.of(
        DenseBlock(values[300:]), 2, vector=True
    )
    found = moments.statistics()
    np.testing.assert_allclose(found.mean, values.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.std, values.std(axis=0), rtol=1e-6)


def test_an_input_that_is_always_zero_has_statistics() -> None:
    found = Moments.of(SparseBlock.encode(np.zeros((5, 2, 2), np.float32)), 4, vector=False).statistics()
    assert (found.occupancy, found.magnitude, found.std, found.maximum) == (0.0, 0.0, (0.0,), (0.0,))
