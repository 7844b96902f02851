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
from dlscan.stream.crew import Crew, Here, Source
from dlscan.stream.slots import Arrays, SlotLayout, copy_arrays
from dlscan.stream.task import Task

# Epochs that are read at a time: the one that is delivered, and the next.
_EPOCHS = 2
# How long to wait for a worker before looking whether all are well; and how often to hear them meanwhile
_WAIT_SECONDS, _HEAR_SECONDS = 1.0, 1e-3


class Ring:
    """Shared memory and those who fill it, for the batches of one split.

    Parameters
    ----------
    source : Source
        What they read.
    layout : SlotLayout
        What a batch looks like.
    slots : int
        Batches that there is memory for.
    needed : int
        Slots without which no task can go on: so many are never lent.
    workers : int
        Processes; 0 reads in this one.
    patience : float
        Seconds after which a worker that does not answer is taken to hang.
    """

    def __init__(
        self, source: Source, layout: SlotLayout, slots: int, needed: int, workers: int, patience: float
    ) -> None:
        self._layout, self._lendable = layout, slots - needed
        descriptor = os.memfd_create("dlscan-ring")
        try:
            os.ftruncate(descriptor, slots * layout.size + 8 * max(workers, 1))
            self._memory = mmap.mmap(descriptor, 0)
            self._crew: Crew | Here = (
                Crew(source, layout, descriptor, self._memory, slots, workers, patience)
                if workers
                else Here(source, layout, self._memory, slots)
            )
        finally:
            os.close(descriptor)
        self._free = list(range(slots))
        self._leases: dict[int, weakref.ref[NDArray[np.uint8]]] = {}
        self._epochs: list[_Epoch] = []  # the one that is delivered, and the one that is read ahead
        self._under_way: dict[int, tuple[_Epoch, Task]] = {}  # by number
        self._asked = 0
        self._heard = 0.0
        self.waited = 0.0

    def batches(
        self, number: int, tasks: Callable[[int], Iterator[Task]], sizes: Iterator[int], last: bool
    ) -> Iterator[Arrays]:
        """Yield the arrays of the batches of an epoch.

        Parameters
        ----------
        number : int
            Of the epoch.
        tasks : callable
            Gives the tasks of an epoch.
        sizes : iterator of int
            Events of each batch.
        last : bool
            Whether no other epoch follows. The next one is read ahead when all of this has been asked for:
            workers have nothing else to do, and its first batches are there when it begins.
        """
        epoch = self._begin(number, tasks)
        ahead = not last and self._crew.reads_ahead
        self.waited = 0.0
        for batch, events in enumerate(sizes):
            started = time.perf_counter()
            if started - self._heard > _HEAR_SECONDS:  # others may be filled already: workers need new tasks
                self._heard = started
                self._receive(0)
            self._ask(tasks, ahead)
            while not epoch.is_filled(batch):
                if not self._crew.busy:
                    raise StreamError("the stream cannot continue: a bug in dlscan, please report it")
                self._receive(_WAIT_SECONDS)
                self._ask(tasks, ahead)
            self.waited += time.perf_counter() - started
            yield self._lend(epoch.slots.pop(batch), events)

    def close(self) -> None:
        """End the workers; memory that the caller still holds stays until it is dropped."""
        self._crew.close()

    def _begin(self, number: int, tasks: Callable[[int], Iterator[Task]]) -> "_Epoch":
        """Go on with what was read ahead, or take back what was read in vain."""
        if len(self._epochs) == _EPOCHS and self._epochs[1].number == number and not self._epochs[0].slots:
            del self._epochs[0]
            return self._epochs[0]
        while self._crew.busy:
            self._crew.finished(_WAIT_SECONDS)
        for epoch in self._epochs:
            self._free += epoch.slots.values()
        self._under_way = {}
        self._epochs = [_Epoch(number, tasks(number))]
        return self._epochs[0]

    def _ask(self, tasks: Callable[[int], Iterator[Task]], ahead: bool) -> None:
        while self._crew.has_time():
            epoch = self._epochs[-1]
            if epoch.next_task is None:
                if len(self._epochs) == _EPOCHS or not ahead:
                    return
                self._epochs.append(_Epoch(epoch.number + 1, tasks(epoch.number + 1)))
                continue
            task = epoch.next_task
            if task.last + 1 - epoch.opened > len(self._free):
                return
            for batch in range(epoch.opened, task.last + 1):
                epoch.slots[batch] = self._free.pop()
            self._asked += 1
            self._under_way[self._asked] = epoch, task
            self._crew.ask(self._asked, task.work, epoch.begin())

    def _receive(self, seconds: float) -> None:
        for number in self._crew.finished(seconds):
            epoch, task = self._under_way.pop(number)
            epoch.end(task)

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
    next_task : Task or None
        The one to ask for next.
    """

    def __init__(self, number: int, tasks: Iterator[Task]) -> None:
        self.number, self._tasks = number, tasks
        self.next_task = next(tasks, None)
        self.slots: dict[int, int] = {}
        self._missing: collections.Counter[int] = collections.Counter()  # tasks under way, by batch
        self.opened = 0

    def begin(self) -> list[int]:
        """Note that the next task is under way; returns the slots of its batches."""
        task = self.next_task
        assert task is not None
        batches = range(task.first, task.last + 1)
        self._missing.update(batches)
        self.opened = max(self.opened, task.last + 1)
        self.next_task = next(self._tasks, None)
        return [self.slots[batch] for batch in batches]

    def end(self, task: Task) -> None:
        """Note that a task is done."""
        self._missing.subtract(range(task.first, task.last + 1))

    def is_filled(self, batch: int) -> bool:
        """Whether all events of a batch are there."""
        all_asked = self.next_task is None or self.next_task.first > batch
        return all_asked and not self._missing[batch]
