"""Chunks that hold parts of events, as h5py cuts them when it is left to choose.

A tile holds a small box of each of its events. Boxes are narrow, so copying them line by line is slow.
Detector images are mostly zero: events are cleared, and each value of a tile that is not zero goes to its
place in memory: the place of its event plus its place in the event. Fuller tiles are copied box by box.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dlscan.raw.blobs import Blobs
from dlscan.raw.cells import Array, Rows, Straight, Target, is_run
from dlscan.raw.index import DatasetIndex
from dlscan.raw.whole import inflated, put_fill, runs_by_chunk

# Values that are looked through at once: they and their places fit a processor's cache
_SLAB = 2**16
# Places that are kept from tile to tile
_KEPT = 2**18
# Share of values that are not zero from which boxes are copied whole
_FULL = 1 / 4
# Events below this are put together box by box: there are few boxes, and they are seldom empty
_SHORT_EVENT = 1024
# Marks, in a table of places, what is not to be copied: even twice of it plus a place in an event is negative
_NOWHERE = -(2**62)


@dataclasses.dataclass(frozen=True)
class _Box:
    """What a tile covers of an event: the place of its first value, the part of it that lies in the event."""

    origin: int
    start: tuple[int, ...]
    inside: tuple[int, ...]

    def region(self) -> tuple[slice, ...]:
        return tuple(slice(a, a + n) for a, n in zip(self.start, self.inside, strict=True))


@dataclasses.dataclass(frozen=True, eq=False)
class _Slab:
    """Some rows of a tile: which, where their events begin in memory, which of the wanted rows they are."""

    rows: slice | Rows
    bases: Rows
    wanted: slice
    masked: bool


class Tiles:
    """Tiles of a dataset, deflated or plain."""

    def __init__(self, index: DatasetIndex, blobs: Blobs) -> None:
        assert index.chunks is not None
        self._index, self._blobs = index, blobs
        self._dtype = np.dtype(index.dtype)
        self._bits = np.dtype(f"u{self._dtype.itemsize}")
        self._length, self._side = index.chunks[0], index.chunks[1:]
        self._size = math.prod(self._side)
        self._bytes = self._length * self._size * self._dtype.itemsize
        self._boxes, self._within = _geometry(index.shape, self._side)
        # where HDF5 fills in something, a zero is a value like any other
        self._full = -1.0 if index.fill else _FULL
        self._last_was_full = False

    def read(self, rows: Rows, to: Target) -> None:
        """See `DirectFile`."""
        if to.event_bytes >= _SHORT_EVENT:
            self._read_values(rows, to)
            return
        for chunk, first, last in runs_by_chunk(rows, self._length):
            within, part = rows[first:last] - chunk * self._length, to.part(first, last)
            if to.dtype == self._dtype and to.straight and is_run(within):
                self._read_boxes(chunk, within, part)
            else:
                self._read_and_pick(chunk, within, part)

    def _read_and_pick(self, chunk: int, within: Rows, to: Target) -> None:
        """Put events together in a temporary array, for copying them whole is quick then."""
        every = np.arange(within[0], within[-1] + 1)
        events = np.empty((len(every), *self._index.shape), self._dtype)
        self._read_boxes(chunk, every, Straight(events))
        to.put(events.reshape(len(every), -1), within - within[0])

    def _read_boxes(self, chunk: int, within: Rows, to: Target) -> None:
        """Read a run of rows of a chunk, box by box."""
        if (self._index.offsets[self._numbers(chunk)] < 0).any():
            put_fill(self._index, to)
        begin, end = within[0] * self._size, (within[-1] + 1) * self._size
        for box, raw in self._inflated(chunk):
            found = np.frombuffer(raw, self._dtype)[begin:end]
            to.put_boxes(self._inside(found, box), box.region())

    def _read_values(self, rows: Rows, to: Target) -> None:
        put_fill(self._index, to)
        flat, bases = to.flat()
        for chunk, first, last in runs_by_chunk(rows, self._length):
            part = slice(first, last)
            slabs = list(_slabs(rows[part] - chunk * self._length, bases[part], max(1, _SLAB // self._size)))
            tables = _Tables(slabs, self._within)
            for box, raw in self._inflated(chunk):
                for place, slab in enumerate(slabs):
                    found = self._bits_of(raw, slab)
                    if not self._copy_values(found, tables.of(place, box), slab.masked, box, flat):
                        self._copy_box(found, slab, box, to.part(first, last))

    def _numbers(self, chunk: int) -> Rows:
        """The tiles of the events of a chunk."""
        count = len(self._boxes)
        return np.arange(chunk * count, (chunk + 1) * count)

    def _inflated(self, chunk: int) -> "Iterator[tuple[_Box, bytes | bytearray | memoryview]]":
        """The tiles of the events of a chunk that were written, each with what it covers."""
        index, numbers = self._index, self._numbers(chunk)
        numbers = numbers[index.offsets[numbers] >= 0]
        for number, data in self._blobs.read(numbers, index.offsets[numbers], index.sizes[numbers]):
            raw = inflated(data, number, self._bytes) if index.codec == "gzip" else data
            yield self._boxes[number % len(self._boxes)], raw

    def _inside(self, found: Array, box: _Box) -> Array:
        """Boxes cut to what lies in their events."""
        values = found.view(self._dtype).reshape(-1, *self._side)
        for axis, length in enumerate(box.inside, start=1):
            values = values[(slice(None),) * axis + (slice(length),)]
        return values

    def _bits_of(self, raw: "bytes | bytearray | memoryview", slab: _Slab) -> Array:
        if isinstance(slab.rows, slice):
            start, stop = slab.rows.start * self._size, slab.rows.stop * self._size
            return np.frombuffer(raw, self._bits, stop - start, start * self._bits.itemsize)
        return np.frombuffer(raw, self._bits).reshape(-1, self._size)[slab.rows].reshape(-1)

    def _copy_values(self, found: Array, table: Rows, masked: bool, box: _Box, flat: Array) -> bool:
        """Copy what is not zero, or return False if that is too much."""
        hits = found != 0
        most = self._full * hits.size
        # tiles are alike: counting first saves listing the places in full ones, and costs time in others
        if self._last_was_full and np.count_nonzero(hits) > most:
            return False
        entries = hits.nonzero()[0]
        self._last_was_full = len(entries) > most
        if self._last_was_full:
            return False
        to = table[entries]
        if masked or box.inside != self._side:
            kept = to >= 0
            to, entries = to[kept], entries[kept]
        to += box.origin
        flat[to] = found.view(self._dtype)[entries]
        return True

    def _copy_box(self, found: Array, slab: _Slab, box: _Box, to: Target) -> None:
        values = self._inside(found, box)
        if slab.masked:
            values = values[slab.bases >= 0]
        to.part(slab.wanted.start, slab.wanted.stop).put_boxes(values, box.region())


class _Tables:
    """The place in memory of each value of a tile, slab by slab."""

    def __init__(self, slabs: list[_Slab], within: dict[tuple[int, ...], Rows]) -> None:
        self._slabs, self._within = slabs, within
        self._kept: dict[tuple[int, tuple[int, ...]], Rows] = {}
        self._room = _KEPT

    def of(self, place: int, box: _Box) -> Rows:
        """Places for the slab at `place`, less the box's origin."""
        key = place, box.inside
        table = self._kept.get(key)
        if table is None:
            table = (self._slabs[place].bases[:, None] + self._within[box.inside]).reshape(-1)
            if table.size <= self._room:
                self._kept[key] = table
                self._room -= table.size
        return table


