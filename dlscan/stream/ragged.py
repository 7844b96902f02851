"""Entries of events on their way to a batch: each event gets the same room, with zeros behind its entries."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def pad(counts: Array, entries: Array, out: Array, mask: Array) -> None:
    """Write the entries of events to their places.

    Parameters
    ----------
    counts : ndarray of int, (n,)
        Entries of each event, at most T.
    entries : ndarray, (sum of counts, F)
        Event by event.
    out : ndarray of float32, (n, T, F)
        Contiguous; gets the entries, and zeros behind them.
    mask : ndarray of bool, (n, T)
        Gets which entries are there.
    """
    events, longest = mask.shape
    np.less(np.arange(longest), counts[:, None], out=mask)
    cells = out.reshape(events * longest, -1)
    if len(entries) == len(cells):
        cells[...] = entries
        return
    cells.view(np.uint8)[...] = 0  # bytes are cleared faster than numbers
    cells[np.flatnonzero(mask)] = entries


def deal(offsets: Array, entries: Array, hand: Array, out: Array, mask: Array) -> None:
    """Write the entries of those events that are a `hand`, (n,), in its order; the rest is as for `pad`.

    `offsets` (N + 1,) are those of all events.
    """
    events, longest = mask.shape
    starts = offsets[hand]
    np.less(np.arange(longest), (offsets[hand + 1] - starts)[:, None], out=mask)
    cells = out.reshape(events * longest, -1)
    cells.view(np.uint8)[...] = 0
    places = np.flatnonzero(mask)
    own, place = np.divmod(places, longest)
    cells[places] = entries.take(starts[own] + place, axis=0)
