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


def scatter(counts: Array, entries: Array, cells: Array, masks: Array, where: tuple[Array, Array]) -> None:
    """Write the entries of events to their places in open batches.

    Parameters
    ----------
    counts, entries
        As for `pad`.
    cells : ndarray of float32, (slots, events, T, F)
        The batches, each contiguous; get the entries, and zeros behind them.
    masks : ndarray of bool, (slots, events, T)
        Gets which entries are there.
    where : (ndarray of int, (n,), ndarray of int, (n,))
        The slot of each event, and its place there.
    """
    slots, places = where
    longest = masks.shape[2]
    masks[where] = np.arange(longest) < counts[:, None]
    events = _whole(cells.reshape(*cells.shape[:2], -1))
    events[where] = np.zeros((), events.dtype)
    # of each entry: the first one of its event is that many further on in the batch than among entries
    shifts = places * longest - (np.cumsum(counts) - counts)
    lines = _whole(cells.reshape(len(cells), masks[0].size, -1))
    entries = np.ascontiguousarray(entries, cells.dtype)
    lines[np.repeat(slots, counts), np.repeat(shifts, counts) + np.arange(len(entries))] = _whole(entries)


def _whole(values: Array) -> NDArray[np.void]:
    """What lies along the last axis as one element: it is copied faster than number by number."""
    return values.view(np.dtype((np.void, values.shape[-1] * values.itemsize)))[..., 0]


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
