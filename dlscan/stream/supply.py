"""What makes up an epoch of a split: the tasks that read it from a prepared dataset, or from raw files."""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dlscan.errors import StreamError
from dlscan.raw.store import RawIndex
from dlscan.stream import plan
from dlscan.stream.crew import AHEAD, Source
from dlscan.stream.mix import Mixed, open_batches
from dlscan.stream.rawfiles import RawSource
from dlscan.stream.shards import ShardReader, ShardSource
from dlscan.stream.task import Task

# Of the dense inputs of a pool: below this the message that asks for it is most of the work.
_POOL_BYTES = 2 * 2**20
_MOST_BATCHES = 32
# A pool is read anew for each task that delivers a part of it.
_MOST_PARTS = 4
# A batch of raw events is drawn from about so many batches' worth of them, and from so many units.
_WINDOW_BATCHES = 8
_WINDOW_UNITS = 16


@dataclasses.dataclass(frozen=True)
class Wish:
    """How an epoch is to be: as for `Batches`."""

    batch_size: int
    seed: int
    shuffle: bool
    oversample: bool
    workers: int


class Supply(Protocol):
    """The events of a split.

    Attributes
    ----------
    source : Source
        What the workers read.
    needed : int
        Slots without which no task can go on.
    ahead : int
        Slots beyond those that keep all workers busy.
    mixes : bool
        Whether fewer slots change the order of events.
    """

    source: Source
    needed: int
    mixes: bool

    @property
    def ahead(self) -> int: ...

    def shrink(self) -> bool:
        """Make do with fewer slots; False if that is not possible."""

    def tasks(self, epoch: int) -> Iterator[Task]:
        """What reads an epoch."""


class Prepared:
    """The events of a prepared split; `event_bytes` are those of the dense inputs of an event.

    The order must be the same on every machine, so that a training can go on elsewhere: neither workers nor
    memory nor how events travel have a say in it.
    """

    mixes = False

    def __init__(self, source: ShardSource, wish: Wish, event_bytes: int) -> None:
        self.source: Source = source
        self._wish = wish
        self._stored = sum(shard.events for shard in source.shards)
        stored_bytes = sum(shard.size for shard in source.shards) / max(self._stored, 1)
        self._pool = max(1, min(_MOST_BATCHES, _POOL_BYTES // max(wish.batch_size * event_bytes, 1)))
        self._block = plan.block_events(stored_bytes, wish.batch_size * self._pool)
        self._labels = None
        if wish.oversample:
            with contextlib.closing(ShardReader(source, {}, lambda number: None)) as reader:
                self._labels = reader.labels()
        self.needed = self._pool
        if wish.workers:  # each gets several tasks, if that does not mean to read everything many times
            fair = self._stored // wish.batch_size // (4 * wish.workers)
            self.needed = min(self._pool, max(fair, -(-self._pool // _MOST_PARTS)))

    @property
    def ahead(self) -> int:
        """A task or two for each worker."""
        return self.needed * (AHEAD * max(self._wish.workers, 1) - 1)

    def shrink(self) -> bool:
        """Read fewer batches at once."""
        before = self.needed
        self.needed = max(1, before // 2)
        return self.needed < before

    def tasks(self, epoch: int) -> Iterator[Task]:
        """What reads an epoch."""
        wish, order = self._wish, self._order(epoch)
        pool = self._pool if isinstance(order, plan.Shuffled) else 1
        return plan.tasks(order, wish.batch_size, self.needed, pool, (wish.seed, epoch))

    def _order(self, epoch: int) -> plan.Order:
        if self._labels is not None:
            return plan.Oversampled(self._labels, self._wish.seed, epoch)
        if not self._wish.shuffle:
            return plan.Stored(self._stored)
        return plan.Shuffled(self._stored, self._block, self._wish.seed, epoch)


class Raw:
    """The events of a split that the index of a raw directory gives the number `code`."""

    mixes = True

    def __init__(self, source: RawSource, wish: Wish, code: int) -> None:
        self.source: Source = source
        self._index = _opened(source.index)
        self._wish, self._code = wish, code
        events = np.diff(self._index.starts)
        rows = np.minimum(self._index.unit_rows_all, events)
        units = -(-events // rows)
        self._file = np.repeat(np.arange(len(events)), units)
        first = np.repeat(np.cumsum(units) - units, units)
        self._start = (np.arange(len(self._file)) - first) * rows[self._file]
        self._stop = np.minimum(self._start + rows[self._file], events[self._file])
        self._longest = int(rows.max())
        self._window = max(_WINDOW_BATCHES * wish.batch_size, _WINDOW_UNITS * self._longest)
        if not wish.shuffle:
            self._window = 0
        self.needed = self._open_batches()

    @property
    def ahead(self) -> int:
        """Units go to several batches: two more keep everybody busy."""
        return 2

    def shrink(self) -> bool:
        """Draw batches from fewer events."""
        smaller = self._window // 2
        if smaller < self._wish.batch_size:
            return False
        self._window = smaller
        self.needed = self._open_batches()
        return True

    def tasks(self, epoch: int) -> Iterator[Task]:
        """What reads an epoch."""
        rng = np.random.default_rng([self._wish.seed, epoch])
        passes, again = self._passes(rng) if self._wish.oversample else (np.ones(len(self._file), int), None)
        units = np.repeat(np.arange(len(self._file)), passes)
        # the last pass over a unit of a rarer class takes only those events whose turn it is
        last = np.diff(units, append=-1) != 0
        order = rng.permutation(len(units)) if self._wish.shuffle else np.arange(len(units))

        def read(number: int) -> tuple[int, NDArray[np.int64]]:
            unit = units[number]
            file, start, stop = int(self._file[unit]), self._start[unit], self._stop[unit]
            here = slice(self._index.starts[file] + start, self._index.starts[file] + stop)
            chosen = self._index.codes[here] == self._code
            if again is not None and last[number]:
                chosen &= again[here]
            return file, start + np.flatnonzero(chosen)

        return Mixed(order, read, self._window, self._wish.batch_size, rng).tasks()

    def _open_batches(self) -> int:
        return open_batches(self._window, self._longest, self._wish.batch_size)

    def _passes(self, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """How often each unit is read, and the events that its last pass takes."""
        labels = np.repeat(self._index.labels, np.diff(self._index.starts))
        own = np.flatnonzero(self._index.codes[...] == self._code)
        copies = plan.copies_of(labels[own], rng)
        per_class = np.ones(int(self._index.labels.max()) + 1, np.int64)
        np.maximum.at(per_class, labels[own], copies)
        again = np.zeros(len(labels), np.bool_)
        again[own] = copies == per_class[labels[own]]
        return per_class[self._index.labels[self._file]], again


def _opened(path: Path) -> RawIndex:
    """The index, closed again: its arrays stay valid."""
    try:
        with RawIndex.open(path) as index:
            return index
    except (OSError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise StreamError(
            f"{path}: cannot be read ({reason}); run `dlscan prepare --index-only` again"
        ) from None
