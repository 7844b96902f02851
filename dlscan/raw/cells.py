"""Where events go: places of open batches, or one array, seen in the ways that make copying fast."""

import itertools
import math
from collections.abc import Iterator
from typing import Protocol, Self

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Array = NDArray[np.generic]
Rows = NDArray[np.int64]

# From here on copying event by event costs less than gathering them into a temporary array
LONG_EVENT = 8192


class Destination(Protocol):
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

    def fill(self, value: Array) -> None:
        """Set all values of all events to that of an array of one."""

    def pieces(self, rows: Rows) -> Iterator[tuple[int, memoryview]]:
        """The memory for event `rows[i]`, and as many as follow on it both there and here; `rows` ascend."""


class Cells:
    """Open batches.

    Parameters
    ----------
    cells : ndarray, (S, E, ...)
        S batches of E events, whatever memory lies between them.

    Attributes
    ----------
    events : ndarray, (S, E, values)
        The same memory, events flattened.
    memory : memoryview
        The bytes from the first value to the last.
    steps : (int, int)
        Bytes from batch to batch, and from event to event.

    Raises
    ------
    ValueError
        If an event is scattered over memory.
    """

    def __init__(self, cells: Array) -> None:
        shape, strides = cells.shape[2:], cells.strides[2:]
        step = cells.dtype.itemsize
        size = 1
        for length, stride in zip(reversed(shape), reversed(strides), strict=True):
            if cells.size and length != 1 and stride != size * step:
                raise ValueError("the values of an event must be contiguous in memory")
            size *= length
        self.events = cells.reshape(*cells.shape[:2], size)
        self.steps = cells.strides[0], cells.strides[1]
        length = sum((n - 1) * step for n, step in zip(cells.shape, self.steps, strict=False)) + size * step
        self.memory = as_strided(self.events.view(np.uint8), (length if cells.size else 0,), (1,)).data

    def at(self, slots: Rows, places: Rows) -> "Scattered":
        """The events at some places.

        Parameters
        ----------
        slots, places : ndarray of int64, (n,)
            The batch of each event, and its place there.
        """
        return Scattered(self, slots, places)


class Scattered:
    """Places of open batches; made by `Cells.at`."""

    straight = False

    def __init__(self, cells: Cells, slots: Rows, places: Rows) -> None:
        self._cells, self._slots, self._places = cells, slots, places
        self.dtype = cells.events.dtype
        self.event_bytes = cells.events.shape[2] * self.dtype.itemsize

    def part(self, first: int, last: int) -> "Scattered":
        """The events from `first` to `last`."""
        return Scattered(self._cells, self._slots[first:last], self._places[first:last])

    def put(self, values: Array, rows: Rows) -> None:
        """See `Destination`."""
        size = self.event_bytes
        if size < LONG_EVENT or values.dtype != self.dtype:
            self._cells.events[self._slots, self._places] = values[rows]
            return
        source = values.reshape(-1).view(np.uint8).data
        for row, memory in self.pieces(rows):
            memory[:] = source[row * size : row * size + size]

    def fill(self, value: Array) -> None:
        """See `Destination`."""
        self._cells.events[self._slots, self._places] = value

    def pieces(self, rows: Rows) -> Iterator[tuple[int, memoryview]]:
        """See `Destination`."""
        memory, size = self._cells.memory, self.event_bytes
        by_slot, by_place = self._cells.steps
        begins = (self._slots * by_slot + self._places * by_place).tolist()
        return ((row, memory[begin : begin + size]) for row, begin in zip(rows.tolist(), begins, strict=True))


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
            raise ValueError("the events must be contiguous in memory")
        self._cells, self._events = cells, cells.reshape(len(cells), math.prod(cells.shape[1:]))
        self.dtype = cells.dtype
        self.event_bytes = self._events.shape[1] * cells.dtype.itemsize

    def part(self, first: int, last: int) -> "Straight":
        """The events from `first` to `last`."""
        return Straight(self._cells[first:last])

    def put(self, values: Array, rows: Rows) -> None:
        """See `Destination`."""
        if is_run(rows):
            self._events[...] = values[rows[0] : rows[-1] + 1]
        elif values.dtype == self.dtype:
            # rows are as they must be: looking at each first would take as long as copying
            np.take(values, rows, axis=0, out=self._events, mode="clip")
        else:
            self._events[...] = values[rows]

    def fill(self, value: Array) -> None:
        """See `Destination`."""
        self._events[...] = value

    def pieces(self, rows: Rows) -> Iterator[tuple[int, memoryview]]:
        """See `Destination`."""
        cells = self._events.view(np.uint8)
        edges = [0, *(np.flatnonzero(np.diff(rows) != 1) + 1).tolist(), len(rows)]
        for first, last in itertools.pairwise(edges):
            yield int(rows[first]), cells[first:last].reshape(-1).data


def is_run(rows: Rows) -> bool:
    """Whether each of some ascending rows is the next one after that before."""
    return bool(len(rows) and rows[-1] - rows[0] == len(rows) - 1)
