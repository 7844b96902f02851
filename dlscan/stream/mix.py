"""Mix events that lie sorted on disk: pure arithmetic on a seed, an epoch and the units of a raw directory.

A unit is a run of rows of one file that are decoded together, all of one class. An epoch takes the units in
random order, the classes spread evenly over it, and cuts that order into pools. The events of a pool are
dealt at random to the batches whose turn it is. So a batch is drawn from all units of a pool, each unit is
read once, and only the batches of a pool or two are open at a time.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlscan.stream.request import ReadRequest

Integers = NDArray[np.int64]


class Unit(NamedTuple):
    """Rows of one file.

    Attributes
    ----------
    file : int
        Its number in the index.
    start, stop : int
        The first row, and where the unit ends: of these, those of the split are delivered.
    chosen : ndarray of bool, (stop - start,) or None
        Where only some of those are.
    """

    file: int
    start: int
    stop: int
    chosen: NDArray[np.bool_] | None = None


class PoolPart(NamedTuple):
    """What a request reads: some units of a pool.

    Attributes
    ----------
    units : tuple of Unit
        What to read, in this order.
    deal : tuple of int or None
        The seed of the order in which the pool's events are delivered; None keeps that of the units.
    pool : int
        Events of the pool.
    before : int
        Of these, events in units before the request's.
    place : int
        Place of the first event of the pool in the first batch of the request.
    gather : bool
        Whether the request has the whole pool, to be read first and dealt then.
    """

    units: tuple[Unit, ...]
    deal: tuple[int, ...] | None
    pool: int
    before: int
    place: int
    gather: bool

    def order(self) -> Integers:
        """The events of the pool, counted in the order of its units, as they are delivered."""
        if self.deal is None:
            return np.arange(self.pool)
        return np.random.default_rng(self.deal).permutation(self.pool)


class Mixed(NamedTuple):
    """How an epoch over raw files is cut.

    Attributes
    ----------
    batch_size : int
        Events per batch.
    pool : int
        Events that are mixed, about: a pool ends where a unit does.
    at_once : int
        Units that a request has at most.
    gather : bool
        Whether each request has a pool instead, and gathers its events before it deals them.
    seed : tuple of int or None
        Of the order of pools; None keeps the order of the units.
    """

    batch_size: int
    pool: int
    at_once: int
    gather: bool
    seed: tuple[int, ...] | None

    def requests(self, unit: Callable[[int], Unit], events: Integers) -> Iterator[ReadRequest]:
        """The requests of an epoch.

        Parameters
        ----------
        unit : callable
            Gives the unit that is read as number n, from 0.
        events : ndarray of int64, (U,)
            How many are delivered of each; none is empty.
        """
        ends = np.cumsum(events)
        begins = ends - events
        edges = np.flatnonzero(np.diff((ends - 1) // self.pool, prepend=-1, append=np.iinfo(np.int64).max))
        for number, (first, last) in enumerate(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)):
            start, stop = int(begins[first]), int(ends[last - 1])
            batches = start // self.batch_size, (stop - 1) // self.batch_size
            # a zero at the end of a seed would not count
            deal = None if self.seed is None else (*self.seed, number + 1)
            step = last - first if self.gather else self.at_once
            for begin in range(first, last, step):
                some = tuple(map(unit, range(begin, min(begin + step, last))))
                before, place = int(begins[begin]) - start, start % self.batch_size
                yield ReadRequest(*batches, PoolPart(some, deal, stop - start, before, place, self.gather))


def most_batches(pool: int, longest: int, batch_size: int) -> int:
    """Batches that the events of a pool go to, at most, for units of up to `longest` events."""
    return -(-(pool + longest) // batch_size) + 1


def spread(labels: NDArray[np.integer], events: Integers, rng: np.random.Generator) -> Integers:
    """Put units in random order, those of each class evenly over all of it.

    Parameters
    ----------
    labels : ndarray of int, (U,)
        The class of each unit.
    events : ndarray of int64, (U,)
        How many are delivered of each.
    rng : numpy.random.Generator
        Draws the order.

    Returns
    -------
    ndarray of int64, (U,)
        The units in their new order.
    """
    keys = np.empty(len(labels))
    for label in np.unique(labels):
        own = rng.permutation(np.flatnonzero(labels == label))
        # by events, as far from each other as can be: a pool has its share of each class, give or take a unit
        ends = np.cumsum(events[own])
        keys[own] = (ends - rng.random() * events[own]) / max(ends[-1], 1)
    return np.argsort(keys)
