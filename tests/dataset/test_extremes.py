"""Values that may stand for "missing": found however the events are cut, and nothing else is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dlscan.analysis.events.sample import read_sample
from dlscan.analysis.events.sample_text import sample_text
from dlscan.cli.prepare import summary
from dlscan.config import Experiment
from dlscan.dataset import Manifest
from dlscan.dataset.events import DenseBlock, SparseBlock
from dlscan.dataset.moments import Moments
from dlscan.prepare import prepare

RNG = np.random.default_rng(3)
NORMAL = RNG.normal(size=1000)


def with_values(values: np.ndarray, *others: float, copies: int = 5) -> np.ndarray:
    """`values` with the first ones replaced by copies of each other value."""
    values = values.copy()
    for number, other in enumerate(others):
        values[number * copies : (number + 1) * copies] = other
    return values


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (with_values(NORMAL, -9999), [-9999]),
        (with_values(NORMAL, -9999, copies=1), []),
        (with_values(NORMAL, 1e20), [1e20]),
        (with_values(NORMAL, -999, 999), [-999, 999]),
        (with_values(1000 * np.abs(NORMAL), -99), [-99]),
        (with_values(1000 * np.abs(NORMAL), 0), []),
        (NORMAL, []),
        (np.arange(1000.0), []),
        (np.repeat([0.0, 1.0], 500), []),
        (np.repeat([-1.0, 0.0, 1.0], 500), []),
        (np.repeat(np.arange(-99.0, 1000.0), 2), []),
        (np.full(1000, -999.0), []),
        (np.floor(RNG.exponential(3, 1000)), []),
        (np.round(255 * RNG.random(1000)), []),
    ],
)
def test_what_repeats_far_from_all_others_is_found(values: np.ndarray, expected: list[float]) -> None:
    values = RNG.permutation(values)
    whole = Moments.of(DenseBlock(values[:, None]), 1, vector=True)
    assert [found.value for found in whole.statistics().placeholders] == expected
    for found in whole.statistics().placeholders:
        assert found.share == np.mean(values == found.value)
    # in blocks, of which some may be empty
    parts = [Moments.of(DenseBlock(part[:, None]), 1, True) for part in np.split(values, [0, 1, 7, 7, 400])]
    assert sum(parts[1:], start=parts[0]).statistics().placeholders == whole.statistics().placeholders


def test_sparse_and_dense_images_are_alike() -> None:
    images = RNG.exponential(1, (50, 4, 5)) * (RNG.random((50, 4, 5)) < 0.2)
    images[3:9, 2, 2] = -999
    dense = Moments.of(DenseBlock(images), 20, vector=False).statistics()
    parts = [Moments.of(SparseBlock.encode(part), 20, vector=False) for part in (images[:4], images[4:])]
    sparse = (parts[0] + parts[1]).statistics()
    assert dense.placeholders == sparse.placeholders
    assert [(found.value, found.share) for found in sparse.placeholders] == [(-999, 6 / 1000)]
    assert (dense.minimum, dense.maximum) == (sparse.minimum, sparse.maximum)
    empty = Moments.of(SparseBlock.encode(np.zeros((5, 4, 5))), 20, vector=False).statistics()
    assert (empty.minimum, empty.maximum, empty.placeholders) == ((0.0,), (0.0,), ())
    assert not np.signbit([*empty.minimum, *empty.maximum]).any()


def test_prepare_and_show_data_point_at_them(make_experiment: Callable[..., Experiment], raw: Path) -> None:
    for path in raw.glob("*/*.h5"):
        with h5py.File(path, "a") as handle:
            values: Any = handle["HCAL"][...]
            values[::5, [1, 3, 4, 6]] = -999
            values[::2, 0] = -1e6
            handle["HCAL"][...] = values
    experiment = make_experiment()
    manifest = prepare(experiment, processes=1).manifest
    assert Manifest.of(experiment) == manifest
    lines = [line for line in summary(manifest, experiment).splitlines() if line.startswith("Note: ")]
    assert lines == [line for line in sample_text(read_sample(experiment)).splitlines() if "Note: " in line]
    first, second = lines
    assert first.startswith("Note: HCAL[0]: ")
    assert "% of the values are -1e+06, far from all others." in first
    assert second.startswith("Note: HCAL[1], HCAL[3], HCAL[4] and 1 more features: up to ")
    assert " of the values are -999, far" in second
