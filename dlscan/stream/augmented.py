"""Events that are augmented by whoever reads them, see `data.augment`.

Workers do it right after they have read the events of a request, in their slots: so it is spread over
processes as reading is, each network of a pack sees the same events, and back ends have no say in it.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlscan.config.augment import Step
from dlscan.dataset import Manifest
from dlscan.stream.augment_steps import Mask, Values, apply
from dlscan.stream.draws import Keys, keys_of
from dlscan.stream.request import ReadRequest
from dlscan.stream.slots import SPARSE_PARTS, Arrays
from dlscan.stream.worker_pool import EventSource, Reader

# Of a block of events that goes through all steps: it stays in the processor's cache.
_BLOCK_BYTES = 256 * 2**10


class InEpoch(NamedTuple):
    """What a request reads.

    Attributes
    ----------
    work : object
        As the reader of the source understands it.
    epoch : int
        Of the stream.
    first : int or None
        The number of its first batch, where copies of an event are to differ.
    """

    work: Any
    epoch: int
    first: int | None


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """What is done to the events of a stream.

    Attributes
    ----------
    steps : dict of str to tuple of Step
        For each input.
    features : dict of str to tuple of str
        What the fields of these inputs are called.
    shapes : dict of str to tuple of int
        Of an event.
    seed : int
        Of the stream.
    repeats : bool
        Whether an epoch has events several times.
    """

    steps: dict[str, tuple[Step, ...]]
    features: dict[str, tuple[str, ...]]
    shapes: dict[str, tuple[int, ...]]
    seed: int
    repeats: bool = False

    @classmethod
    def of(
        cls, steps: Mapping[str, tuple[Step, ...]], manifest: Manifest, seed: int, repeats: bool = False
    ) -> "Augmentation | None":
        """That of a stream of a dataset; None without steps."""
        if not steps:
            return None
        features = {name: manifest.fields_of(name) for name in steps}
        shapes = {name: manifest.inputs[name].shape for name in steps}
        return cls(dict(steps), features, shapes, seed, repeats)

    def requests(
        self, planned: Callable[[int], Iterator[ReadRequest]]
    ) -> Callable[[int], Iterator[ReadRequest]]:
        """The requests of an epoch, for a reader of `AugmentedSource`."""

        def requests(epoch: int) -> Iterator[ReadRequest]:
            for request in planned(epoch):
                first = request.first if self.repeats else None
                yield request._replace(work=InEpoch(request.work, epoch, first))

        return requests

    def keys(self, epoch: int, sources: NDArray[Any], copies: NDArray[Any] | None = None) -> Keys:
        """The keys of events, see `keys_of`."""
        copies = np.zeros(len(sources), np.int64) if copies is None else copies
        return keys_of(self.seed, epoch, sources, copies)

    def apply(self, name: str, keys: Keys, values: Values, mask: Mask) -> None:
        """Augment the values (n, ...) of an input in place, and its mask (n, T)."""
        apply(self.steps[name], self.features[name], name, keys, values, mask)


@dataclasses.dataclass(frozen=True)
class AugmentedSource:
    """Events of a source, augmented; `sparse` are the inputs that are delivered as entries."""

    source: EventSource
    augmentation: Augmentation
    sparse: tuple[str, ...]

    def path(self, number: int) -> Path:
        """See `EventSource`."""
        return self.source.path(number)

    def reader(self, cells: Arrays, note: Callable[[int], None]) -> "AugmentedReader":
        """See `EventSource`."""
        return AugmentedReader(self.source.reader(cells, note), self.augmentation, self.sparse, cells)


class AugmentedReader:
    """Reads by another reader, and augments what it has read."""

    def __init__(
        self, reader: Reader, augmentation: Augmentation, sparse: Sequence[str], cells: Arrays
    ) -> None:
        self._reader, self._augmentation, self._sparse, self._cells = reader, augmentation, sparse, cells

    def do(self, work: InEpoch, slots: Sequence[int]) -> NDArray[np.int64]:
        """See `Reader`."""
        filled = self._reader.do(work.work, slots)
        slot, place = filled.T
        copies = None
        if work.first is not None:
            number = {each: work.first + batch for batch, each in enumerate(slots)}
            batches = np.array([number[each] for each in slot.tolist()], np.int64)
            copies = batches * self._cells["labels"].shape[1] + place
        keys = self._augmentation.keys(work.epoch, self._cells["sources"][slot, place], copies)
        for name in self._augmentation.steps:
            if name in self._sparse:
                for each in np.unique(slot).tolist():
                    self._entries(name, each, keys[slot == each])
            elif f"inputs/{name}" in self._cells:
                self._dense(name, slot, place, keys)
        return filled

    def close(self) -> None:
        """See `Reader`."""
        self._reader.close()

    def _dense(self, name: str, slot: NDArray[Any], place: NDArray[Any], keys: Keys) -> None:
        cells, masks = self._cells[f"inputs/{name}"], self._cells.get(f"masks/{name}")
        for block in _blocks(len(keys), cells[0, 0].nbytes):
            where = slot[block], place[block]
            values, mask = cells[where], None if masks is None else masks[where]
            self._augmentation.apply(name, keys[block], values, mask)
            cells[where] = values
            if masks is not None:
                masks[where] = mask

    def _entries(self, name: str, slot: int, keys: Keys) -> None:
        """Augment the entries of a whole batch."""
        number = self._sparse.index(name)
        lists = [self._cells[f"sparse/{name}/{part}"][slot] for part in SPARSE_PARTS]
        rows, index, value = (part[: self._cells["entries"][slot, number]] for part in lists)
        shape, made = self._augmentation.shapes[name], []
        size = int(np.prod(shape))
        for block in _blocks(len(keys), 4 * size):
            events = len(keys[block])
            begin, end = np.searchsorted(rows, [block.start, block.start + events])
            cells = np.zeros((events, size), np.float32)
            cells[rows[begin:end] - block.start, index[begin:end]] = value[begin:end]
            self._augmentation.apply(name, keys[block], cells.reshape(events, *shape), None)
            lit = np.nonzero(cells)
            made.append((lit[0] + block.start, lit[1], cells[lit]))
        entries = sum(len(part[0]) for part in made)
        for out, parts in zip(lists, zip(*made, strict=True), strict=True):
            np.concatenate(parts, out=out[:entries], casting="same_kind")
        self._cells["entries"][slot, number] = entries


def _blocks(events: int, size: int) -> Iterator[slice]:
    """Stretches of so many events of a size in bytes."""
    step = max(1, _BLOCK_BYTES // size)
    for first in range(0, events, step):
        yield slice(first, first + step)
