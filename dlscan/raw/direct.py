"""Read events of a raw file to where they are wanted, past HDF5 where that is possible."""

import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np

from dlscan.errors import DataError
from dlscan.raw.blobs import Blobs, Scratch
from dlscan.raw.cells import Array, Destination, Rows, Straight
from dlscan.raw.elements import Chosen, Lane, numbers, numbers_of_entries
from dlscan.raw.faults import one_line
from dlscan.raw.index import DatasetIndex
from dlscan.raw.slow import Slow
from dlscan.raw.tiles import Tiles
from dlscan.raw.whole import Filtered, Plain


class RawFileError(DataError, OSError):
    """A raw file cannot be read; the message names it.

    It is an `OSError` too, as what reading raises.

    Attributes
    ----------
    path : Path
        The file.
    reason : str
        In one line.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason = path, reason


class DirectFile:
    """An open raw file.

    Parameters
    ----------
    path : Path
        The file.
    index : mapping of str to DatasetIndex
        From `index_file`.
    stat : (int, int) or None
        Size and time of change (ns) when it was indexed.
    keep : bool
        Keep the last chunk of whole events inflated, for one who reads a file in order and in blocks that are
        shorter than its chunks.
    scratch : Scratch, optional
        Memory to share with other files, whose reads take turns with those of this one.

    Raises
    ------
    RawFileError
        If the file is not there, or has has changed since it was indexed.
    """

    def __init__(
        self,
        path: Path,
        index: Mapping[str, DatasetIndex],
        stat: tuple[int, int] | None = None,
        keep: bool = False,
        scratch: Scratch | None = None,
    ) -> None:
        self._path, self._index, self._stat, self._keep = path, index, stat, keep
        try:
            # a pipe in its place would block
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise RawFileError(path, error.strerror or str(error)) from error
        self._blobs = Blobs(self._descriptor, scratch or Scratch())
        self._readers: dict[tuple[str, str], Plain | Filtered | Tiles | Slow] = {}
        try:
            self._check()
        except RawFileError:
            self.close()
            raise

    def __enter__(self) -> "DirectFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; closing twice is fine."""
        for reader in self._readers.values():
            if isinstance(reader, Slow):
                reader.close()
        self._readers.clear()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def read(self, name: str, rows: Rows, to: Destination) -> None:
        """Read event `rows[i]` of dataset `name` to place i of `to`.

        Parameters
        ----------
        name : str
            Of a dataset in the index.
        rows : ndarray of int64, (n,)
            Ascending.
        to : Destination
            Memory for n events of the dataset's shape. Values get the bits that `values.astype(to.dtype)` has
            for what h5py reads.

        Raises
        ------
        RawFileError
            If the file is damaged, shorter than its index says, or has has changed since it was indexed.
        """
        if not self._whole(name):
            self._read(name, rows, to)
        elif len(rows):
            elements = self._elements(name, rows)
            with np.errstate(over="ignore", invalid="ignore"):
                to.put(numbers(self._index[name], elements), np.arange(len(rows)))

    def read_several(self, wanted: Iterable[tuple[str, Array]], rows: Rows) -> None:
        """Read event `rows[i]` of several datasets, those that lie in the same elements at once.

        Parameters
        ----------
        wanted : iterable of (str, ndarray)
            Names, and where the events of each go, (n, ...) with whatever strides.
        rows : ndarray of int64, (n,)
            Ascending.

        Raises
        ------
        RawFileError
            As for `read`.
        """
        together: dict[str, list[tuple[str, Array]]] = {}
        for name, array in wanted:
            index = self._index[name]
            if index.part is not None and self._whole(name):
                together.setdefault(index.part.of, []).append((name, array))
            else:
                self._read(name, rows, Straight(array) if array.flags.c_contiguous else Lane(array))
        for group in together.values():
            elements = self._elements(group[0][0], rows)
            for name, array in group:
                with np.errstate(over="ignore", invalid="ignore"):
                    array[...] = numbers(self._index[name], elements).reshape(array.shape)

    def read_entries(self, names: Sequence[str], valid: str, rows: Rows) -> tuple[Array, list[Array]] | None:
        """Read those elements of events `rows[i]` of which field `valid` says that they are there.

        Parameters
        ----------
        names : sequence of str
            Fields of the same dataset.
        valid : str
            Another one.
        rows : ndarray of int64, (n,)
            Ascending.

        Returns
        -------
        mask : ndarray of bool, (n, T)
            Which are there.
        numbers : list of ndarray, (entries, ...)
            Of each name, event by event.
            None in place of both where fields are not read together.

        Raises
        ------
        RawFileError
            As for `read`.
        """
        parts = [self._index[name].part for name in (*names, valid)]
        if len({part and part.of for part in parts}) > 1 or not self._whole(valid):
            return None
        index = self._index[valid]
        mask = np.empty((len(rows), *index.shape), np.bool_)
        kept: list[tuple[int, Array]] = []
        self._read(valid, rows, Chosen(index, mask, kept))
        kept.sort(key=operator.itemgetter(0))
        nothing = np.empty(0, np.dtype(index.whole.dtype))
        elements = np.concatenate([nothing, *(some for _, some in kept)])
        return mask, [numbers_of_entries(self._index[name], elements) for name in names]

    def read_lists(self, name: str, rows: Rows) -> list[Array]:
        """Event `rows[i]`, ascending, of a dataset of lists of different lengths; errors as for `read`."""
        self._check()
        try:
            reader = self._reader(name)
            if not isinstance(reader, Slow):
                raise ValueError("it holds no lists")
            return reader.lists(rows)
        except (OSError, RuntimeError, ValueError, LookupError) as error:
            raise self._unreadable(name, error) from error

    def rows(self, name: str) -> int:
        """How many there are of a dataset."""
        return self._index[name].rows

    def shape(self, name: str) -> tuple[int, ...]:
        """Of one of them."""
        return self._index[name].shape

    def _read(self, name: str, rows: Rows, to: Destination) -> None:
        """Read a dataset, or the elements that a field is in."""
        self._check()
        if not len(rows):
            return
        try:
            # a double beyond float32 becomes infinite: who reads it decides what to make of that
            with np.errstate(over="ignore", invalid="ignore"):
                self._reader(name).read(rows, to)
        except (OSError, RuntimeError, ValueError, LookupError) as error:
            raise self._unreadable(name, error) from error

    def _elements(self, name: str, rows: Rows) -> Array:
        whole = self._index[name].whole
        elements = np.empty((len(rows), *whole.shape), whole.dtype)
        self._read(name, rows, Straight(elements))
        return elements

    def _whole(self, name: str) -> bool:
        """Whether a name is a field whose dataset is read in whole elements."""
        index = self._index[name]
        return index.part is not None and index.codec != "h5py"

    def _reader(self, name: str) -> Plain | Filtered | Tiles | Slow:
        index = self._index[name]
        # fields have the reader of their dataset in common, and what it keeps
        key = (index.part.of, "") if index.part and self._whole(name) else (name, name)
        reader = self._readers.get(key)
        if reader is None:
            reader = self._readers[key] = self._open(name)
        return reader

    def _open(self, name: str) -> Plain | Filtered | Tiles | Slow:
        index = self._index[name]
        if index.codec == "h5py":
            return Slow(index, self._path, name)
        index = index.whole
        if index.chunks is not None and not index.whole_events:
            return Tiles(index, self._blobs)
        if index.codec in ("plain", "contiguous"):
            return Plain(index, self._blobs)
        return Filtered(index, self._blobs, self._keep)

    def _unreadable(self, name: str, error: Exception) -> RawFileError:
        text = one_line(error)
        return RawFileError(
            self._path, text if text.startswith(f"{name} ") else f"{name} cannot be read: {text}"
        )

    def _check(self) -> None:
        if self._stat is None:
            return
        now = os.fstat(self._descriptor)
        if (now.st_size, now.st_mtime_ns) != self._stat:
            raise RawFileError(self._path, "has changed since it was indexed")
