"""Files that end with the checksums of their blocks: a bit that turned over is found when it is read.

A sealed file is what it was, and after it a CRC-32 of each block of 64 KiB and a digest of these. HDF5 does
not mind what comes after its end. A block is compared when a process reads it for the first time: that finds
what a disk or a copy has damaged, and costs nothing from the second epoch on.
"""

import contextlib
import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dlscan.hdf5 import open_hdf5

try:  # twenty times as fast; without it, it only takes longer
    from zlib_ng.zlib_ng import crc32
except ImportError:
    from zlib import crc32

BLOCK = 2**16
_SUM, _DIGEST = 4, 16


def seal(path: Path) -> int:
    """Append the checksums of its blocks to a file that is complete.

    Returns
    -------
    int
        Bytes of the file before that.
    """
    with path.open("r+b", buffering=0) as file:
        sums = np.array([crc32(block) for block in iter(lambda: file.read(BLOCK), b"")], "<u4").tobytes()
        size = file.tell()
        file.write(sums + _digest(sums))
    return size


def sealed_size(size: int) -> int:
    """Bytes of a file of `size` bytes once it is sealed."""
    return size + _SUM * -(-size // BLOCK) + _DIGEST


def content_size(path: Path) -> int:
    """Bytes of a sealed file without its checksums."""
    size = path.stat().st_size
    return size - _DIGEST - _SUM * _blocks(size)


class SealedFile:
    """A file open for reading at any place; blocks are checked when they are first read.

    Parameters
    ----------
    path : Path
        The file.
    sealed : bool
        Whether it is sealed; files of older versions are not, and nothing of them is checked.

    Attributes
    ----------
    size : int
        Bytes without the checksums.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read or is damaged; also by the methods.
    """

    def __init__(self, path: Path, sealed: bool) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.size = os.fstat(self._descriptor).st_size
            # None once there is nothing more to compare
            self._sums = self._read_sums() if sealed else None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; it may be repeated."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def fileno(self) -> int:
        """The descriptor, to map the file: `check` what is read there."""
        return self._descriptor

    def read(self, out: NDArray[Any], begin: int) -> None:
        """Fill `out`, contiguous, with the bytes from `begin` on."""
        if not out.nbytes:
            return
        rest = out.reshape(-1).view(np.uint8).data
        if self._sums is not None:
            self.check(begin, begin + len(rest))
        while rest:  # once, unless a signal comes or it is more than the kernel reads at once
            got = os.preadv(self._descriptor, [rest], begin)
            if not got:
                raise ValueError("file is truncated")
            rest, begin = rest[got:], begin + got

    def check(self, begin: int, end: int) -> None:
        """Compare the blocks between two places that were not read before with their checksums."""
        if self._sums is None:
            return
        last = -(-min(end, self.size) // BLOCK)
        number = begin // BLOCK
        while (number := self._unread.find(1, number, last)) >= 0:
            block = os.pread(self._descriptor, min(BLOCK, self.size - number * BLOCK), number * BLOCK)
            if crc32(block) != self._sums[number]:
                raise ValueError(f"damaged: block {number} does not match its checksum")
            self._unread[number] = 0
            self._left -= 1
        if not self._left:
            self._sums = None  # every block was compared

    @contextlib.contextmanager
    def hdf5(self) -> Iterator[h5py.File]:
        """The file as HDF5 sees it, every byte of its structure checked.

        Raises
        ------
        OSError
            If the file cannot be read.
        ValueError
            If its structure is damaged, whatever HDF5 makes of that.
        """
        face, trouble = _Face(self), ""
        try:
            with open_hdf5(face) as handle:  # type: ignore[arg-type]  # h5py takes less
                yield handle
        except Exception as error:  # h5py has many kinds for what it does not expect
            trouble = f"damaged structure ({error})"
            # its frames hold objects of HDF5, which must not live until Python ends: that would be a crash
            error.__traceback__ = error.__context__ = error.__cause__ = None
        if face.failure is not None:
            raise OSError(*face.failure)
        if face.damage or trouble:
            raise ValueError(face.damage or trouble)

    def _read_sums(self) -> NDArray[np.uint32]:
        blocks = _blocks(self.size)
        self.size -= _SUM * blocks + _DIGEST
        if self.size < 0:
            raise ValueError("file is truncated")
        found = os.pread(self._descriptor, _SUM * blocks + _DIGEST, self.size)
        sums = found[: _SUM * blocks]
        if _digest(sums) != found[len(sums) :]:
            raise ValueError("damaged: its checksums are incomplete")
        self._unread, self._left = bytearray(b"\1") * blocks, blocks
        return np.frombuffer(sums, "<u4")


class _Face(io.RawIOBase):
    """A sealed file as h5py wants files."""

    def __init__(self, file: SealedFile) -> None:
        self._file, self._place = file, 0
        self.damage = ""
        self.failure: tuple[Any, ...] | None = None

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        self._place = place + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._file.size}[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        out = np.frombuffer(buffer, np.uint8)[: max(0, self._file.size - self._place)]
        try:
            self._file.read(out, self._place)
        except (OSError, ValueError) as error:
            # HDF5 reads zeros, and then hears no more: exceptions do not pass through it
            out[...] = 0
            if isinstance(error, OSError):
                self.failure = error.args
            else:
                self.damage = str(error)
        self._place += len(out)
        return len(out)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


def _blocks(size: int) -> int:
    """Blocks of a file that has `size` bytes with its checksums."""
    return -(-(size - _DIGEST) // (BLOCK + _SUM))


def _digest(sums: bytes) -> bytes:
    return hashlib.blake2b(sums, digest_size=_DIGEST).digest()
