"""Fill batches from the shards of a split."""

import dataclasses
import resource
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.dataset import Shard
from dlscan.dataset.events import Dense, Events, entries_of
from dlscan.dataset.shard import map_shard
from dlscan.errors import StreamError

Arrays = dict[str, NDArray[Any]]


@dataclasses.dataclass(frozen=True)
class Source:
    """What a reader needs to know of a split.

    Attributes
    ----------
    directory : Path
        Of the dataset.
    shards : tuple of Shard
        In order: together they are one long list of events, the rows of the split.
    columns : tuple of str
        What to read, as the shards name it.
    class_weights : tuple of float
        The weight of an event of each class.
    """

    directory: Path
    shards: tuple[Shard, ...]
    columns: tuple[str, ...]
    class_weights: tuple[float, ...]


class Reader:
    """Reads events of a split by their rows.

    Parameters
    ----------
    source : Source
        The split.
    note : callable
        Called with the number of the shard that is about to be read.
    """

    def __init__(self, source: Source, note: Callable[[int], None] = lambda shard: None) -> None:
        self._source = source
        self._note = note
        self._starts = np.concatenate([[0], np.cumsum([shard.events for shard in source.shards])])
        self._weights = np.array(source.class_weights, np.float32)
        self._open: OrderedDict[int, Events] = OrderedDict()
        # a mapped file holds a descriptor; leave half of them to the rest of the process
        self._most_open = max(8, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)

    def fill(self, rows: NDArray[np.int64], arrays: Arrays) -> None:
        """Fill a batch.

        Parameters
        ----------
        rows : ndarray of int64, (B,)
            The events, in the order of delivery.
        arrays : dict of str to ndarray, each (B, ...)
            Where each column goes, and `weights`.

        Raises
        ------
        StreamError
            If a shard cannot be read; it names the file.
        """
        for name in self._source.columns:
            if name.startswith("inputs/"):
                arrays[name][...] = 0  # sparse events write only what is not zero
        # the disk is read forwards, each event goes to its own place in the batch
        places = np.argsort(rows, kind="stable")
        rows = rows[places]
        cuts = np.searchsorted(rows, self._starts)
        for shard in np.flatnonzero(np.diff(cuts)):
            first, last = cuts[shard], cuts[shard + 1]
            self._note(int(shard))
            events = self._events(int(shard))
            own, targets = rows[first:last] - self._starts[shard], places[first:last]
            try:
                for name in self._source.columns:
                    _copy(events.columns[name], own, arrays[name], targets)
            except (IndexError, ValueError) as error:
                raise self._unreadable(int(shard), repr(error)) from error
        np.take(self._weights, arrays["labels"], out=arrays["weights"])

    def labels(self) -> NDArray[np.int16]:
        """The labels of all events of the split; shape (n,)."""
        # copies, so that a shard is closed before the next is opened
        parts = [self._events(shard).array("labels").copy() for shard in range(len(self._source.shards))]
        return np.concatenate(parts)

    def _events(self, number: int) -> Events:
        if number in self._open:
            self._open.move_to_end(number)
            return self._open[number]
        shard = self._source.shards[number]
        path = self._source.directory / shard.file
        try:
            if path.stat().st_size != shard.size:
                raise ValueError(f"has {path.stat().st_size} bytes instead of {shard.size}")
            events = map_shard(path, list(self._source.columns))
        except (OSError, KeyError, ValueError) as error:
            raise self._unreadable(number, str(error)) from error
        while len(self._open) >= self._most_open:
            self._open.popitem(last=False)
        self._open[number] = events
        return events

    def _unreadable(self, shard: int, reason: str) -> StreamError:
        path = self._source.directory / self._source.shards[shard].file
        return StreamError(f"{path}: cannot be read ({' '.join(reason.split())}); run `dlscan prepare` again")


def _copy(block: Any, rows: NDArray[np.int64], out: NDArray[Any], places: NDArray[np.int64]) -> None:
    """Copy events `rows` of a column to `places` of a batch."""
    if isinstance(block, Dense):
        out[places] = block.array[rows]
        return
    flat = out.reshape(-1)
    entries, offsets = entries_of(block.offsets, rows)
    index, size = block.index[entries], out[0].size
    if len(index) and index.max() >= size:
        raise IndexError(f"cell {index.max()} of {size}")  # it would land in the event after
    targets = np.repeat(places * size, np.diff(offsets))
    targets += index
    flat[targets] = block.value[entries]
