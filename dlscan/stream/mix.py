"""Mix events that lie sorted on disk: pure arithmetic on a seed, an epoch and the units of a raw directory.

A unit is a run of rows of one file that are decoded together, all of one class. An epoch takes the units in
random order; each event then moves back by a random distance of up to a window, and the sequence is cut into
batches. So a batch is drawn from all units of a window, each unit is read once, and only the batches of one
window are open at a time.
"""

import dataclasses
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlscan.stream.task import Task

Integers = NDArray[np.int64]

# Units that a task has at most: asking for each by itself would keep the owner of the stream busy.
_UNITS = 4


class UnitWork(NamedTuple):
    """Rows of one file and the places that they go to.

    Attributes
    ----------
    file : int
        Its number in the index.
    rows : ndarray of int64, (n,)
        Rows of the file, rising.
    batches : ndarray of int64, (n,)
        The batch that each goes to, counted from the task's first.
    places : ndarray of int64, (n,)
        Its place in that batch.
    """

    file: int
    rows: Integers
    batches: Integers
    places: Integers


@dataclasses.dataclass(frozen=True)
class Mixed:
    """The tasks of an epoch over raw files.

    Attributes
    ----------
    units : ndarray of int64, (U,)
        The units to read, in the order in which they are read; one may come several times.
    read : callable
        Gives the file of a unit and the rows of it that are delivered.
    window : int
        Events that may overtake an event; 0 keeps the order.
    batch_size : int
        Events per batch.
    rng : numpy.random.Generator
        Draws the distances.
    """

    units: Integers
    read: Callable[[int], tuple[int, Integers]]
    window: int
    batch_size: int
    rng: np.random.Generator

    def tasks(self) -> Iterator[Task]:
        """Each task has a few units: a list of `UnitWork`."""
        waiting: deque[tuple[int, Integers]] = deque()
        book = _Book(self.batch_size)
        for unit in self.units:
            file, rows = self.read(int(unit))
            if not len(rows):
                continue
            waiting.append((file, rows))
            book.enter(self._keys(book.end, len(rows)))
            while book.close_batch():
                yield from self._ready(waiting, book)
        while book.close_batch(at_end=True):
            yield from self._ready(waiting, book)

    def _keys(self, position: int, events: int) -> NDArray[np.float64]:
        keys = np.arange(position, position + events, dtype=np.float64)
        if self.window:
            keys[...] = position
            keys += self.rng.random(events) * self.window
        return keys

    def _ready(self, waiting: deque[tuple[int, Integers]], book: "_Book") -> Iterator[Task]:
        """The units all of whose events have their batch."""
        while waiting and book.is_settled(len(waiting[0][1])):
            first = last = book.least_batch()
            units: list[UnitWork] = []
            while len(units) < _UNITS and waiting and book.is_settled(len(waiting[0][1])):
                file, rows = waiting.popleft()
                batches, places = book.leave(len(rows))
                last = max(last, int(batches.max()))
                units.append(UnitWork(file, rows, batches - first, places))
            yield Task(first, last, units)


def open_batches(window: int, unit: int, batch_size: int) -> int:
    """How many batches are open at a time, at most, for units of up to `unit` events."""
    # the rank of a key scatters by sqrt(window / 6): six times that would need more luck than there is
    scatter = int(6 * np.sqrt(window))
    return -(-(window + unit + scatter) // batch_size) + 2


class _Book:
    """Events that have been read in thought, in the order of reading, and the batch that each goes to."""

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._keys = np.empty(0)  # of all events that are not in a task yet; inf for those with a batch
        self._batches = np.empty(0, np.int64)
        self._places = np.empty(0, np.int64)
        self._open = 0  # events without a batch
        self._batch = 0  # the next batch to close
        self.end = 0  # events entered so far: the position of the next one

    def enter(self, keys: NDArray[np.float64]) -> None:
        """Note events that follow those before."""
        self._keys = np.concatenate([self._keys, keys])
        blank = np.full(len(keys), np.iinfo(np.int64).max)
        self._batches = np.concatenate([self._batches, blank])
        self._places = np.concatenate([self._places, blank])
        self._open += len(keys)
        self.end += len(keys)

    def close_batch(self, at_end: bool = False) -> bool:
        """Give the next batch its events, those with the least keys, if no later event can belong to it."""
        size = min(self._batch_size, self._open)
        if not size or (size < self._batch_size and not at_end):
            return False
        if not at_end and np.count_nonzero(self._keys < self.end) < size:
            return False
        chosen = np.argpartition(self._keys, size - 1)[:size]
        chosen = chosen[np.argsort(self._keys[chosen], kind="stable")]
        self._keys[chosen] = np.inf
        self._batches[chosen] = self._batch
        self._places[chosen] = np.arange(size)
        self._batch += 1
        self._open -= size
        return True

    def is_settled(self, events: int) -> bool:
        """Whether the first `events` events all have their batch."""
        return bool(np.isinf(self._keys[:events]).all())

    def least_batch(self) -> int:
        """The first batch that any event here, or a later one, goes to."""
        return int(self._batches.min())

    def leave(self, events: int) -> tuple[Integers, Integers]:
        """Batches and places of the first `events` events, which are forgotten."""
        batches, places = self._batches[:events], self._places[:events]
        self._keys = self._keys[events:]
        self._batches, self._places = self._batches[events:], self._places[events:]
        return batches, places
