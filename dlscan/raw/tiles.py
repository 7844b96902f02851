"""Chunks that hold parts of events, as h5py cuts them when it is left to choose.

A tile holds a small box of each of its events. Boxes are narrow, and it takes long to write them, or what is
not zero in them, to places all over memory. So events are put together slab by slab. A slab is what one step
of tiles along the first axis holds: one piece of each event. It stays in the processor's cache until the
pieces are copied to where they go.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dlscan.raw.blobs import Blobs, Scratch
from dlscan.raw.cells import Array, Destination, Rows, Straight
from dlscan.raw.decode import Raw
from dlscan.raw.index import DatasetIndex
from dlscan.raw.whole import decoded, fill_value, runs_by_chunk

# A slab of all events of a tile takes about so many bytes at most: they fit in the second cache of a core
_SLAB_BYTES = 3 * 2**19
# What is put together at a time where the tiles leave no choice but whole events
_TOGETHER_BYTES = 12 * 2**20
# Tiles of more events than that are held, inflated, up to so many bytes; beyond they are inflated again
_HELD_BYTES = 64 * 2**20

Tile = tuple[int, Raw | memoryview]


class Tiles:
    """Tiles of a dataset, deflated or plain."""

    def __init__(self, index: DatasetIndex, blobs: Blobs) -> None:
        assert index.chunks is not None
        self._index, self._blobs = index, blobs
        self._length = index.chunks[0]
        self._bytes = math.prod(index.chunks) * np.dtype(index.dtype).itemsize
        layout = index.dtype, index.shape, index.chunks
        self._bench = blobs.scratch.kept(layout, lambda: _Bench(*layout, blobs.scratch))

    def read(self, rows: Rows, to: Destination) -> None:
        """See `DirectFile.read`."""
        for chunk, first, last in runs_by_chunk(rows, self._length):
            within, part = rows[first:last] - chunk * self._length, to.part(first, last)
            edges = range(int(within[0]), int(within[-1]) + 1, self._bench.held)
            for begin in edges:
                end = min(begin + edges.step, edges.stop)
                some = slice(*np.searchsorted(within, [begin, end]).tolist())
                if some.start < some.stop:
                    self._read(chunk, within[some] - begin, part.part(some.start, some.stop), begin, end)

    def _read(self, chunk: int, rows: Rows, to: Destination, begin: int, end: int) -> None:
        """Read some `rows`, counted from `begin`, of those of a chunk that lie from `begin` to `end`."""
        if not to.divisible:
            index = self._index
            events = np.empty((len(rows), math.prod(index.shape)), index.dtype)
            self._read(chunk, rows, Straight(events), begin, end)
            to.put(events, np.arange(len(rows)))
            return
        room = self._bench.room
        for slab in self._bench.slabs:
            tiles: Iterable[Tile] = self._tiles(chunk, slab.tiles, begin, end)
            if end - begin > room:
                tiles = list(tiles)  # each is wanted several times
            for start in range(0, end - begin, room):
                stop = min(start + room, end - begin)
                first, last = np.searchsorted(rows, [start, stop]).tolist()
                if first < last:
                    values = slab.put_together(tiles, start, stop)
                    to.part(first, last).put(values, rows[first:last] - start, slab.first)

    def _tiles(self, chunk: int, wanted: range, begin: int, end: int) -> Iterator[Tile]:
        """Rows of some tiles of a chunk, inflated: which box of the slab, and its bytes."""
        index, count = self._index, self._bench.boxes
        step = self._bytes // self._length
        base = chunk * count + wanted.start
        numbers = np.arange(base, base + len(wanted))
        written = index.offsets[numbers] >= 0
        for box in np.flatnonzero(~written).tolist():
            value = fill_value(index)
            yield box, value * ((end - begin) * step // len(value))
        numbers = numbers[written]
        for number, data in self._blobs.read(numbers, index.offsets[numbers], index.sizes[numbers]):
            plain: Raw = bytes(data)
            if index.codec != "plain":
                plain = decoded(index, data, number, self._bytes)
            yield number - base, memoryview(plain)[begin * step : end * step]


@dataclasses.dataclass(frozen=True)
class _Box:
    """Where a box goes, and how it lies in a tile, in lines along its last axis.

    Attributes
    ----------
    place : ndarray, (room, ...)
        Its lines in the slabs on the bench.
    line : dtype
        The bytes of a line.
    shape, steps : tuple of int
        Lines of an event, and the steps from one to the next in a tile.
    """

    place: NDArray[np.void]
    line: np.dtype[np.void]
    shape: tuple[int, ...]
    steps: tuple[int, ...]


class _Slab:
    """Memory for one piece of some events, to be put together from tiles.

    Attributes
    ----------
    tiles : range
        Which tiles of a chunk hold it.
    first : int
        The first of its values in the flat event.
    """

    def __init__(self, tiles: range, first: int, pieces: Array, boxes: Sequence[_Box]) -> None:
        self.tiles, self.first, self._boxes = tiles, first, boxes
        self._pieces = pieces.reshape(len(pieces), -1)

    def put_together(self, tiles: Iterable[Tile], start: int, stop: int) -> Array:
        """The piece of events `start` to `stop` of `tiles`, flat; it is there until the next one."""
        count = stop - start
        for number, data in tiles:
            box = self._boxes[number]
            lines = np.ndarray((count, *box.shape), box.line, data, start * box.steps[0], box.steps)
            box.place[:count] = lines
        return self._pieces[:count]


class _Bench:
    """The slabs of an event.

    Attributes
    ----------
    room : int
        Events whose slab there is memory for.
    held : int
        Events whose tiles may be held.
    boxes : int
        Tiles that an event lies in.
    slabs : list
        All of them; they share their memory.
    """

    def __init__(self, dtype: str, shape: tuple[int, ...], chunks: tuple[int, ...], scratch: Scratch) -> None:
        self._dtype, self._shape, self._side = np.dtype(dtype), shape, chunks[1:]
        counts = [-(-length // edge) for length, edge in zip(shape, self._side, strict=True)]
        event = math.prod(shape) * self._dtype.itemsize
        thick = min(event, self._side[0] * (event // shape[0]))  # one step of tiles
        most = _SLAB_BYTES if counts[0] > 1 else _TOGETHER_BYTES
        steps = min(counts[0], max(1, most // (chunks[0] * thick)))
        thick = min(event, steps * thick)
        self.room, self.held = max(1, most // thick), max(1, _HELD_BYTES // event)
        # all layouts share their memory: one is in use at a time
        size = max(_TOGETHER_BYTES, most, thick)
        self._memory = scratch.kept(size, lambda: bytearray(size))
        corners = list(itertools.product(*map(range, counts[1:])))
        self.boxes = counts[0] * len(corners)
        self.slabs = [
            self._slab(range(begin, min(begin + steps, counts[0])), corners)
            for begin in range(0, counts[0], steps)
        ]

    def _slab(self, steps: range, corners: list[tuple[int, ...]]) -> _Slab:
        """The slab of some steps of tiles along the first axis, and all `corners` of the others."""
        first = steps.start * self._side[0]
        length = min(steps.stop * self._side[0], self._shape[0]) - first
        pieces = np.ndarray((self.room, length, *self._shape[1:]), self._dtype, self._memory)
        boxes = [self._box(pieces, (step, *corner)) for step in range(len(steps)) for corner in corners]
        tiles = range(steps.start * len(corners), steps.stop * len(corners))
        return _Slab(tiles, first * math.prod(self._shape[1:]), pieces, boxes)

    def _box(self, pieces: Array, corner: tuple[int, ...]) -> _Box:
        """The box at a corner of a slab's grid; one at an edge is cut to what lies in the event."""
        side, item = self._side, pieces.itemsize
        starts = [number * edge for number, edge in zip(corner, side, strict=True)]
        lengths = [
            min(edge, size - first) for edge, size, first in zip(side, pieces.shape[1:], starts, strict=True)
        ]
        offset = sum(first * step for first, step in zip(starts, pieces.strides[1:], strict=True))
        line = np.dtype((np.void, lengths[-1] * item))
        place = np.ndarray((self.room, *lengths[:-1]), line, pieces, offset, pieces.strides[:-1])
        steps = [math.prod(side[axis:]) * item for axis in range(len(side))]
        return _Box(place, line, tuple(lengths[:-1]), tuple(steps))
