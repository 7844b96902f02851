"""Elements of compound datasets on their way to numbers: read whole, and taken apart when all are there."""

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

from dlscan.raw.cells import Array, Rows, is_run
from dlscan.raw.fields import pick
from dlscan.raw.index import DatasetIndex


def numbers(index: DatasetIndex, elements: Array) -> Array:
    """The numbers of a field: of elements (n, ...) of as many events, (n, values)."""
    part = index.part
    assert part is not None
    sub = index.shape[len(part.shape) :]
    return pick(elements, part, np.dtype(index.dtype), sub).reshape(len(elements), math.prod(index.shape))


def numbers_of_entries(index: DatasetIndex, elements: Array) -> Array:
    """The numbers of a field, of elements (n,) each by itself: (n, values)."""
    part = index.part
    assert part is not None
    one = dataclasses.replace(part, shape=())
    sub = index.shape[len(part.shape) :]
    return pick(elements, one, np.dtype(index.dtype), sub).reshape(len(elements), math.prod(sub))


class Chosen:
    """Takes whole elements, and keeps those of which a field says that they are there.

    What is padding is most of many tables: it is not copied any further.

    Parameters
    ----------
    valid : DatasetIndex
        The field.
    mask : ndarray of bool, (n, T)
        Gets what it says.
    kept : list of (int, ndarray)
        Gets the elements, (m,), each time with the first event that they are of.
    """

    straight = False
    # no elements go anywhere as they are
    dtype: np.dtype[np.generic] = np.dtype(np.void)

    def __init__(
        self, valid: DatasetIndex, mask: Array, kept: list[tuple[int, Array]], first: int = 0
    ) -> None:
        assert valid.part is not None
        self._valid, self._mask, self._kept, self._first = valid, mask, kept, first
        self.event_bytes = math.prod(valid.part.shape) * valid.part.size

    def part(self, first: int, last: int) -> "Chosen":
        """See `Destination`."""
        return Chosen(self._valid, self._mask[first:last], self._kept, self._first + first)

    def put(self, values: Array, rows: Rows) -> None:
        """See `Destination`."""
        events, longest = self._mask.shape
        # what lies before the first one and behind the last need not be looked at
        values, rows = values[rows[0] : rows[-1] + 1], rows - rows[0]
        there = numbers(self._valid, values)
        self._mask[...] = there if len(there) == events else there[rows]
        places = np.flatnonzero(self._mask)
        if len(there) != events:
            places += ((rows - np.arange(events)) * longest)[places // longest]
        # places are as they must be: looking at each first would take as long as copying
        self._kept.append((self._first, values.reshape(-1).take(places, mode="clip")))

    def fill(self, value: Array) -> None:
        """See `Destination`; `value` is one element."""
        elements = np.repeat(value.reshape(1, 1), self._mask.shape[1], axis=1)
        self.put(elements, np.zeros(len(self._mask), np.int64))

    def pieces(self, rows: Rows) -> Iterator[tuple[int, memoryview]]:
        """See `Destination`; elements have no place of their own."""
        raise NotImplementedError


class Lane:
    """Events of an array with whatever strides.

    Parameters
    ----------
    cells : ndarray, (n, ...)
        Where they go.
    """

    straight = False
    dtype: np.dtype[np.generic] = np.dtype(np.void)

    def __init__(self, cells: Array) -> None:
        self._cells = cells
        self.event_bytes = math.prod(cells.shape[1:]) * cells.dtype.itemsize

    def part(self, first: int, last: int) -> "Lane":
        """See `Destination`."""
        return Lane(self._cells[first:last])

    def put(self, values: Array, rows: Rows) -> None:
        """See `Destination`."""
        chosen = values[rows[0] : rows[-1] + 1] if is_run(rows) else values[rows]
        self._cells[...] = chosen.reshape(self._cells.shape)

    def fill(self, value: Array) -> None:
        """See `Destination`."""
        self._cells[...] = np.broadcast_to(value, self._cells[0].size).reshape(self._cells.shape[1:])

    def pieces(self, rows: Rows) -> Iterator[tuple[int, memoryview]]:
        """See `Destination`; the values of an event are scattered over memory."""
        raise NotImplementedError
