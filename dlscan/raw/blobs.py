"""Positioned reads of a file: no lock, no cache but the kernel's, buffers that are used again."""

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

# One read fetches chunks that lie near each other: as much as a disk delivers at full speed
_READ_BYTES = 2**20
# Bytes between two chunks that cost less to read than to skip
_GAP_BYTES = 16 * 2**10


class Scratch:
    """Memory that is used again for each read, of one file or of many: it stays in the processor's cache."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._kept: dict[object, Any] = {}

    def take(self, size: int) -> memoryview:
        """So many bytes, until the next ones are asked for."""
        if len(self._buffer) < size:
            self._buffer = bytearray(max(size, _READ_BYTES))
        return memoryview(self._buffer)[:size]

    def kept(self, key: object, make: Callable[[], T]) -> T:
        """What was made for `key`, now or before."""
        if key not in self._kept:
            self._kept[key] = make()
        made: T = self._kept[key]
        return made


class Blobs:
    """The bytes of an open file.

    Parameters
    ----------
    descriptor : int
        Of the file; it stays the caller's.
    scratch : Scratch
        Where to read to.

    Attributes
    ----------
    scratch : Scratch
        The same.
    """

    def __init__(self, descriptor: int, scratch: Scratch) -> None:
        self._descriptor, self.scratch = descriptor, scratch

    def read(
        self, numbers: NDArray[np.int64], offsets: NDArray[np.int64], sizes: NDArray[np.int64]
    ) -> Iterator[tuple[int, memoryview]]:
        """Read chunks, in the order of the file.

        Parameters
        ----------
        numbers : ndarray of int, (n,)
            What to call them.
        offsets, sizes : ndarray of int, (n,)
            Where each one lies.

        Yields
        ------
        number : int
            Of a chunk.
        data : memoryview
            Its bytes, until the next one is asked for.

        Raises
        ------
        OSError, ValueError
            If the file ends before.
        """
        order = np.argsort(offsets, kind="stable")
        begins, ends = offsets[order].tolist(), (offsets + sizes)[order].tolist()
        names = numbers[order].tolist()
        first = 0
        while first < len(names):
            last, end = first + 1, ends[first]
            while (
                last < len(names)
                and begins[last] - end <= _GAP_BYTES
                and ends[last] - begins[first] <= _READ_BYTES
            ):
                end = max(end, ends[last])
                last += 1
            base = begins[first]
            data = self.fetch(base, end - base)
            for place in range(first, last):
                yield names[place], data[begins[place] - base : ends[place] - base]
            first = last

    def fetch(self, offset: int, size: int) -> memoryview:
        """Read `size` bytes from `offset`; they are there until the next read."""
        data = self.scratch.take(size)
        self.fill([data], offset)
        return data

    def fill(self, buffers: Sequence[memoryview], offset: int) -> None:
        """Read from `offset` on into one buffer after the other."""
        want = sum(map(len, buffers))
        got = os.preadv(self._descriptor, buffers, offset)
        while got < want:
            # a network file system may deliver in parts, and so does the kernel beyond 2 GiB
            rest = _beyond(buffers, got)
            more = os.preadv(self._descriptor, rest, offset + got)
            if not more:
                raise ValueError(
                    f"the file is truncated at byte {offset + got}, {want - got} bytes are missing"
                )
            got += more


def _beyond(buffers: Sequence[memoryview], done: int) -> list[memoryview]:
    rest = []
    for buffer in buffers:
        if done < len(buffer):
            rest.append(buffer[done:])
        done = max(0, done - len(buffer))
    return rest
