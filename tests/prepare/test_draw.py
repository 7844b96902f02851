"""Splits and order: pure functions of names, rows and seeds."""

import numpy as np
import pytest

from dlscan.config import ColumnSplit, FractionSplit
from dlscan.dataset.words import event_hashes
from dlscan.prepare.draw import buckets, split_codes, uniform

ROWS = np.arange(20_000)


def test_hashes_depend_on_name_seed_purpose_and_row() -> None:
    base = event_hashes("Ele/a.h5", ROWS, 1, "split")
    assert len(np.unique(base)) == len(ROWS)
    for other in (
        event_hashes("Ele/b.h5", ROWS, 1, "split"),
        event_hashes("Ele/a.h5", ROWS, 2, "split"),
        event_hashes("Ele/a.h5", ROWS, 1, "order"),
    ):
        assert not (base == other).any()
        # independent: no correlation beyond what 20,000 draws show by chance
        assert abs(np.corrcoef(uniform(base), uniform(other))[0, 1]) < 0.03


def test_hashes_of_a_row_do_not_depend_on_the_block_it_is_read_in() -> None:
    whole = event_hashes("a", ROWS, 1, "split")
    np.testing.assert_array_equal(event_hashes("a", ROWS[5000:5010], 1, "split"), whole[5000:5010])


def test_hashes_are_the_same_forever() -> None:
    """A changed hash would move events of existing datasets between train and test."""
    frozen = [906823584269938326, 17848415784416789439]
    assert event_hashes("Ele/a.h5", np.arange(2), 1, "split").tolist() == frozen


def test_uniform_is_uniform() -> None:
    draw = uniform(event_hashes("a", ROWS, 1, "split"))
    counts, _ = np.histogram(draw, bins=20, range=(0, 1))
    assert counts.sum() == len(ROWS)
    chi2 = ((counts - 1000) ** 2 / 1000).sum()
    assert chi2 < 43.8  # 19 degrees of freedom, p = 0.001


def test_fractions_are_met() -> None:
    codes = split_codes(FractionSplit(0.7, 0.2, 0.1), event_hashes("a", ROWS, 1, "split"), None)
    shares = np.bincount(codes) / len(ROWS)
    np.testing.assert_allclose(shares, [0.7, 0.2, 0.1], atol=0.012)


@pytest.mark.parametrize("validation", [0.25, 2])
def test_a_column_decides(validation: float) -> None:
    column = (ROWS % 3).reshape(-1, 1)
    rule = ColumnSplit("split", train=0, test=1, validation=validation)
    codes = split_codes(rule, event_hashes("a", ROWS, 1, "split"), column)
    assert set(codes[column[:, 0] == 1]) == {2}
    if validation == 2:
        assert set(codes[column[:, 0] == 0]) == {0}
        assert set(codes[column[:, 0] == 2]) == {1}
    else:
        cut = codes[column[:, 0] == 0]
        assert set(cut) == {0, 1}
        assert np.mean(cut == 1) == pytest.approx(0.25, abs=0.02)
        assert set(codes[column[:, 0] == 2]) == {-1}


def test_buckets_cut_the_keys_in_order() -> None:
    words = event_hashes("a", ROWS, 1, "order")
    codes = (ROWS % 3).astype(np.int8)
    places = buckets(words, codes, (5, 2, 1))
    for code, first, count in ((0, 0, 5), (1, 5, 2), (2, 7, 1)):
        own = places[codes == code]
        assert set(own) == set(range(first, first + count))
        by_word = own[np.argsort(words[codes == code])]
        assert (np.diff(by_word) >= 0).all()
