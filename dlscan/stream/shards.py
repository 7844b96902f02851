"""Fill batches from the shards of a prepared split, by positioned reads of runs of events."""

import contextlib
import dataclasses
import resource
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.dataset import SameDataset, Shard
from dlscan.dataset.events import SparseBlock, offsets_of
from dlscan.dataset.shard import OpenShard
from dlscan.errors import StreamError
from dlscan.stream.event_order import Run, Slice, cut_runs
from dlscan.stream.ragged import deal, pad
from dlscan.stream.slots import SPARSE_PARTS, Arrays

# Entries that are scattered at once: few enough to stay in the processor's cache.
_ENTRIES = 2**15


@dataclasses.dataclass(frozen=True)
class ShardSource:
    """What a reader needs to know of a prepared split.

    Attributes
    ----------
    directory : Path
        Of the dataset.
    same : SameDataset
        Holds the reader to the dataset.
    shards : tuple of Shard
        In order: together they are one long list of events, the rows of the split.
    sealed : bool
        Whether they end with checksums.
    fields : dict of str to str
        The column of the shards for each field of a slot.
    sparse : tuple of str
        Inputs that are delivered as entries.
    class_weights : tuple of float
        The weight of an event of each class.
    """

    directory: Path
    same: SameDataset
    shards: tuple[Shard, ...]
    sealed: bool
    fields: dict[str, str]
    sparse: tuple[str, ...]
    class_weights: tuple[float, ...]

    def path(self, number: int) -> Path:
        """Shard `number`."""
        return self.directory / self.shards[number].file

    def reader(self, cells: Arrays, note: Callable[[int], None]) -> "ShardReader":
        """A reader that fills slots; `cells` are the arrays of all of them."""
        return ShardReader(self, cells, note)


