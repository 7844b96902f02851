"""Deal events into folds: by a hash, by groups that stay together, or in the order of a number."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config import ColumnSplit, Folds, FractionSplit, GroupSplit
from dlscan.dataset import SPLITS
from dlscan.dataset.words import Words, event_hashes
from dlscan.prepare.draw import split_codes, split_words, uniform, value_hashes
from dlscan.raw import FileLayout, RawFile, index_file, read_rows

_TEST = SPLITS.index("test")


@dataclasses.dataclass(frozen=True, eq=False)
class Deal:
    """Which fold each event is in.

    Attributes
    ----------
    folds : Folds
        The rule.
    values : ndarray, (V,)
        With `group`, its numbers, rising; with `order`, where each fold but the first begins.
    places : ndarray of int8, (V,)
        With `group`, the fold of each number, from 0.
    """

    folds: Folds
    values: NDArray[Any] = dataclasses.field(default_factory=lambda: np.empty(0))
    places: NDArray[np.int8] = dataclasses.field(default_factory=lambda: np.empty(0, np.int8))

    def codes(
        self, splits: NDArray[np.int8], name: str, rows: NDArray[np.int64], seed: int, column: Any
    ) -> NDArray[np.int8]:
        """The fold of each event from 0, and the number of folds where it is a test event.

        Parameters
        ----------
        splits : ndarray of int8, (n,)
            `split_codes`.
        name, rows, seed
            As for `event_hashes`.
        column : ndarray, (n,) or (n, 1), or None
            The numbers of `folds.column`.
        """
        folds = self._drawn(event_hashes(name, rows, seed, "fold"))
        if self.folds.order is not None:
            folds = np.searchsorted(self.values, column.reshape(len(rows)), side="right").astype(np.int8)
        elif self.folds.group is not None:
            numbers = column.reshape(len(rows))
            # a number that only files had which turned out bad is in no event that is kept
            folds = self._drawn(value_hashes(column, seed, "fold"))
            found = np.searchsorted(self.values, numbers).clip(max=max(len(self.values) - 1, 0))
            if len(self.values):
                folds = np.where(self.values[found] == numbers, self.places[found], folds).astype(np.int8)
        return np.where(splits == _TEST, self.folds.count, folds).astype(np.int8)

    def _drawn(self, words: Words) -> NDArray[np.int8]:
        return (uniform(words) * self.folds.count).astype(np.int8)


def deal(folds: Folds, split: FractionSplit | ColumnSplit, files: Mapping[RawFile, FileLayout]) -> Deal:
    """Decide what is in which fold; with `group` or `order` the numbers of all events are read for that.

    Groups are dealt from the largest down, each to the fold with the fewest events so far, so that folds are
    about equal even where there are few groups. With `order` folds have equally many events, but that equal
    numbers stay together.
    """
    if folds.column is None:
        return Deal(folds)
    numbers: list[NDArray[Any]] = []
    counts: list[NDArray[np.int64]] = []
    for file in files:
        try:
            found, count = _numbers(file, folds.column, split)
        except (OSError, RuntimeError, ValueError):
            continue  # reading all of it will name the file and the reason
        numbers.append(found)
        counts.append(count)
    if not numbers:
        return Deal(folds)
    values, inverse = np.unique(np.concatenate(numbers), return_inverse=True)
    events = np.bincount(inverse.reshape(-1), np.concatenate(counts), len(values)).astype(np.int64)
    if folds.order is not None:
        before = np.cumsum(events) - events
        edges = np.searchsorted(before, np.arange(1, folds.count) * events.sum() / folds.count)
        return Deal(folds, values[edges.clip(max=len(values) - 1)])
    return Deal(folds, values, _balanced(events, value_hashes(values, split.seed, "fold"), folds.count))


def _numbers(
    file: RawFile, name: str, split: FractionSplit | ColumnSplit
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The different numbers of a file, and how many events that are not of test have each."""
    own = getattr(split, "column", None) or (split.group if isinstance(split, GroupSplit) else None)
    names: Sequence[str] = list(dict.fromkeys([name, *([own] if own else [])]))
    parts = []
    index = index_file(file.path, names, file.roots)
    for first, block in read_rows(file.path, index, 0, index[name].rows):
        values = block[name].reshape(len(block[name]))
        rows = np.arange(first, first + len(values))
        words = split_words(split, file.name, rows, block[own] if own else None)
        codes = split_codes(split, words, block[own] if own else None)
        parts.append(values[codes != _TEST])
    found, counts = np.unique(np.concatenate(parts), return_counts=True)
    return found, counts.astype(np.int64)


def _balanced(events: NDArray[np.int64], words: Words, count: int) -> NDArray[np.int8]:
    """The fold of each group, from their events; among groups of one size by their random words."""
    places = np.empty(len(events), np.int8)
    filled = np.zeros(count, np.int64)
    for group in np.lexsort((words, -events)):
        places[group] = np.argmin(filled)
        filled[places[group]] += events[group]
    return places
