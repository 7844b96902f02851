"""HDF5 files, opened here and nowhere else.

HDF5 locks a file as long as it is open, which fails on a file system without locks. Files here are read when
they no longer change, or written under a name that nobody else uses: they need no lock.
"""

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import h5py


def open_hdf5(file: Path | BinaryIO, mode: str = "r", **options: Any) -> h5py.File:
    """Open a file as `h5py.File` does, without a lock.

    Parameters
    ----------
    file : Path or binary file
        What to open; an open file stays the caller's.
    mode : str
        As for `h5py.File`.
    **options
        As for `h5py.File`.

    Raises
    ------
    OSError
        If it cannot be opened.
    """
    try:
        return h5py.File(file, mode, locking=False, **options)
    except OSError as error:
        if "file locking flag values don't match" not in str(error):
            raise
        # the caller's program has it open with a lock, and HDF5 wants both alike
        return h5py.File(file, mode, **options)


@contextlib.contextmanager
def written_hdf5(file: Path | BinaryIO, mode: str = "w", **options: Any) -> Iterator[h5py.File]:
    """Open a file for writing, and close it.

    Parameters
    ----------
    file : Path or binary file
        What to write; an open file stays the caller's.
    mode : {"w", "r+"}
        A new file, or one that is there.
    **options
        As for `h5py.File`.

    Raises
    ------
    OSError
        If it cannot be written, a full disk above all: with the system's number and the file's name. At the
        end, because HDF5 would crash on a file that it cannot close.
    """
    if not isinstance(file, Path):
        with open_hdf5(file, mode, **options) as handle:
            yield handle
        return
    disk = _Disk(file.open("w+b" if mode == "w" else "r+b", buffering=0))
    try:
        with open_hdf5(disk, mode, **options) as handle:  # type: ignore[arg-type]  # h5py takes less
            yield handle
    finally:
        disk.close()
        if disk.error is not None:
            raise OSError(disk.error.errno, disk.error.strerror, os.fspath(file)) from disk.error


class _Disk:
    """An open file as HDF5 sees it: one on which writing never fails.

    Attributes
    ----------
    error : OSError or None
        The first that there was; what the file holds is worth nothing then.
    """

    def __init__(self, file: io.FileIO) -> None:
        self._file = file
        self.error: OSError | None = None
        self.read, self.readinto, self.seek, self.tell = file.read, file.readinto, file.seek, file.tell

    def write(self, data: Any) -> int:
        """Write all of `data`, or nothing more after an error."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        try:
            while self.error is None and rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self.error = error
        return size

    def truncate(self, size: int) -> int:
        """Make the file so long."""
        try:
            self._file.truncate(size)
        except OSError as error:
            self.error = self.error or error
        return size

    def flush(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """Close the file; a network file system may say only now that it is full."""
        try:
            self._file.close()
        except OSError as error:
            self.error = self.error or error
