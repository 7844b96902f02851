"""The units of a raw directory: of which class each is, and how often it is read if classes are repeated."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from dlscan.raw.store import RawIndex
from dlscan.stream import event_order

Integers = NDArray[np.int64]


@dataclasses.dataclass(frozen=True)
class Units:
    """All units, in the order of the files.

    Attributes
    ----------
    index : RawIndex
        Of the directory.
    chosen : ndarray of bool, (N,)
        Which events are delivered, see `delivered`.
    file : ndarray of int64, (U,)
        The file of each.
    begin : ndarray of int64, (U,)
        The first event of each, counted through all files.
    """

    index: RawIndex
    chosen: NDArray[np.bool_]
    file: Integers
    begin: Integers

    def counts(self, chosen: NDArray[np.bool_]) -> Integers:
        """Chosen events of each unit, of all events of the index."""
        return np.add.reduceat(chosen, self.begin, dtype=np.int64)

    def labels(self) -> NDArray[np.int16]:
        """The class of each unit: that of its file, or of most of its events."""
        of_events = self.index.columns.get("labels")
        if of_events is None:
            found: NDArray[np.int16] = self.index.labels[self.file]
            return found
        own = np.where(self.chosen, of_events, -1)
        counts = [self.counts(own == label) for label in range(max(int(own.max()) + 1, 1))]
        return np.array(np.argmax(counts, axis=0), np.int16)

    def repeated(self, rng: np.random.Generator) -> tuple[Integers, Integers, Integers, Integers]:
        """Draw how often each event comes, so that all classes are as frequent as the largest.

        Returns
        -------
        units : ndarray, (passes,)
            Each unit as often as it is read.
        turns, events : ndarray, (passes,)
            The number of each pass over its unit, from 1, and its events: those with so many copies at least.
        copies : ndarray, (N,)
            How often each event of the index comes.
        """
        of_events, labels = self.index.columns.get("labels"), labels_of(self.index)
        own = np.flatnonzero(self.chosen)
        copies = np.zeros(len(labels), np.int64)
        copies[own] = event_order.copies_of(labels[own], rng)
        if of_events is None:
            per_class = np.ones(int(self.index.labels.max()) + 1, np.int64)
            np.maximum.at(per_class, labels[own], copies[own])
            passes = per_class[self.index.labels[self.file]]
        else:
            passes = np.maximum.reduceat(copies, self.begin).clip(1)
        units = np.repeat(np.arange(len(passes)), passes)
        turns = np.arange(len(units)) - np.repeat(np.cumsum(passes) - passes, passes) + 1
        # few numbers of copies: two for each class
        there = np.unique(copies[own])
        counts = np.array([self.counts(copies >= least) for least in there])
        return units, turns, counts[np.searchsorted(there, turns), units], copies


def labels_of(index: RawIndex) -> NDArray[np.int16]:
    """The class of each event of an index, (N,): that of its file, or its own."""
    own = index.columns.get("labels")
    found: NDArray[np.int16] = np.repeat(index.labels, np.diff(index.starts)) if own is None else own
    return found


def delivered(index: RawIndex, code: int, classes: tuple[int, ...]) -> NDArray[np.bool_]:
    """Which events of an index (N,) are of a split, and of some classes if any are named."""
    chosen: NDArray[np.bool_] = index.codes == code
    return chosen & np.isin(labels_of(index), classes) if classes else chosen
