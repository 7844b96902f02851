"""A ring of batches in shared memory: which slot holds which batch, and who may still read it.

The memory has no name: it is gone when the last process that maps it is gone, so nothing stays behind in
/dev/shm after a crash. A slot is lent to the caller with its batch and comes back when the caller has dropped
every array of it; a slot is never refilled while anything can still read it.
"""

import collections
import mmap
import os
import time
import weakref
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from dlscan.errors import StreamError
from dlscan.stream.request import ReadRequest
from dlscan.stream.slots import Arrays, SlotLayout, copy_arrays
from dlscan.stream.worker_pool import EventSource, InProcess, WorkerPool

# Epochs that are read at a time: the one that is delivered, and the next.
_EPOCHS = 2
# How long to wait for a worker before looking whether all are well; and how often to hear them meanwhile
_WAIT_SECONDS, _HEAR_SECONDS = 1.0, 1e-3


class Ring:
    """Shared memory and those who fill it, for the batches of one split.

    Parameters
    ----------
    source : EventSource
        What they read.
    layout : SlotLayout
        What a batch looks like.
    slots : int
        Batches that there is memory for.
    needed : int
        Slots without which no request can go on: so many are never lent.
    workers : int
        Processes; 0 reads in this one.
    patience : float
        Seconds after which a worker that does not answer is taken to hang.
    """

    def __init__(
        self, source: EventSource, layout: SlotLayout, slots: int, needed: int, workers: int, patience: float
    ) -> None:
        self._layout, self._lendable = layout, slots - needed
        descriptor = os.memfd_create("dlscan-ring")
        try:
            os.ftruncate(descriptor, slots * layout.size + 8 * max(workers, 1))
            self._memory = mmap.mmap(descriptor, 0)
            self._workers: WorkerPool | InProcess = (
                WorkerPool(source, layout, descriptor, self._memory, slots, workers, patience)
                if workers
                else InProcess(source, layout, self._memory, slots)
            )
        finally:
            os.close(descriptor)
        self._free = list(range(slots))
        self._leases: dict[int, weakref.ref[NDArray[np.uint8]]] = {}
        self._epochs: list[_Epoch] = []  # the one that is delivered, and the one that is read ahead
        self._under_way: dict[int, tuple[_Epoch, ReadRequest]] = {}  # by number
        self._asked = 0
        self._heard = 0.0
        self.waited = 0.0

    def batches(
        self, number: int, requests: Callable[[int], Iterator[ReadRequest]], sizes: Iterator[int], last: bool
    ) -> Iterator[Arrays]:
        """Yield the arrays of the batches of an epoch.

        Parameters
        ----------
        number : int
            Of the epoch.
        requests : callable
            Gives the requests of an epoch.
        sizes : iterator of int
            Events of each batch.
        last : bool
            Whether no other epoch follows. The next one is read ahead when all of this has been asked for:
            workers have nothing else to do, and its first batches are there when it begins.
        """
        epoch = self._begin(number, requests)
        ahead = not last and self._workers.reads_ahead
        self.waited = 0.0
        for batch, events in enumerate(sizes):
            started = time.perf_counter()
            if (
                started - self._heard > _HEAR_SECONDS
            ):  # others may be filled already: workers need new requests
                self._heard = started
                self._receive(0)
            self._ask(requests, ahead)
            while not epoch.is_filled(batch):
                if not self._workers.busy:
                    raise StreamError("the stream cannot continue: a bug in dlscan, please report it")
                self._receive(_WAIT_SECONDS)
                self._ask(requests, ahead)
            self.waited += time.perf_counter() - started
            yield self._lend(epoch.slots.pop(batch), events)

    def close(self) -> None:
        """End the workers; memory that the caller still holds stays until it is dropped."""
        self._workers.close()

    def _begin(self, number: int, requests: Callable[[int], Iterator[ReadRequest]]) -> "_Epoch":
        """Go on with what was read ahead, or take back what was read in vain."""
        if len(self._epochs) == _EPOCHS and self._epochs[1].number == number and not self._epochs[0].slots:
            del self._epochs[0]
            return self._epochs[0]
        while self._workers.busy:
            self._workers.finished(_WAIT_SECONDS)
        for epoch in self._epochs:
            self._free += epoch.slots.values()
        self._under_way = {}
        self._epochs = [_Epoch(number, requests(number))]
        return self._epochs[0]

    def _ask(self, requests: Callable[[int], Iterator[ReadRequest]], ahead: bool) -> None:
        while self._workers.has_time():
            epoch = self._epochs[-1]
            if epoch.next_request is None:
                if len(self._epochs) == _EPOCHS or not ahead:
                    return
                self._epochs.append(_Epoch(epoch.number + 1, requests(epoch.number + 1)))
                continue
            request = epoch.next_request
            if request.last + 1 - epoch.opened > len(self._free):
                return
            for batch in range(epoch.opened, request.last + 1):
                epoch.slots[batch] = self._free.pop()
            self._asked += 1
            self._under_way[self._asked] = epoch, request
            self._workers.ask(self._asked, request.work, epoch.begin())

    def _receive(self, seconds: float) -> None:
        for number in self._workers.finished(seconds):
            epoch, request = self._under_way.pop(number)
            epoch.end(request)

    def _lend(self, slot: int, events: int) -> Arrays:
        """The arrays of a filled slot; it comes back to the ring when the last of them is dropped.

        A caller who keeps more batches than the ring can do without gets copies: slower, never wrong.
        """
        size = self._layout.size
        memory = np.ndarray((size,), np.uint8, self._memory, slot * size)
        arrays = self._layout.arrays(memory, events)
        if len(self._leases) >= self._lendable:
            arrays = copy_arrays(arrays)
            self._free.append(slot)
            return arrays
        leases, free = self._leases, self._free

        def dropped(lease: "weakref.ref[NDArray[np.uint8]]") -> None:
            del leases[slot]
            free.append(slot)

        # all arrays are made of this one: views keep it alive, and so does what a framework made of them
        leases[slot] = weakref.ref(memory, dropped)
        return arrays


class _Epoch:
    """What has been asked for and what has come, by the numbers of the epoch's batches.

    Attributes
    ----------
    number : int
        Of the epoch.
    slots : dict of int to int
        The slot of each batch that is being filled or waits to be delivered.
    opened : int
        Batches that have, or had, a slot.
    next_request : ReadRequest or None
        The one to ask for next.
    """

    def __init__(self, number: int, requests: Iterator[ReadRequest]) -> None:
        self.number, self._requests = number, requests
        self.next_request = next(requests, None)
        self.slots: dict[int, int] = {}
        self._missing: collections.Counter[int] = collections.Counter()  # requests under way, by batch
        self.opened = 0

    def begin(self) -> list[int]:
        """Note that the next request is under way; returns the slots of its batches."""
        request = self.next_request
        assert request is not None
        batches = range(request.first, request.last + 1)
        self._missing.update(batches)
        self.opened = max(self.opened, request.last + 1)
        self.next_request = next(self._requests, None)
        return [self.slots[batch] for batch in batches]

    def end(self, request: ReadRequest) -> None:
        """Note that a request is done."""
        self._missing.subtract(range(request.first, request.last + 1))

    def is_filled(self, batch: int) -> bool:
        """Whether all events of a batch are there."""
        all_asked = self.next_request is None or self.next_request.first > batch
        return all_asked and not self._missing[batch]
