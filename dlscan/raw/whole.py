"""Datasets whose events lie in one piece: contiguous ones, and chunks of whole events."""

from collections.abc import Iterator

import numpy as np

from dlscan.raw.blobs import Blobs
from dlscan.raw.cells import LONG_EVENT, Array, Destination, Rows, is_run
from dlscan.raw.decode import Raw, decode
from dlscan.raw.index import DatasetIndex

# Events are read and copied in blocks of about this many bytes, small enough for a processor's cache
_BLOCK_BYTES = 512 * 2**10
# Unwanted bytes between two events that cost less to read than to skip
_GAP_BYTES = 64 * 2**10
# Where they go
_SKIPPED = memoryview(bytearray(_GAP_BYTES))
# A call of the kernel takes at most so many buffers
_MOST_BUFFERS = 1024


class Plain:
    """Events as they are in memory, contiguous or in chunks without a filter."""

    def __init__(self, index: DatasetIndex, blobs: Blobs) -> None:
        self._index, self._blobs = index, blobs
        self._dtype = np.dtype(index.dtype)
        self._length = index.chunks[0] if index.chunks else max(index.rows, 1)

    def read(self, rows: Rows, to: Destination) -> None:
        """See `DirectFile.read`."""
        long = to.event_bytes >= LONG_EVENT
        for chunk, first, last in runs_by_chunk(rows, self._length):
            offset, within = int(self._index.offsets[chunk]), rows[first:last] - chunk * self._length
            part = to.part(first, last)
            if offset < 0:
                put_fill(self._index, part)
            elif to.dtype == self._dtype and (long or (to.straight and is_run(within))):
                self._read_in_place(offset, within, part)
            else:
                self._read_and_copy(offset, within, part)

    def _read_in_place(self, offset: int, rows: Rows, to: Destination) -> None:
        """The kernel copies each event to its place; what lies between goes to a buffer that nobody reads."""
        event = self._index.event_bytes
        buffers: list[memoryview] = []
        begin = following = 0
        for row, memory in to.pieces(rows):
            gap = (row - following) * event
            if not buffers or gap > _GAP_BYTES or len(buffers) + 2 > _MOST_BUFFERS:
                if buffers:
                    self._blobs.fill(buffers, offset + begin * event)
                buffers, begin = [], row
            elif gap:
                buffers.append(_SKIPPED[:gap])
            buffers.append(memory)
            following = row + len(memory) // event
        self._blobs.fill(buffers, offset + begin * event)

    def _read_and_copy(self, offset: int, rows: Rows, to: Destination) -> None:
        event = self._index.event_bytes
        for first, last in _blocks(rows, max(1, _BLOCK_BYTES // event), _GAP_BYTES // event):
            begin, count = int(rows[first]), int(rows[last - 1] - rows[first]) + 1
            data = self._blobs.fetch(offset + begin * event, count * event)
            values = np.frombuffer(data, self._dtype).reshape(count, -1)
            to.part(first, last).put(values, rows[first:last] - begin)


class Filtered:
    """Chunks of whole events with filters; `keep` the last one for the next call, which may want its rest."""

    def __init__(self, index: DatasetIndex, blobs: Blobs, keep: bool) -> None:
        assert index.chunks is not None
        self._keep, self._kept = keep, (-1, np.zeros((0, 0), np.dtype(index.dtype)))
        self._index, self._blobs = index, blobs
        self._length = index.chunks[0]
        self._dtype = np.dtype(index.dtype)

    def read(self, rows: Rows, to: Destination) -> None:
        """See `DirectFile.read`."""
        index, length = self._index, self._length
        runs = {chunk: (first, last) for chunk, first, last in runs_by_chunk(rows, length)}
        numbers = np.fromiter(runs, np.int64, len(runs))
        written = index.offsets[numbers] >= 0
        for number in numbers[~written].tolist():
            put_fill(index, to.part(*runs[number]))
        for number, values in self._inflated(numbers[written]):
            first, last = runs[number]
            to.part(first, last).put(values, rows[first:last] - number * length)

    def _inflated(self, numbers: Rows) -> Iterator[tuple[int, Array]]:
        index, length = self._index, self._length
        kept, values = self._kept
        if (numbers == kept).any():
            yield kept, values
            numbers = numbers[numbers != kept]
        for number, data in self._blobs.read(numbers, index.offsets[numbers], index.sizes[numbers]):
            raw = decoded(index, data, number, length * index.event_bytes)
            values = np.frombuffer(raw, self._dtype).reshape(length, -1)
            if self._keep:
                self._kept = number, values
            yield number, values


def decoded(index: DatasetIndex, data: memoryview, number: int, size: int) -> Raw:
    """Undo the filters of chunk `number` of a dataset; a `ValueError` says which one is damaged."""
    try:
        return decode(index.codec, data, size, np.dtype(index.dtype).itemsize)
    except ValueError as error:
        raise ValueError(f"chunk {number} is damaged ({error})") from None


def put_fill(index: DatasetIndex, to: Destination) -> None:
    """Give events the values that HDF5 gives where nothing was written."""
    to.fill(np.frombuffer(fill_value(index), index.dtype))


def fill_value(index: DatasetIndex) -> bytes:
    """A value that was never written, as in the file."""
    return index.fill or bytes(np.dtype(index.dtype).itemsize)


def runs_by_chunk(rows: Rows, length: int) -> Iterator[tuple[int, int, int]]:
    """Which of the ascending `rows` lie in which chunk of `length` rows: (chunk, first, last)."""
    if not len(rows):
        return
    low, high = int(rows[0]) // length, int(rows[-1]) // length
    edges = np.searchsorted(rows, np.arange(low, high + 2) * length).tolist()
    for number in range(high - low + 1):
        if edges[number] < edges[number + 1]:
            yield low + number, edges[number], edges[number + 1]


def _blocks(rows: Rows, span: int, gap: int) -> Iterator[tuple[int, int]]:
    """Cut ascending `rows` where a block would span more than `span` rows or has a gap of over `gap`."""
    breaks = np.flatnonzero(np.diff(rows) > gap + 1) + 1
    first = 0
    for stop in (*breaks.tolist(), len(rows)):
        while first < stop:
            last = int(np.searchsorted(rows, rows[first] + span))
            last = min(last, stop)
            yield first, last
            first = last
