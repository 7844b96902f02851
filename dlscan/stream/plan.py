"""Which events make up which batch: pure arithmetic on a seed, an epoch and a number of events.

A dataset is mixed on disk, so neighbours are strangers. An epoch cuts it into short blocks at boundaries that
move from epoch to epoch, puts the blocks in random order and cuts that sequence into batches. Reading stays
nearly sequential, and no two batches of different epochs are alike.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dlscan.stream.task import Task

Runs = NDArray[np.int64]

# Long enough that a disk reads it at full speed, and a batch is made of at least this many of them.
_BLOCK_BYTES = 128 * 2**10
_BLOCKS_PER_BATCH = 8


class Order(Protocol):
    """The events of an epoch, one after the other."""

    @property
    def events(self) -> int:
        """Events delivered."""

    def runs(self, start: int, stop: int) -> Runs:
        """What is delivered at the positions `start` to `stop`: first row and events of each run; (n, 2)."""


@dataclasses.dataclass(frozen=True)
class Stored:
    """All events once, in the order of the disk."""

    events: int

    def runs(self, start: int, stop: int) -> Runs:
        """The rows at these positions."""
        return np.array([[start, stop - start]])


class Shuffled:
    """All events once, in random order.

    Parameters
    ----------
    events : int
        Of the split.
    block : int
        Events per block.
    seed, epoch : int
        The order depends on nothing else.
    """

    def __init__(self, events: int, block: int, seed: int, epoch: int) -> None:
        rng = np.random.default_rng([seed, epoch])
        # blocks start at a random phase, so that other events are neighbours in each epoch
        edges = np.arange(rng.integers(block) - block, events + block, block).clip(0, events)
        edges = np.unique(edges)
        order = rng.permutation(len(edges) - 1)
        self._first = edges[order]
        self._lengths = (edges[1:] - edges[:-1])[order]
        self._ends = np.cumsum(self._lengths)
        self.events = events

    def runs(self, start: int, stop: int) -> Runs:
        """The rows at these positions."""
        first, last = np.searchsorted(self._ends, [start, stop - 1], side="right")
        begins = self._ends[first : last + 1] - self._lengths[first : last + 1]
        positions = np.maximum(begins, start)
        return np.column_stack(
            [self._first[first : last + 1] + positions - begins, np.diff(positions, append=stop)]
        )


class Oversampled:
    """Every event at least once, and of rarer classes so many again that all classes are equally frequent.

    Parameters
    ----------
    labels : ndarray of int, (n,)
        Of the events of the split.
    seed, epoch : int
        As for `Shuffled`.
    """

    def __init__(self, labels: NDArray[Any], seed: int, epoch: int) -> None:
        rng = np.random.default_rng([seed, epoch])
        copies = copies_of(labels, rng)
        self._rows = rng.permutation(np.repeat(np.arange(len(labels)), copies))

    @property
    def events(self) -> int:
        """Events delivered."""
        return len(self._rows)

    def runs(self, start: int, stop: int) -> Runs:
        """The rows at these positions."""
        rows = self._rows[start:stop]
        return np.column_stack([rows, np.ones_like(rows)])


def copies_of(labels: NDArray[Any], rng: np.random.Generator) -> NDArray[np.int64]:
    """How often each event comes if all classes are to be as frequent as the largest; shape (n,)."""
    counts = np.bincount(labels)
    copies = np.empty(len(labels), np.int64)
    for label in np.flatnonzero(counts):
        own = np.flatnonzero(labels == label)
        whole, rest = divmod(int(counts.max()), len(own))
        copies[own] = whole
        copies[rng.permutation(own)[:rest]] += 1
    return copies


def tasks(order: Order, batch_size: int, batches: int) -> Iterator[Task]:
    """Cut an order into tasks of up to `batches` batches each."""
    for start in range(0, order.events, batch_size * batches):
        stop = min(start + batch_size * batches, order.events)
        first, last = start // batch_size, (stop - 1) // batch_size
        yield Task(first, last, order.runs(start, stop))


def block_events(stored_bytes: float, batch_size: int) -> int:
    """Events per block, for events of `stored_bytes` on disk."""
    return int(max(1, min(_BLOCK_BYTES // max(stored_bytes, 1), batch_size // _BLOCKS_PER_BATCH)))
