"""Fill batches straight from raw files, by an index of their chunks."""

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.dataset import SameDataset
from dlscan.errors import StreamError
from dlscan.raw import Recipe, Vectors, read_input
from dlscan.raw.blobs import Scratch
from dlscan.raw.cells import Cells, Straight
from dlscan.raw.direct import DirectFile
from dlscan.raw.store import RawIndex
from dlscan.stream.mix import PoolPart, Unit
from dlscan.stream.ragged import pad, scatter
from dlscan.stream.slots import Arrays

_MOST_OPEN = 64


@dataclasses.dataclass(frozen=True)
class RawSource:
    """What a reader needs to know of raw files.

    Attributes
    ----------
    index : Path
        The index of the raw directory.
    sealed : bool
        Whether the index ends with checksums.
    same : SameDataset
        Holds the reader to the index's dataset.
    code : int
        The split, as the index names it.
    fields : dict of str to str
        The raw dataset for each field of a slot, but labels, sources and what else the index knows.
    indexed : dict of str to str
        The column of the index for fields that it knows.
    class_weights : tuple of float
        The weight of an event of each class.
    recipes : dict of str to Recipe
        How the other inputs are put together, by the field of a slot.
    """

    index: Path
    sealed: bool
    same: SameDataset
    code: int
    fields: dict[str, str]
    indexed: dict[str, str]
    class_weights: tuple[float, ...]
    recipes: dict[str, Recipe]

    def open(self) -> RawIndex:
        """The index, open.

        Raises
        ------
        StreamError
            If it is missing or damaged; it names the file.
        DataError
            If the dataset was replaced by another.
        """
        try:
            index = RawIndex.open(self.index, self.sealed)
        except (OSError, ValueError, KeyError) as error:
            self.same.require()  # if it is another dataset by now, that is the reason
            reason = " ".join(str(error).split())
            raise StreamError(
                f"{self.index}: cannot be read ({reason}); run `dlscan prepare --index-only` again"
            ) from None
        try:
            self.same.require()
        except BaseException:
            index.close()
            raise
        return index

    def path(self, number: int) -> Path:
        """File `number` of the index; the index itself where it cannot be read any more."""
        try:
            with RawIndex.open(self.index, self.sealed) as index:
                return index.file(number)[0]
        except (OSError, ValueError, KeyError):
            return self.index

    def reader(self, cells: Arrays, note: Callable[[int], None]) -> "RawReader":
        """A reader that fills slots; `cells` are the arrays of all of them."""
        return RawReader(self, cells, note)


