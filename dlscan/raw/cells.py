"""Where events go: the places of open batches, seen in the ways that make copying fast."""

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

Array = NDArray[np.generic]
Rows = NDArray[np.int64]

# From here on copying event by event costs less than gathering them into a temporary array
LONG_EVENT = 8192


class Cells:
    """An array of S batches of E events each, whatever memory lies between them.

    Parameters
    ----------
    cells : ndarray, (S, E, ...)
        Typed; each event's values follow one another in memory.

    Attributes
    ----------
    dtype : dtype
        Of a value.
    events : ndarray, (S, E, n)
        The same memory, events flattened.
    event_bytes : int
        Of one event.

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
            if length != 1 and stride != size * step:
                raise ValueError("the values of an event must follow one another in memory")
            size *= length
        self.shaped = cells
        self.dtype = cells.dtype
        self.event_bytes = size * step
        self.events = as_strided(cells, (*cells.shape[:2], size), (*cells.strides[:2], step))

    def takes(self, dtype: np.dtype[np.generic]) -> bool:
        """Whether values of this type are copied as they are."""
        return self.dtype == dtype

    def bytes(self) -> NDArray[np.uint8]:
        """The events as bytes, (S, E, event_bytes)."""
        return self.events.view(np.uint8)

    def put(self, values: Array, rows: Rows, slots: Rows, places: Rows) -> None:
        """Copy `values[rows[i]]` to place `places[i]` of batch `slots[i]`; other types are converted.

        Parameters
        ----------
        values : ndarray, (n, size)
            Whole events.
        """
        if self.event_bytes >= LONG_EVENT:
            for row, slot, place in zip(rows.tolist(), slots.tolist(), places.tolist(), strict=True):
                self.events[slot, place] = values[row]
        else:
            self.events[slots, places] = values[rows]

    def clear(self, slots: Rows, places: Rows) -> None:
        """Set events to zero."""
        if self.event_bytes >= LONG_EVENT:
            cells = self.bytes()  # cleared faster than numbers
            for slot, place in zip(slots.tolist(), places.tolist(), strict=True):
                cells[slot, place] = 0
        else:
            self.events[slots, places] = 0

    def flat(self) -> tuple[Array, int, int]:
        """All memory from the first value to the last, flat, and the steps of slot and place in it."""
        slots, places, size = self.events.shape
        step = self.dtype.itemsize
        by_slot, by_place = (stride // step for stride in self.events.strides[:2])
        length = (slots - 1) * by_slot + (places - 1) * by_place + size
        return as_strided(self.events, (length,), (step,)), by_slot, by_place
