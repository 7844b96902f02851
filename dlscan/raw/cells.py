"""Where events go: places of open batches, or one array, seen in the ways that make copying fast."""

import itertools
import math
from collections.abc import Iterator
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]
Rows = NDArray[np.int64]

# From here on copying event by event costs less than gathering them into a temporary array
LONG_EVENT = 8192


class Target(Protocol):
    """Memory for n events.

    Attributes
    ----------
    dtype : dtype
        Of a value.
    event_bytes : int
        Of one event.
    straight : bool
        Whether the events follow one another.
    """

    dtype: np.dtype[np.generic]
    event_bytes: int
    straight: bool

    def part(self, first: int, last: int) -> Self:
        """The events from `first` to `last`."""

    def put(self, values: Array, rows: Rows) -> None:
        """Copy `values[rows[i]]`, flat events, to event i; other types are converted. `rows` ascend."""

    def clear(self) -> None:
        """Set events to zero."""

    def fill(self, value: Array) -> None:
        """Set all values of all events to that of an array of one."""

    def pieces(self, rows: Rows) -> Iterator[tuple[int, memoryview]]:
        """The memory for event `rows[i]`, and as many as follow on it both there and here; `rows` ascend."""


class Scattered:
    """Places of open batches.

    Parameters
    ----------
    cells : ndarray, (S, E, ...)
        S batches of E events, whatever memory lies between them.
    slots, places : ndarray of int64, (n,)
        The batch of each event, and its place there.
    flattened : ndarray, (S, E, values), optional
        `cells` with flat events, if that is known.

    Raises
    ------
    ValueError
        If an event is scattered over memory.
    """

    straight = False

    def __init__(self, cells: Array, slots: Rows, places: Rows, flattened: Array | None = None) -> None:
        self._cells, self._slots, self._places = cells, slots, places
        self._events = _flattened(cells) if flattened is None else flattened
        self.dtype = cells.dtype
        self.event_bytes = self._events.shape[2] * cells.dtype.itemsize

    def part(self, first: int, last: int) -> "Scattered":
        """The events from `first` to `last`."""
        return Scattered(self._cells, self._slots[first:last], self._places[first:last], self._events)

    def put(self, values: Array, rows: Rows) -> None:
        """See `Target`."""
        if self.event_bytes >= LONG_EVENT:
            places = self._slots.tolist(), self._places.tolist()
            for row, slot, place in zip(rows.tolist(), *places, strict=True):
                self._events[slot, place] = values[row]
        else:
            self._events[self._slots, self._places] = values[rows]

    def clear(self) -> None:
        """See `Target`."""
        if self.event_bytes >= LONG_EVENT:
            cells = self._events.view(np.uint8)  # cleared faster than numbers
            for slot, place in zip(self._slots.tolist(), self._places.tolist(), strict=True):
                cells[slot, place] = 0
        else:
            self._events[self._slots, self._places] = 0

    def fill(self, value: Array) -> None:
        """See `Target`."""
        self._events[self._slots, self._places] = value

    def pieces(self, rows: Rows) -> Iterator[tuple[int, memoryview]]:
        """See `Target`."""
        cells = self._events.view(np.uint8)
        places = self._slots.tolist(), self._places.tolist()
        for row, slot, place in zip(rows.tolist(), *places, strict=True):
            yield row, cells[slot, place].data


class Straight:
    """Events one after the other.

    Parameters
    ----------
    cells : ndarray, (n, ...)
        In one piece of memory.

    Raises
    ------
    ValueError
        If it is not.
    """

    straight = True

    def __init__(self, cells: Array) -> None:
        if not cells.flags.c_contiguous:
            raise ValueError("the events must follow one another in memory")
        self._cells, self._events = cells, cells.reshape(len(cells), math.prod(cells.shape[1:]))
        self.dtype = cells.dtype
        self.event_bytes = self._events.shape[1] * cells.dtype.itemsize

    def part(self, first: int, last: int) -> "Straight":
        """The events from `first` to `last`."""
        return Straight(self._cells[first:last])

    def put(self, values: Array, rows: Rows) -> None:
        """See `Target`."""
        if is_run(rows):
            self._events[...] = values[rows[0] : rows[-1] + 1]
        elif values.dtype == self.dtype:
            # rows are as they must be: looking at each first would take as long as copying
            np.take(values, rows, axis=0, out=self._events, mode="clip")
        else:
            self._events[...] = values[rows]

    def clear(self) -> None:
        """See `Target`."""
        self._events.view(np.uint8)[...] = 0

    def fill(self, value: Array) -> None:
        """See `Target`."""
        self._events[...] = value

    def pieces(self, rows: Rows) -> Iterator[tuple[int, memoryview]]:
        """See `Target`."""
        cells = self._events.view(np.uint8)
        edges = [0, *(np.flatnonzero(np.diff(rows) != 1) + 1).tolist(), len(rows)]
        for first, last in itertools.pairwise(edges):
            yield int(rows[first]), cells[first:last].reshape(-1).data


def is_run(rows: Rows) -> bool:
    """Whether each of some ascending rows is the next one after that before."""
    return bool(len(rows) and rows[-1] - rows[0] == len(rows) - 1)


def _flattened(cells: Array) -> Array:
    """The same memory with each event's values flat."""
    shape, strides = cells.shape[2:], cells.strides[2:]
    step = cells.dtype.itemsize
    size = 1
    for length, stride in zip(reversed(shape), reversed(strides), strict=True):
        if cells.size and length != 1 and stride != size * step:
            raise ValueError("the values of an event must follow one another in memory")
        size *= length
    return cells.reshape(*cells.shape[:2], size)
