"""Chunks that hold parts of events, as h5py cuts them when it is left to choose.

A tile holds a small box of each of its events. Events are put together box by box in memory that stays in the
processor's cache, and copied whole to where they go: boxes are narrow, and writing them, or what is not zero
in them, to places all over memory takes longer.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from dlscan.raw.blobs import Blobs, Scratch
from dlscan.raw.cells import Array, Destination, Rows
from dlscan.raw.decode import Raw
from dlscan.raw.index import DatasetIndex
from dlscan.raw.whole import decoded, fill_value, runs_by_chunk

# Events that are put together at a time take about so many bytes
_TOGETHER_BYTES = 12 * 2**20
# Tiles of more events than that are held, inflated, up to so many bytes; beyond they are inflated again
_HELD_BYTES = 64 * 2**20

Tile = tuple[int, Raw]


class Tiles:
    """Tiles of a dataset, deflated or plain."""

    def __init__(self, index: DatasetIndex, blobs: Blobs) -> None:
        assert index.chunks is not None
        self._index, self._blobs = index, blobs
        self._length, side = index.chunks[0], index.chunks[1:]
        self._bytes = math.prod(index.chunks) * np.dtype(index.dtype).itemsize
        layout = index.dtype, index.shape, side
        self._bench = blobs.scratch.kept(layout, lambda: _Bench(*layout, blobs.scratch))

    def read(self, rows: Rows, to: Destination) -> None:
        """See `DirectFile.read`."""
        for chunk, first, last in runs_by_chunk(rows, self._length):
            within, part = rows[first:last] - chunk * self._length, to.part(first, last)
            edges = range(int(within[0]), int(within[-1]) + 1, self._bench.held)
            for begin in edges:
                self._read(chunk, within, part, begin, min(begin + edges.step, edges.stop))

    def _read(self, chunk: int, within: Rows, to: Destination, begin: int, end: int) -> None:
        """Read those rows `within` a chunk that lie from `begin` to `end`."""
        tiles: Iterable[Tile] = self._tiles(chunk, begin, end)
        room = self._bench.room
        if end - begin > room:
            tiles = list(tiles)  # each is wanted several times
        for start in range(begin, end, room):
            stop = min(start + room, end)
            first, last = np.searchsorted(within, [start, stop]).tolist()
            if first < last:
                events = self._bench.put_together(tiles, start - begin, stop - begin)
                to.part(first, last).put(events, within[first:last] - start)

    def _tiles(self, chunk: int, begin: int, end: int) -> Iterator[Tile]:
        """Rows of the tiles of a chunk, inflated: which box of the events, and its bytes."""
        index, count = self._index, self._bench.boxes
        step = self._bytes // self._length
        numbers = np.arange(chunk * count, (chunk + 1) * count)
        written = index.offsets[numbers] >= 0
        for box in np.flatnonzero(~written).tolist():
            value = fill_value(index)
            yield box, value * ((end - begin) * step // len(value))
        numbers = numbers[written]
        for number, data in self._blobs.read(numbers, index.offsets[numbers], index.sizes[numbers]):
            plain: Raw = bytes(data)
            if index.codec != "plain":
                plain = decoded(index, data, number, self._bytes)
            yield number % count, plain[begin * step : end * step] if end - begin < self._length else plain


@dataclasses.dataclass(frozen=True)
class _Box:
    """Where a box goes, and how it lies in a tile, in lines along its last axis.

    Attributes
    ----------
    place : ndarray, (room, ...)
        Its lines in the events on the bench.
    line : dtype
        The bytes of a line.
    shape, steps : tuple of int
        Lines of an event, and the steps from one to the next in a tile.
    """

    place: NDArray[np.void]
    line: np.dtype[np.void]
    shape: tuple[int, ...]
    steps: tuple[int, ...]


class _Bench:
    """Memory for some events, to be put together from tiles.

    Attributes
    ----------
    room : int
        Events that there is memory for.
    held : int
        Events whose tiles may be held.
    boxes : int
        Tiles that an event lies in.
    """

    def __init__(self, dtype: str, shape: tuple[int, ...], side: tuple[int, ...], scratch: Scratch) -> None:
        step = np.dtype(dtype).itemsize
        event = math.prod(shape) * step
        self.room, self.held = max(1, _TOGETHER_BYTES // event), max(1, _HELD_BYTES // event)
        self._step = math.prod(side) * step
        # all layouts share their memory: one is in use at a time
        size = max(_TOGETHER_BYTES, event)
        memory = scratch.kept(size, lambda: bytearray(size))
        self._events = np.ndarray((self.room, *shape), dtype, memory)
        counts = [-(-length // edge) for length, edge in zip(shape, side, strict=True)]
        self._boxes = [self._box(side, corner) for corner in itertools.product(*map(range, counts))]
        self.boxes = len(self._boxes)

    def put_together(self, tiles: Iterable[Tile], start: int, stop: int) -> Array:
        """Events `start` to `stop` of a chunk, flat; they are there until the next ones."""
        count = stop - start
        for number, data in tiles:
            box = self._boxes[number]
            lines = np.ndarray((count, *box.shape), box.line, data, start * self._step, box.steps)
            box.place[:count] = lines
        return self._events[:count].reshape(count, -1)

    def _box(self, side: tuple[int, ...], corner: tuple[int, ...]) -> _Box:
        """The box at a corner of the grid; one at an edge is cut to what lies in the event."""
        events, item = self._events, self._events.itemsize
        starts = [number * edge for number, edge in zip(corner, side, strict=True)]
        lengths = [
            min(edge, size - first) for edge, size, first in zip(side, events.shape[1:], starts, strict=True)
        ]
        offset = sum(first * step for first, step in zip(starts, events.strides[1:], strict=True))
        line = np.dtype((np.void, lengths[-1] * item))
        place = np.ndarray((self.room, *lengths[:-1]), line, events, offset, events.strides[:-1])
        steps = [math.prod(side[axis:]) * item for axis in range(len(side))]
        return _Box(place, line, tuple(lengths[:-1]), tuple(steps))
