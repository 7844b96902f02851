"""Fill batches straight from raw files, by an index of their chunks."""

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dlscan.errors import StreamError
from dlscan.raw.direct import DirectFile
from dlscan.raw.store import RawIndex
from dlscan.stream.mix import UnitWork
from dlscan.stream.slots import Arrays

_MOST_OPEN = 64


@dataclasses.dataclass(frozen=True)
class RawSource:
    """What a reader needs to know of raw files.

    Attributes
    ----------
    index : Path
        The index of the raw directory.
    fields : dict of str to str
        The raw dataset for each field of a slot, but labels and sources, which the index knows.
    class_weights : tuple of float
        The weight of an event of each class.
    """

    index: Path
    fields: dict[str, str]
    class_weights: tuple[float, ...]

    def path(self, number: int) -> Path:
        """File `number` of the index."""
        with RawIndex.open(self.index) as index:
            return index.file(number)[0]

    def reader(self, cells: Arrays, note: Callable[[int], None]) -> "RawReader":
        """A reader that fills slots; `cells` are the arrays of all of them."""
        return RawReader(self, cells, note)


class RawReader:
    """Reads units of raw files and scatters their events over batches.

    Parameters
    ----------
    source : RawSource
        The files.
    cells : dict of str to ndarray, each (slots, events, ...)
        Where batches go.
    note : callable
        Called with the number of the file that is about to be read.
    """

    def __init__(self, source: RawSource, cells: Arrays, note: Callable[[int], None]) -> None:
        self._source, self._cells, self._note = source, cells, note
        self._index = RawIndex.open(source.index)
        self._open: OrderedDict[int, DirectFile] = OrderedDict()
        self._weights = np.array(source.class_weights, np.float32)

    def do(self, work: Sequence[UnitWork], slots: Sequence[int]) -> None:
        """Read some rows of files into the batches that they belong to.

        Parameters
        ----------
        work : sequence of UnitWork
            Rows and places.
        slots : sequence of int
            Where the batches of the task are.

        Raises
        ------
        StreamError
            If the file cannot be read or is not as it was indexed; it names the file.
        """
        places = np.asarray(slots)
        for unit in work:
            self._read(unit, places[unit.batches])

    def close(self) -> None:
        """Close the files that are open."""
        while self._open:
            self._open.popitem()[1].close()
        self._index.close()

    def _read(self, unit: UnitWork, at: NDArray[np.int64]) -> None:
        label = self._index.labels[unit.file]
        self._note(unit.file)
        try:
            file = self._file(unit.file)
            for field, name in self._source.fields.items():
                file.scatter(name, unit.rows, self._cells[field], at, unit.places)
        except (OSError, ValueError, KeyError) as error:
            raise self._unreadable(unit.file, error) from error
        cells = self._cells
        cells["labels"][at, unit.places] = label
        if "weights" in self._source.fields:
            cells["weights"][at, unit.places] *= self._weights[label]
        else:
            cells["weights"][at, unit.places] = self._weights[label]
        if "sources" in cells:
            cells["sources"][at, unit.places, 0] = self._index.numbers[unit.file]
            cells["sources"][at, unit.places, 1] = unit.rows

    def _file(self, number: int) -> DirectFile:
        if number in self._open:
            self._open.move_to_end(number)
            return self._open[number]
        while len(self._open) >= _MOST_OPEN:
            self._open.popitem(last=False)[1].close()
        opened = self._open[number] = DirectFile(*self._index.file(number))
        return opened

    def _unreadable(self, number: int, error: Exception) -> StreamError:
        path = self._index.file(number)[0]
        reason = " ".join(str(error).split())
        named = reason if str(path) in reason else f"{path}: cannot be read ({reason})"
        return StreamError(f"{named}; mend it and run `dlscan prepare` again")
