"""Which events make up which batch: pure arithmetic on a seed, an epoch and a number of events.

A dataset is mixed on disk, so neighbours are strangers. An epoch cuts it into short blocks at boundaries that
move from epoch to epoch, puts the blocks in random order and cuts that sequence into batches. Reading stays
nearly sequential, and no two batches of different epochs are alike.

Short events make short batches, and the blocks of a batch would be shorter than what a disk, or the kernel,
delivers at full speed. Several batches in a row then form a pool: it is read in long blocks, and its events
are dealt to its batches at random.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from dlscan.stream.request import ReadRequest

Runs = NDArray[np.int64]

# Long enough that a disk reads it at full speed; a full batch, or pool, is made of so many at least.
_BLOCK_BYTES = 512 * 2**10
_BLOCKS_MIXED = 8


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


class Chosen:
    """Some events, in the order that others have among themselves.

    Parameters
    ----------
    rows : ndarray of int, (n,)
        Of the events, rising.
    order : Order
        Of n events.
    """

    def __init__(self, rows: NDArray[np.int64], order: Order) -> None:
        self._rows, self._order, self.events = rows, order, order.events

    def runs(self, start: int, stop: int) -> Runs:
        """The rows at these positions."""
        firsts, events = self._order.runs(start, stop).T
        begins = np.cumsum(events) - events
        rows = self._rows[np.repeat(firsts - begins, events) + np.arange(stop - start)]
        edges = np.flatnonzero(np.diff(rows, prepend=rows[0] - 2) != 1)
        return np.column_stack([rows[edges], np.diff(edges, append=len(rows))])


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


class Run(NamedTuple):
    """Neighbours on disk and in a batch: a shard, the first row in it, how many, the place of the first."""

    shard: int
    row: int
    events: int
    place: int


class Slice(NamedTuple):
    """What a request reads.

    Attributes
    ----------
    runs : ndarray of int64, (n, 2)
        First row and events of each run: those of the request, in their order, or those of its whole pool.
    deal : tuple of int or None
        Of a pool: the seed of the order in which its events are dealt out.
    start, stop : int
        Which of them are the request's, counted in the order of delivery.
    """

    runs: Runs
    deal: tuple[int, ...] | None
    start: int
    stop: int


def requests(
    order: Order, batch_size: int, batches: int, pool: int = 1, seed: tuple[int, ...] = ()
) -> Iterator[ReadRequest]:
    """Cut an order into requests of up to `batches` batches each.

    Parameters
    ----------
    order : Order
        Of the epoch.
    batch_size : int
        Events of a batch.
    batches : int
        At most; it changes nothing of what is delivered.
    pool : int
        Batches that share their events, no fewer than `batches`; 1 delivers them as `order` has them.
    seed : tuple of int
        Of the shares; that of each pool is this and its number from 1, for a zero at the end would not count.
    """
    whole = batch_size * (pool if pool > 1 else batches)
    for number, begin in enumerate(range(0, order.events, whole)):
        end = min(begin + whole, order.events)
        runs, deal = order.runs(begin, end), (*seed, number + 1) if pool > 1 else None
        for start in range(begin, end, batch_size * batches):
            stop = min(start + batch_size * batches, end)
            work = Slice(runs, deal, start - begin, stop - begin)
            yield ReadRequest(start // batch_size, (stop - 1) // batch_size, work)


def block_events(stored_bytes: float, mixed: int) -> int:
    """Events per block, for events of `stored_bytes` on disk; `mixed` of them make a batch or a pool."""
    return int(max(1, min(_BLOCK_BYTES // max(stored_bytes, 1), mixed // _BLOCKS_MIXED)))


def cut_runs(runs: NDArray[np.int64], batch_size: int, shard_starts: NDArray[np.int64]) -> list[list[Run]]:
    """Cut runs of rows of a split where a batch or a shard ends; the runs of each batch."""
    firsts, lengths = runs.T
    ends = np.cumsum(lengths)
    begins = ends - lengths
    over = np.searchsorted(shard_starts, firsts, side="right")
    until = np.searchsorted(shard_starts, firsts + lengths)
    ends_of_shards = [
        begins[run] + shard_starts[over[run] : until[run]] - firsts[run]
        for run in np.flatnonzero(until > over)
    ]
    cuts = np.unique(np.concatenate([begins, np.arange(0, ends[-1], batch_size), *ends_of_shards]))
    origin = np.searchsorted(begins, cuts, side="right") - 1
    rows = firsts[origin] + cuts - begins[origin]
    shards = np.searchsorted(shard_starts, rows, side="right") - 1
    columns = shards, rows - shard_starts[shards], np.diff(cuts, append=ends[-1]), cuts % batch_size
    made = [Run(*run) for run in zip(*(column.tolist() for column in columns), strict=True)]
    edges = np.flatnonzero(cuts % batch_size == 0).tolist()
    return [made[a:b] for a, b in zip(edges, [*edges[1:], len(made)], strict=True)]
