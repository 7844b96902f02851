"""Which side an event is on and where it stands: pure functions of its file's name, its row and a seed.

Nothing depends on what other events there are, so an event keeps its side when files are added, and the order
does not depend on how many processes made it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config import ColumnSplit, FractionSplit, GroupSplit
from dlscan.dataset import SPLITS
from dlscan.dataset.words import Words, event_hashes


def value_hashes(values: NDArray[Any], seed: int, purpose: str) -> Words:
    """A random word for each event, (n,), the same for events with the same number: see `event_hashes`."""
    numbers = values.reshape(len(values))
    if numbers.dtype.kind == "f":
        # 5.0 is the run 5; what is no whole number goes by its bits
        whole = numbers == np.floor(numbers)
        with np.errstate(invalid="ignore"):
            integers = np.where(whole, numbers, 0).astype(np.int64)
        numbers = np.where(whole, integers, numbers.astype(np.float64).view(np.int64))
    return event_hashes("", numbers.astype(np.int64), seed, purpose)


def split_words(
    split: FractionSplit | ColumnSplit, name: str, rows: NDArray[np.int64], group: NDArray[Any] | None
) -> Words:
    """The random word that decides which side each event is on; of its group's number where it has one."""
    if isinstance(split, GroupSplit):
        assert group is not None
        return value_hashes(group, split.seed, "split")
    return event_hashes(name, rows, split.seed, "split")


def uniform(words: Words) -> NDArray[np.float64]:
    """Random words as numbers in [0, 1), with the 53 bits that a double holds."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def split_codes(
    split: FractionSplit | ColumnSplit, words: Words, column: NDArray[Any] | None
) -> NDArray[np.int8]:
    """The split of each event, as its index in `SPLITS`; -1 where the column's value names none.

    Parameters
    ----------
    split : FractionSplit or ColumnSplit
        The rule.
    words : ndarray of uint64, (n,)
        `event_hashes` for the purpose "split".
    column : ndarray, (n,) or (n, 1), or None
        The values of `split.column`.
    """
    draw = uniform(words)
    train, validation, test = range(len(SPLITS))
    if isinstance(split, FractionSplit):
        codes = np.full(len(words), test, np.int8)
        codes[draw < split.train + split.validation] = validation
        codes[draw < split.train] = train
        return codes
    assert column is not None
    values = column.reshape(len(words))
    codes = np.full(len(words), -1, np.int8)
    codes[values == split.train] = train
    codes[values == split.test] = test
    if isinstance(split.validation, int):
        codes[values == split.validation] = validation
    else:
        codes[(codes == train) & (draw < split.validation)] = validation
    return codes


def buckets(words: Words, codes: NDArray[np.int8], shards: Sequence[int]) -> NDArray[np.int64]:
    """The shard of each event, counted through all parts: the words, in order, cut into equal ranges.

    Parameters
    ----------
    words : ndarray of uint64, (n,)
        `event_hashes` for the purpose "order".
    codes : ndarray of int8, (n,)
        Which part of the dataset: a split, or a fold.
    shards : sequence of int
        Shards of each part.
    """
    counts = np.array(shards, np.uint64)[codes]
    first = np.concatenate([[0], np.cumsum(shards)[:-1]])[codes]
    place: NDArray[np.int64] = first + (((words >> np.uint64(32)) * counts) >> np.uint64(32)).astype(np.int64)
    return place