class RawReader:
    """Reads units of raw files and deals their events to batches.

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
        self._batch_size = cells["labels"].shape[1]
        self._index = source.open()
        self._open: OrderedDict[int, DirectFile] = OrderedDict()
        self._scratch = Scratch()
        self._weights = np.array(source.class_weights, np.float32)
        self._pool = {name: np.empty((0, *array.shape[2:]), array.dtype) for name, array in cells.items()}
        self._targets = {name: Cells(cells[name]) for name in source.fields}
        self._dealt: tuple[object, tuple[NDArray[np.int64], NDArray[np.int64]]] | None = None
        self._reading = 0
        self._by_event = "labels" in self._index.columns
        self._weighed = "weights" in {**source.fields, **source.indexed}

    def do(self, work: PoolPart, slots: Sequence[int]) -> NDArray[np.int64]:
        """Read units into the batches that their events belong to.

        Parameters
        ----------
        work : PoolPart
            What to read.
        slots : sequence of int
            Where the batches of the pool are.

        Returns
        -------
        ndarray of int, (n, 2)
            The slot of each event, and its place there.

        Raises
        ------
        StreamError
            If a file cannot be read or is not as it was indexed; it names the file.
        """
        try:
            if work.gather:
                return self._deal(work, self._gather(work), slots)
            return self._scatter(work, np.asarray(slots))
        except (OSError, ValueError, KeyError) as error:
            raise self._unreadable(self._reading, error) from error

    def close(self) -> None:
        """Close the files that are open."""
        while self._open:
            self._open.popitem()[1].close()
        self._index.close()

    def _scatter(self, work: PoolPart, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Read each event straight to its place."""
        batches, places = self._places(work)
        end = work.before
        for unit, first, rows in self._units(work):
            end = first + len(rows)
            here = slice(first, end)
            where = slots[batches[here]], places[here]
            file = self._file(unit.file)
            for field, name in self._source.fields.items():
                file.read(name, rows, self._targets[field].at(*where))
            for field, recipe in self._source.recipes.items():
                self._put_together(file, field, recipe, rows, self._cells, where)
            self._describe(unit, rows, self._cells, where)
        every = slice(work.before, end)
        return np.column_stack([slots[batches[every]], places[every]])

    def _gather(self, work: PoolPart) -> NDArray[np.int64]:
        """Read a pool in the order of its units; returns where in it each event of the split is.

        A run of rows is read faster than most of them: the others are left where they are.
        """
        room = sum(unit.stop - unit.start for unit in work.units)
        for name, array in self._pool.items():
            if len(array) < room:
                self._pool[name] = np.empty((0, *array.shape[1:]), array.dtype)  # lets the old one go first
                self._pool[name] = np.empty((room, *array.shape[1:]), array.dtype)
        wanted, end = [], 0
        for unit, _, rows in self._units(work):
            read, inside = rows, np.arange(len(rows))
            if 2 * len(rows) > unit.stop - unit.start:
                read, inside = np.arange(unit.start, unit.stop), rows - unit.start
            here = slice(end, end + len(read))
            file = self._file(unit.file)
            for field, name in self._source.fields.items():
                file.read(name, read, Straight(self._pool[field][here]))
            for field, recipe in self._source.recipes.items():
                self._put_together(file, field, recipe, read, self._pool, (here,))
            self._describe(unit, read, self._pool, (here,))
            wanted.append(end + inside)
            end = here.stop
        return np.concatenate(wanted)

    def _deal(self, work: PoolPart, wanted: NDArray[np.int64], slots: Sequence[int]) -> NDArray[np.int64]:
        """Copy the events of a pool to their places."""
        order, first, place = wanted.take(work.order()), 0, work.place
        for slot in slots:
            hand = order[first : first + self._batch_size - place]
            here = slice(place, place + len(hand))
            for name, cells in self._cells.items():
                # places are as they must be: looking at each first would take as long as copying
                np.take(self._pool[name], hand, axis=0, out=cells[slot, here], mode="clip")
            first, place = first + len(hand), 0
        batch, places = np.divmod(work.place + np.arange(len(order)), self._batch_size)
        return np.column_stack([np.asarray(slots)[batch], places])

    def _units(self, work: PoolPart) -> Iterator[tuple[Unit, int, NDArray[np.int64]]]:
        """The units of a request, the events of the pool before each, and the rows that are delivered."""
        first = work.before
        for unit in work.units:
            begin = self._index.starts[unit.file]
            chosen = self._index.codes[begin + unit.start : begin + unit.stop] == self._source.code
            if unit.chosen is not None:
                chosen &= unit.chosen
            rows = unit.start + np.flatnonzero(chosen)
            yield unit, first, rows
            first += len(rows)

    def _places(self, work: PoolPart) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The batch that each event of a pool goes to, counted from its first, and its place there."""
        key = work.deal, work.pool, work.place
        if self._dealt is None or self._dealt[0] != key:
            places = np.empty(work.pool, np.int64)
            places[work.order()] = np.arange(work.place, work.place + work.pool)
            self._dealt = key, np.divmod(places, self._batch_size)
        return self._dealt[1]

    def _put_together(
        self,
        file: DirectFile,
        field: str,
        recipe: Recipe,
        rows: NDArray[np.int64],
        arrays: Arrays,
        where: tuple[Any, ...],
    ) -> None:
        """Read an input that is no dataset to the events at `where`."""
        if not len(rows):
            return
        found = read_input(file, recipe, rows)
        if isinstance(found, Vectors):
            arrays[field][where] = found.values
            return
        cells, masks = arrays[field], arrays[f"masks/{field.partition('/')[2]}"]
        if len(where) == 1:  # one after the other
            pad(found.counts, found.values, cells[where], masks[where])
        else:
            scatter(found.counts, found.values, cells, masks, where)

    def _describe(self, unit: Unit, rows: NDArray[np.int64], arrays: Arrays, where: tuple[Any, ...]) -> None:
        """Set labels, weights and sources of the events at `where`."""
        own = self._index.starts[unit.file] + rows
        for field, column in self._source.indexed.items():
            arrays[field][where] = self._index.columns[column][own]
        labels = self._index.columns["labels"][own] if self._by_event else self._index.labels[unit.file]
        arrays["labels"][where] = labels
        if self._weighed:
            arrays["weights"][where] *= self._weights[labels]
        else:
            arrays["weights"][where] = self._weights[labels]
        if "sources" in arrays:
            arrays["sources"][*where, 0] = self._index.numbers[unit.file]
            arrays["sources"][*where, 1] = rows

    def _file(self, number: int) -> DirectFile:
        self._reading = number
        self._note(number)
        if number in self._open:
            self._open.move_to_end(number)
            return self._open[number]
        while len(self._open) >= _MOST_OPEN:
            self._open.popitem(last=False)[1].close()
        opened = self._open[number] = DirectFile(*self._index.file(number), scratch=self._scratch)
        return opened

    def _unreadable(self, number: int, error: Exception) -> StreamError:
        path = self._source.path(number)
        reason = " ".join(str(error).split())
        named = reason if str(path) in reason else f"{path}: cannot be read ({reason})"
        return StreamError(f"{named}; fix it and run `dlscan prepare --index-only` again")
