"""What makes up an epoch of a split: the requests that read it from a prepared dataset, or from raw files."""

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dlscan.stream import event_order
from dlscan.stream.mix import Mixed, Unit, most_batches, spread
from dlscan.stream.rawfiles import RawSource
from dlscan.stream.request import ReadRequest
from dlscan.stream.shards import ShardReader, ShardSource
from dlscan.stream.share import Choice
from dlscan.stream.units import Units, delivered, labels_of
from dlscan.stream.worker_pool import AHEAD, EventSource

# Of the dense inputs of a pool: below this the message that asks for it is most of the work.
_POOL_BYTES = 2 * 2**20
_MOST_BATCHES = 32
# A pool is read anew for each request that delivers a part of it.
_MOST_PARTS = 4
# A batch of raw events is drawn from about so many batches' worth of them, and from so many units: as many as
# make up some inputs, since each is of one class, and a pool should have all classes in equal shares.
_POOL_BATCHES = 8
_LEAST_UNITS, _MOST_UNITS, _RAW_POOL_BYTES = 16, 64, 16 * 2**20
# Inputs of a unit: a longer one takes hardly less time, event by event.
_LONGEST_UNIT = 8 * 2**20
# An event from which on each goes straight to its place. Smaller ones are gathered, pool by pool.
_SMALL_EVENT = 512
# Units that a request has at most: asking for each by itself would keep the owner of the stream busy.
_UNITS = 4


@dataclasses.dataclass(frozen=True)
class Delivery:
    """What is asked of an epoch; fields as for `Batches`."""

    batch_size: int
    seed: int
    shuffle: bool
    oversample: bool
    workers: int
    # the numbers of the classes that are delivered; empty are all
    classes: tuple[int, ...] = ()
    choice: Choice | None = None


class EpochPlanner(Protocol):
    """The events of a split.

    Attributes
    ----------
    source : EventSource
        What the workers read.
    needed : int
        Slots without which no request can go on.
    ahead : int
        Slots beyond those that keep all workers busy.
    mixing : int or None
        Events among which batches are drawn, if the order depends on that: fewer slots make it smaller.
    """

    needed: int

    @property
    def mixing(self) -> int | None: ...

    @property
    def source(self) -> EventSource: ...

    @property
    def ahead(self) -> int: ...

    def shrink(self) -> bool:
        """Make do with fewer slots; False if that is not possible."""

    def mix(self, events: int) -> None:
        """Draw batches from about so many events, where the order depends on that."""

    def requests(self, epoch: int) -> Iterator[ReadRequest]:
        """What reads an epoch."""