@functools.lru_cache(maxsize=64)
def _geometry(
    shape: tuple[int, ...], side: tuple[int, ...]
) -> tuple[list[_Box], dict[tuple[int, ...], Rows]]:
    """How boxes with these sides cover an event, in the order of chunks, and the places in each kind."""
    counts = [-(-length // edge) for length, edge in zip(shape, side, strict=True)]
    boxes = [_box(shape, side, corner) for corner in itertools.product(*map(range, counts))]
    return boxes, {inside: _within(shape, side, inside) for inside in {box.inside for box in boxes}}


def _box(shape: tuple[int, ...], side: tuple[int, ...], corner: tuple[int, ...]) -> _Box:
    start = tuple(number * edge for number, edge in zip(corner, side, strict=True))
    inside = tuple(min(edge, length - first) for edge, length, first in zip(side, shape, start, strict=True))
    origin = sum(first * step for first, step in zip(start, _steps(shape), strict=True))
    return _Box(origin, start, inside)


def _within(shape: tuple[int, ...], side: tuple[int, ...], inside: tuple[int, ...]) -> Rows:
    """The place in its event of each value of a box at the origin; what lies outside the event is nowhere."""
    place: NDArray[np.int64] = np.zeros(side, np.int64)
    for axis, step in enumerate(_steps(shape)):
        around = [-1 if other == axis else 1 for other in range(len(side))]
        place += (np.arange(side[axis]) * step).reshape(around)
    outside = np.ones(side, bool)
    outside[tuple(slice(n) for n in inside)] = False
    place[outside] = _NOWHERE
    return place.reshape(-1)


def _steps(shape: tuple[int, ...]) -> list[int]:
    return [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]


def _slabs(rows: Rows, bases: Rows, length: int) -> Iterator[_Slab]:
    """Cut the ascending `rows` of a tile into slabs of at most `length` rows."""
    begin, end = int(rows[0]), int(rows[-1]) + 1
    if 2 * len(rows) < end - begin:
        for first in range(0, len(rows), length):
            part = slice(first, first + length)
            yield _Slab(rows[part], bases[part], part, masked=False)
        return
    for start in range(begin, end, length):
        stop = min(start + length, end)
        first, last = np.searchsorted(rows, [start, stop]).tolist()
        if first < last:
            table = np.full(stop - start, _NOWHERE)
            table[rows[first:last] - start] = bases[first:last]
            yield _Slab(slice(start, stop), table, slice(first, last), last - first < stop - start)
