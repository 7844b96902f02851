"""Where the fields of a compound dataset go when its elements have been read."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from dlscan.raw.cells import Array, Destination, Rows, is_run
from dlscan.raw.fields import pick
from dlscan.raw.index import DatasetIndex


class Unpacked:
    """Takes whole elements, and gives each of some fields of them where it is wanted.

    Parameters
    ----------
    fields : sequence of (DatasetIndex, Destination)
        All of one dataset, for the same events.
    """

    straight = False
    # no elements go anywhere as they are
    dtype: np.dtype[np.generic] = np.dtype(np.void)

    def __init__(self, fields: Sequence[tuple[DatasetIndex, Destination]]) -> None:
        self._fields = fields
        part = fields[0][0].part
        assert part is not None
        self._elements = math.prod(part.shape)
        self.event_bytes = self._elements * part.size

    def part(self, first: int, last: int) -> "Unpacked":
        """See `Destination`."""
        return Unpacked([(index, to.part(first, last)) for index, to in self._fields])

    def put(self, values: Array, rows: Rows) -> None:
        """See `Destination`."""
        if is_run(rows):
            values, rows = values[rows[0] : rows[-1] + 1], np.arange(len(rows))
        for index, to in self._fields:
            to.put(_numbers(index, values), rows)

    def fill(self, value: Array) -> None:
        """See `Destination`; `value` is one element."""
        for index, to in self._fields:
            to.fill(_numbers(index, np.repeat(value.reshape(1, 1), self._elements, axis=1))[0])

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


def _numbers(index: DatasetIndex, elements: Array) -> Array:
    """The numbers of elements (n, elements): flat events, (n, values)."""
    part = index.part
    assert part is not None
    sub = index.shape[len(part.shape) :]
    return pick(elements, part, np.dtype(index.dtype), sub).reshape(len(elements), math.prod(index.shape))