class ShardPlanner:
    """The events of a prepared split; `event_bytes` are those of the dense inputs of an event.

    The order must be the same on every machine, so that a training can go on elsewhere: neither workers nor
    memory nor how events travel have a say in it.
    """

    mixing = None

    def __init__(self, source: ShardSource, delivery: Delivery, event_bytes: int) -> None:
        self.source = source
        self._delivery = delivery
        stored = sum(shard.events for shard in source.shards)
        stored_bytes = sum(shard.size for shard in source.shards) / max(stored, 1)
        self._labels, self._rows = self._looked_at()
        self._events = stored if self._rows is None else len(self._rows)
        self._pool = max(1, min(_MOST_BATCHES, _POOL_BYTES // max(delivery.batch_size * event_bytes, 1)))
        self._block = event_order.block_events(stored_bytes, delivery.batch_size * self._pool)
        self.needed = self._pool
        if (
            delivery.workers
        ):  # each gets several requests, if that does not mean to read everything many times
            fair = self._events // delivery.batch_size // (4 * delivery.workers)
            self.needed = min(self._pool, max(fair, -(-self._pool // _MOST_PARTS)))

    @property
    def ahead(self) -> int:
        """A request or two for each worker."""
        return self.needed * (AHEAD * max(self._delivery.workers, 1) - 1)

    def shrink(self) -> bool:
        """Read fewer batches at once."""
        before = self.needed
        self.needed = max(1, before // 2)
        return self.needed < before

    def mix(self, events: int) -> None:
        """Nothing: the order is that of seed and epoch."""

    def requests(self, epoch: int) -> Iterator[ReadRequest]:
        """What reads an epoch."""
        delivery = self._delivery
        order: event_order.Order = self._order(epoch)
        pool = self._pool if isinstance(order, event_order.Shuffled) else 1
        if self._rows is not None:
            order = event_order.Chosen(self._rows, order)
        return event_order.requests(order, delivery.batch_size, self.needed, pool, (delivery.seed, epoch))

    def _order(self, epoch: int) -> event_order.Order:
        if self._labels is not None:
            return event_order.Oversampled(self._labels, self._delivery.seed, epoch)
        if not self._delivery.shuffle:
            return event_order.Stored(self._events)
        return event_order.Shuffled(self._events, self._block, self._delivery.seed, epoch)

    def _looked_at(self) -> tuple[NDArray[np.int16] | None, NDArray[np.int64] | None]:
        """Of the events that are delivered: labels, if they are repeated, and rows, if not all are."""
        delivery = self._delivery
        if not (delivery.oversample or delivery.classes or delivery.choice):
            return None, None
        with contextlib.closing(ShardReader(self.source, {}, lambda number: None)) as reader:
            labels = reader.labels()
            chosen = np.isin(labels, delivery.classes) if delivery.classes else np.ones(len(labels), np.bool_)
            if delivery.choice is not None:
                numbers, places = reader.sources().T
                chosen &= delivery.choice.chosen(numbers, places, labels)
        own = labels[chosen] if delivery.oversample else None
        return own, np.flatnonzero(chosen) if delivery.classes or delivery.choice else None


class RawPlanner:
    """The events of a split of a raw directory.

    `event_bytes` are those of the dense inputs of an event, on which the order may depend; `slot_bytes` are
    those of all that is delivered of it.
    """

    def __init__(self, source: RawSource, delivery: Delivery, event_bytes: int, slot_bytes: int) -> None:
        self.source = source
        with source.open() as self._index:
            pass  # its arrays stay valid
        self._delivery = delivery
        events = np.diff(self._index.starts)
        rows = np.minimum(self._longer(event_bytes), events).clip(1)
        units = -(-events // rows)
        self._file = np.repeat(np.arange(len(events)), units)
        first = np.repeat(np.cumsum(units) - units, units)
        self._start = (np.arange(len(self._file)) - first) * rows[self._file]
        self._stop = np.minimum(self._start + rows[self._file], events[self._file])
        chosen = delivered(self._index, source.code, delivery.classes)
        if delivery.choice is not None:
            chosen = self._among(chosen, delivery.choice)
        self._units = Units(self._index, chosen, self._file, self._index.starts[self._file] + self._start)
        self._events = self._units.counts(chosen)
        self._labels = self._units.labels()
        self._longest = int(rows.max())
        self._gather = slot_bytes < _SMALL_EVENT
        self._pool = delivery.batch_size
        if delivery.shuffle or self._gather:
            share = max(_LEAST_UNITS, _RAW_POOL_BYTES // (self._longest * event_bytes))
            self._pool = max(_POOL_BATCHES * delivery.batch_size, min(_MOST_UNITS, share) * self._longest)
        self.needed = self._batches()

    @property
    def mixing(self) -> int | None:
        """Events of a pool, if they are drawn at random."""
        return self._pool if self._delivery.shuffle else None

    @property
    def ahead(self) -> int:
        """Another pool, or two of small events for each worker."""
        return self.needed * (AHEAD * max(self._delivery.workers, 1) - 1 if self._gather else 1)

    def shrink(self) -> bool:
        """Draw batches from fewer events."""
        smaller = self._pool // 2
        if smaller < self._delivery.batch_size:
            return False
        self.mix(smaller)
        return True

    def mix(self, events: int) -> None:
        """Draw batches from about so many events."""
        self._pool = events
        self.needed = self._batches()

    def requests(self, epoch: int) -> Iterator[ReadRequest]:
        """What reads an epoch."""
        delivery = self._delivery
        rng = np.random.default_rng([delivery.seed, epoch])
        units, events = np.arange(len(self._file)), self._events
        copies: NDArray[np.int64] | None = None
        if delivery.oversample:
            units, turns, events, copies = self._units.repeated(rng)
        order = np.arange(len(units))
        if delivery.shuffle:
            order = spread(self._labels[units], events, rng)
        order = order[events[order] > 0]

        def read(number: int) -> Unit:
            place = order[number]
            unit = units[place]
            file, start, stop = int(self._file[unit]), int(self._start[unit]), int(self._stop[unit])
            begin = int(self._index.starts[file])
            chosen = None
            here = slice(begin + start, begin + stop)
            if delivery.classes or delivery.choice is not None:
                chosen = self._units.chosen[here]
            if copies is not None and events[place] < self._events[unit]:
                # a later pass takes only those events whose turn it is
                chosen = copies[here] >= turns[place]
            return Unit(file, start, stop, chosen)

        seed = (delivery.seed, epoch) if delivery.shuffle else None
        mixed = Mixed(delivery.batch_size, self._pool, self._at_once(), self._gather, seed)
        return mixed.requests(read, events[order])

    def _among(self, own: NDArray[np.bool_], choice: Choice) -> NDArray[np.bool_]:
        """Which of these events of the index (N,) are chosen."""
        index, events = self._index, np.flatnonzero(own)
        files = np.searchsorted(index.starts, events, side="right") - 1
        found = np.zeros(len(own), np.bool_)
        rows, labels = events - index.starts[files], labels_of(index)[events]
        found[events] = choice.chosen(index.numbers[files], rows, labels)
        return found

    def _longer(self, event_bytes: int) -> NDArray[np.int64]:
        """Rows of a unit of each file: as many of its least units as leave a pool enough of them."""
        rows = self._index.unit_rows_all.astype(np.int64)
        most = min(_LONGEST_UNIT // event_bytes, _POOL_BATCHES * self._delivery.batch_size // _MOST_UNITS)
        return np.maximum(most // rows, 1) * rows

    def _batches(self) -> int:
        return most_batches(self._pool, self._longest, self._delivery.batch_size)

    def _at_once(self) -> int:
        """Units of a request: few enough for all workers to have some of a pool."""
        workers = max(self._delivery.workers, 1)
        return max(1, min(_UNITS, self._pool // self._longest // (2 * AHEAD * workers)))