class ShardReader:
    """Reads events of a split by their rows.

    Parameters
    ----------
    source : ShardSource
        The split.
    cells : dict of str to ndarray, each (slots, events, ...)
        Where batches go.
    note : callable
        Called with the number of the shard that is about to be read.
    """

    def __init__(self, source: ShardSource, cells: Arrays, note: Callable[[int], None]) -> None:
        self._source, self._cells, self._note = source, cells, note
        self._starts = np.concatenate([[0], np.cumsum([shard.events for shard in source.shards])])
        self._weights = np.array(source.class_weights, np.float32)
        self._open: OrderedDict[int, OpenShard] = OrderedDict()
        # leave half of the descriptors to the rest of the process
        self._most_open = max(8, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)

    def do(self, work: Slice, slots: Sequence[int]) -> NDArray[np.int64]:
        """Fill batches.

        Parameters
        ----------
        work : Slice
            What to read.
        slots : sequence of int
            Where the batches go; all are full but the last.

        Returns
        -------
        ndarray of int, (n, 2)
            The slot of each event, and its place there.

        Raises
        ------
        StreamError
            If a shard cannot be read; it names the file.
        DataError
            If the dataset was replaced by another.
        """
        batch_size = self._cells["labels"].shape[1]
        if work.deal is None:
            cut = cut_runs(work.runs, batch_size, self._starts)
            for slot, runs in zip(slots, cut, strict=True):
                self._fill(runs, slot)
                self._weigh(slot, runs[-1].place + runs[-1].events)
            return _places(slots, [runs[-1].place + runs[-1].events for runs in cut])
        events = int(work.runs[:, 1].sum())
        (runs,) = cut_runs(work.runs, events, self._starts)
        rows = np.random.default_rng(work.deal).permutation(events)[work.start : work.stop]
        hands = [rows[first : first + batch_size] for first in range(0, len(rows), batch_size)]
        self._deal(runs, list(zip(slots, hands, strict=True)))
        for slot, hand in zip(slots, hands, strict=True):
            self._weigh(slot, len(hand))
        return _places(slots, [len(hand) for hand in hands])

    def labels(self) -> NDArray[np.int16]:
        """The labels of all events of the split; shape (n,)."""
        return self._whole("labels", np.empty(self._starts[-1], np.int16))

    def sources(self) -> NDArray[np.uint32]:
        """The file and the row of all events of the split; shape (n, 2)."""
        return self._whole("sources", np.empty((self._starts[-1], 2), np.uint32))

    def close(self) -> None:
        """Close the shards that are open."""
        while self._open:
            self._open.popitem()[1].close()

    def _whole(self, column: str, out: NDArray[Any]) -> NDArray[Any]:
        """A dense column of the whole split, copied to `out`."""
        runs = [
            Run(number, 0, shard.events, int(self._starts[number]))
            for number, shard in enumerate(self._source.shards)
        ]
        self._read_dense(column, runs, out)
        return out

    def _fill(self, runs: Sequence[Run], slot: int) -> None:
        """Copy runs to their places in a batch."""
        for name, column in self._source.fields.items():
            out = self._cells[name][slot]
            if self._is(OpenShard.is_ragged, column, runs):
                mask, first = self._cells[f"masks/{name.partition('/')[2]}"][slot], runs[0].place
                counts, values = self._ragged(column, runs, mask.shape[1])
                here = slice(first, first + len(counts))
                pad(counts, values, out[here], mask[here])
            elif self._is(OpenShard.is_sparse, column, runs):
                self._scatter(column, runs, out)
            else:
                self._read_dense(column, runs, out)
        for number, name in enumerate(self._source.sparse):
            lists = [self._cells[f"sparse/{name}/{part}"][slot] for part in SPARSE_PARTS]
            size, end = len(lists[0]) // self._cells["labels"].shape[1], 0
            for first, _, *entries in self._entries(f"inputs/{name}", runs, size):
                end = _list(lists, end, first, *entries)
            self._cells["entries"][slot, number] = end

    def _deal(self, runs: Sequence[Run], hands: Sequence[tuple[int, NDArray[np.int64]]]) -> None:
        """Read a pool, and copy to each slot the rows of the pool that are its hand."""
        events = runs[-1].place + runs[-1].events
        for name, column in self._source.fields.items():
            cells = self._cells[name]
            if self._is(OpenShard.is_ragged, column, runs):
                masks = self._cells[f"masks/{name.partition('/')[2]}"]
                counts, values = self._ragged(column, runs, masks.shape[2])
                offsets = offsets_of(counts)
                for slot, hand in hands:
                    deal(offsets, values, hand, cells[slot, : len(hand)], masks[slot, : len(hand)])
                continue
            if self._is(OpenShard.is_sparse, column, runs):
                entries = self._gathered(column, runs, cells[0, 0].size)
                for slot, hand in hands:
                    _put(*_parts(entries.take(hand)), cells[slot, : len(hand)])
                continue
            values = np.empty((events, *cells.shape[2:]), cells.dtype)
            self._read_dense(column, runs, values)
            for slot, hand in hands:
                # places are as they must be: looking at each first would take as long as copying
                np.take(values, hand, axis=0, out=cells[slot, : len(hand)], mode="clip")
        for number, name in enumerate(self._source.sparse):
            size = self._cells[f"sparse/{name}/value"].shape[1] // self._cells["labels"].shape[1]
            entries = self._gathered(f"inputs/{name}", runs, size)
            for slot, hand in hands:
                lists = [self._cells[f"sparse/{name}/{part}"][slot] for part in SPARSE_PARTS]
                self._cells["entries"][slot, number] = _list(lists, 0, 0, *_parts(entries.take(hand)))

    def _gathered(self, column: str, runs: Sequence[Run], size: int) -> SparseBlock:
        """A sparse column of a pool."""
        counts, index, value = zip(*(part[2:] for part in self._entries(column, runs, size)), strict=True)
        return SparseBlock(offsets_of(np.concatenate(counts)), np.concatenate(index), np.concatenate(value))

    def _weigh(self, slot: int, events: int) -> None:
        """Set the weights of a batch whose labels are there."""
        labels, weights = (self._cells[name][slot, :events] for name in ("labels", "weights"))
        if "weights" in self._source.fields:
            weights *= self._weights[labels]
        else:
            np.take(self._weights, labels, out=weights)

    def _is(self, stored: Callable[[OpenShard, str], bool], column: str, runs: Sequence[Run]) -> bool:
        with self._blamed(runs[0].shard):
            return stored(self._shard(runs[0].shard), column)

    def _ragged(self, column: str, runs: Sequence[Run], longest: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Entries per event, and the entries, of runs that follow each other."""
        counts, entries = [], []
        for run in runs:
            with self._blamed(run.shard):
                offsets, values = self._shard(run.shard).read_ragged(column, run.row, run.row + run.events)
                own = np.diff(offsets)
                if not 0 <= own.min() <= own.max() <= longest:
                    raise ValueError(f"{column} has damaged offsets")
            counts.append(own)
            entries.append(values)
        if len(counts) == 1:
            return counts[0], entries[0]
        return np.concatenate(counts), np.concatenate(entries)

    def _read_dense(self, column: str, runs: Sequence[Run], out: NDArray[Any]) -> None:
        """Copy runs of a dense column to their places."""
        for run in runs:
            with self._blamed(run.shard):
                self._shard(run.shard).read(column, run.row, out[run.place : run.place + run.events])
        if column == "labels" and not self._are_labels(out[runs[0].place : runs[-1].place + runs[-1].events]):
            self._blame_labels(runs, out)

    def _are_labels(self, values: NDArray[Any]) -> bool:
        return bool(0 <= values.min() <= values.max() < len(self._weights))

    def _blame_labels(self, runs: Sequence[Run], out: NDArray[Any]) -> None:
        """Say which shard has labels that are none; to look at each run would cost as much as reading it."""
        for run in runs:
            here = out[run.place : run.place + run.events]
            with self._blamed(run.shard):
                if not self._are_labels(here):
                    raise ValueError(f"damaged: labels range from {here.min()} to {here.max()}")

    def _scatter(self, column: str, runs: Sequence[Run], out: NDArray[Any]) -> None:
        """Write the entries of a sparse column to the cells of a batch, zeros to the others."""
        for first, last, counts, index, value in self._entries(column, runs, out[0].size):
            step, begin = max(1, _ENTRIES * len(counts) // max(len(index), 1)), 0
            for start in range(0, last - first, step):
                some = counts[start : start + step]
                end = begin + int(some.sum())
                _put(some, index[begin:end], value[begin:end], out[first + start : first + start + len(some)])
                begin = end

    def _entries(
        self, column: str, runs: Sequence[Run], size: int
    ) -> Iterator[tuple[int, int, NDArray[Any], NDArray[Any], NDArray[Any]]]:
        """Yield first and last place, entries per event, and the entries, for some runs at a time."""
        counts: list[NDArray[Any]] = []
        parts: list[tuple[NDArray[Any], NDArray[Any]]] = []
        first = waiting = 0
        for run in runs:
            with self._blamed(run.shard):
                offsets, index, value = self._shard(run.shard).read_entries(
                    column, run.row, run.row + run.events
                )
                if len(index) and index.max() >= size:
                    raise ValueError(
                        f"damaged: cell {index.max()} of {size}"
                    )  # it would land in the event after
                own = np.diff(offsets)
                if own.min() < 0:
                    raise ValueError(f"{column} has damaged offsets")
            counts.append(own)
            parts.append((index, value))
            waiting += len(index)
            if waiting >= _ENTRIES or run is runs[-1]:
                index, value = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
                last = run.place + run.events
                yield first, last, np.concatenate(counts), index, value
                counts, parts, first, waiting = [], [], last, 0

    def _shard(self, number: int) -> OpenShard:
        if number in self._open:
            self._open.move_to_end(number)
            return self._open[number]
        self._note(number)
        with self._blamed(number):
            size, sealed = self._source.shards[number].size, self._source.sealed
            opened = OpenShard(self._source.path(number), size, sealed)
        while len(self._open) >= self._most_open:
            self._open.popitem(last=False)[1].close()
        self._open[number] = opened
        self._source.same.require()
        return opened

    @contextlib.contextmanager
    def _blamed(self, number: int) -> Iterator[None]:
        """Errors of reading name the shard."""
        try:
            yield
        except (OSError, KeyError, ValueError) as error:
            self._source.same.require()  # if it is another dataset by now, that is the reason
            reason = " ".join(str(error).split())
            # `prepare` looks at the sizes of shards alone
            advice = "" if isinstance(error, OSError) else "remove it, then "
            raise StreamError(
                f"{self._source.path(number)}: cannot be read ({reason}); {advice}run `dlscan prepare` again"
            ) from error


def _places(slots: Sequence[int], events: Sequence[int]) -> NDArray[np.int64]:
    """The slot and the place of each event, for slots with so many events."""
    place = np.concatenate([np.arange(number) for number in events])
    return np.column_stack([np.repeat(slots, events), place])


def _put(counts: NDArray[Any], index: NDArray[Any], value: NDArray[Any], out: NDArray[Any]) -> None:
    """Write entries to the events `out`, and zeros to their other cells."""
    cells = out.reshape(-1)
    cells.view(np.uint8)[...] = 0  # bytes are cleared faster than numbers
    targets = np.repeat(np.arange(0, len(cells), out[0].size), counts)
    targets += index
    cells[targets] = value


def _list(
    lists: Sequence[NDArray[Any]],
    begin: int,
    first: int,
    counts: NDArray[Any],
    index: NDArray[Any],
    value: NDArray[Any],
) -> int:
    """Copy the entries of events from `first` on to places from `begin` on; returns where they end."""
    rows, cell, values = lists
    here = slice(begin, begin + len(index))
    rows[here] = np.repeat(np.arange(first, first + len(counts), dtype=rows.dtype), counts)
    cell[here], values[here] = index, value
    return here.stop


def _parts(events: SparseBlock) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Entries per event, and the entries."""
    return np.diff(events.offsets), events.index, events.value
