"""Which events make up which batch: pure arithmetic on a seed, an epoch and a number of events.

A dataset is mixed on disk, so neighbours are strangers. An epoch cuts it into short blocks at boundaries that
move from epoch to epoch, puts the blocks in random order, cuts that sequence into batches and shuffles each
batch. Reading stays nearly sequential, and no two batches of different epochs are alike.
"""

import dataclasses
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

# Long enough that a disk reads it at full speed, and a batch is made of at least this many of them.
_BLOCK_BYTES = 128 * 2**10
_BLOCKS_PER_BATCH = 8


class Epoch(Protocol):
    """The batches of one epoch."""

    @property
    def steps(self) -> int:
        """Number of batches."""

    def rows(self, step: int) -> Rows:
        """Rows of the split that make up batch `step`, in the order of delivery; shape (B,)."""


@dataclasses.dataclass(frozen=True)
class Stored:
    """All events once, in the order of the disk."""

    events: int
    batch_size: int

    @property
    def steps(self) -> int:
        """Number of batches."""
        return -(-self.events // self.batch_size)

    def rows(self, step: int) -> Rows:
        """Rows of batch `step`; shape (B,)."""
        first = step * self.batch_size
        return np.arange(first, min(first + self.batch_size, self.events))


class Shuffled:
    """All events once, in random order.

    Parameters
    ----------
    events : int
        Of the split.
    batch_size : int
        Events per batch; the last one may be shorter.
    block : int
        Events per block.
    seed, epoch : int
        The order depends on nothing else.
    """

    def __init__(self, events: int, batch_size: int, block: int, seed: int, epoch: int) -> None:
        rng = np.random.default_rng([seed, epoch])
        # blocks start at a random phase, so that other events are neighbours in each epoch
        edges = np.arange(rng.integers(block) - block, events + block, block).clip(0, events)
        edges = np.unique(edges)
        order = rng.permutation(len(edges) - 1)
        self._first = edges[order]
        self._ends = np.cumsum((edges[1:] - edges[:-1])[order])
        self._key = (seed, epoch)
        self._batch_size = batch_size
        self._events = events
        self.steps = -(-events // batch_size)

    def rows(self, step: int) -> Rows:
        """Rows of batch `step`; shape (B,)."""
        start = step * self._batch_size
        stop = min(start + self._batch_size, self._events)
        positions = np.arange(start, stop)
        blocks = np.searchsorted(self._ends, positions, side="right")
        begins = np.concatenate([[0], self._ends])[blocks]
        rows: Rows = self._first[blocks] + positions - begins
        # not from 0: a seed that ends in zeros is the same as one without them
        return np.random.default_rng([*self._key, step + 1]).permutation(rows)


class Oversampled:
    """Every event at least once, and of rarer classes so many again that all classes are equally frequent.

    Parameters
    ----------
    labels : ndarray of int, (n,)
        Of the events of the split.
    batch_size, seed, epoch : int
        As for `Shuffled`.
    """

    def __init__(self, labels: NDArray[Any], batch_size: int, seed: int, epoch: int) -> None:
        rng = np.random.default_rng([seed, epoch])
        counts = np.bincount(labels)
        most = counts.max()
        parts = []
        for label in np.flatnonzero(counts):
            own = np.flatnonzero(labels == label)
            copies, rest = divmod(most, len(own))
            parts += [np.tile(own, copies), rng.permutation(own)[:rest]]
        self._rows: Rows = rng.permutation(np.concatenate(parts))
        self._batch_size = batch_size
        self.steps = -(-len(self._rows) // batch_size)

    @property
    def events(self) -> int:
        """Events delivered."""
        return len(self._rows)

    def rows(self, step: int) -> Rows:
        """Rows of batch `step`; shape (B,)."""
        return self._rows[step * self._batch_size : (step + 1) * self._batch_size]


def block_events(stored_bytes: float, batch_size: int) -> int:
    """Events per block, for events of `stored_bytes` on disk."""
    return int(max(1, min(_BLOCK_BYTES // max(stored_bytes, 1), batch_size // _BLOCKS_PER_BATCH)))
