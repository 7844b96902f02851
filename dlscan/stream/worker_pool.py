"""Who fills the slots: worker processes, or this one."""

import contextlib
import logging
import mmap
import os
import selectors
import subprocess
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dlscan.errors import DlscanError, StreamError
from dlscan.stream.slots import Arrays, SlotLayout
from dlscan.stream.worker_process import WorkerProcess

log = logging.getLogger("dlscan")

# Requests that a worker has at a time: one that it does and one that it finds when it has done so.
AHEAD = 2


class Reader(Protocol):
    """Fills slots."""

    def do(self, work: Any, slots: Sequence[int]) -> NDArray[np.int64]:
        """Read what `work` says into `slots`; the slot of each event and its place there, (n, 2)."""

    def close(self) -> None:
        """Close the files that are open."""


class EventSource(Protocol):
    """Where events come from; it travels to the workers."""

    def path(self, number: int) -> Path:
        """The file that a reader calls `number`."""

    def reader(self, cells: Arrays, note: Any) -> Reader:
        """A reader that fills slots and tells `note` the number of the file that it reads."""


class InProcess:
    """No workers: requests are done at once, in this process."""

    reads_ahead = False

    def __init__(self, source: EventSource, layout: SlotLayout, memory: mmap.mmap, slots: int) -> None:
        self._reader = source.reader(layout.cells(memory, slots), lambda number: None)
        self._done: list[int] = []

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""
        return bool(self._done)

    def has_time(self) -> bool:
        """Whether somebody can take a request: one at a time, or nothing would ever be delivered."""
        return not self._done

    def ask(self, request: int, work: Any, slots: Sequence[int]) -> None:
        """Have a request done."""
        self._reader.do(work, slots)
        self._done.append(request)

    def finished(self, seconds: float) -> list[int]:
        """Requests that are done."""
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Close the files that are open."""
        self._reader.close()


class WorkerPool:
    """Worker processes.

    Parameters
    ----------
    source : EventSource
        What they read.
    layout : SlotLayout
        What a slot looks like.
    descriptor : int
        Of the shared memory: the slots, and after them a number per worker, the file that it reads.
    memory : mmap
        The same, mapped.
    slots, workers : int
        How many there are.
    patience : float
        Seconds after which a worker that does not answer is taken to hang.
    """

    reads_ahead = True

    def __init__(
        self,
        source: EventSource,
        layout: SlotLayout,
        descriptor: int,
        memory: mmap.mmap,
        slots: int,
        workers: int,
        patience: float,
    ) -> None:
        self._source, self._patience = source, patience
        self._reading = np.ndarray((workers,), np.int64, memory, slots * layout.size)
        self._workers: list[WorkerProcess] = []
        self._selector = selectors.DefaultSelector()
        # they end with this object, or with the program: not when garbage happens to be collected
        self._end = weakref.finalize(self, _end, self._workers, self._selector, os.getpid())
        try:
            for number in range(workers):
                self._workers.append(WorkerProcess(number, descriptor, patience))
                self._selector.register(self._workers[-1].connection, selectors.EVENT_READ, self._workers[-1])
            # all are starting before the first is told anything
            for worker in self._workers:
                worker.connection.send((worker.number, descriptor, slots, source, layout))
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            self.close()
            raise StreamError(
                "a stream worker died or hung while it was starting; run the same command again to continue"
            ) from None
        except BaseException:
            self.close()
            raise

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""
        return any(worker.requests for worker in self._workers)

    def has_time(self) -> bool:
        """Whether somebody can take a request."""
        return any(len(worker.requests) < AHEAD for worker in self._workers)

    def ask(self, request: int, work: Any, slots: Sequence[int]) -> None:
        """Have a request done by the worker who has least to do."""
        worker = min(self._workers, key=lambda worker: len(worker.requests))
        try:
            worker.ask(request, work, slots)
        except BlockingIOError:
            raise self._hangs(worker) from None
        except (BrokenPipeError, ConnectionResetError):
            raise self._died(worker) from None

    def finished(self, seconds: float) -> list[int]:
        """Requests that are done; waits some seconds for one.

        Raises
        ------
        StreamError
            If a worker failed, died or hangs; it names the file.
        """
        ready = [key.data for key, _ in self._selector.select(seconds)]
        done = []
        for worker in self._workers:
            if worker in ready:
                done.append(self._answer(worker))
            elif worker.requests and time.monotonic() - worker.since > self._patience:
                raise self._hangs(worker)
        return done

    def close(self) -> None:
        """End the workers."""
        self._end()

    def _answer(self, worker: "WorkerProcess") -> int:
        try:
            request, error, trace = worker.answer()
        except (EOFError, ConnectionResetError):
            raise self._died(worker) from None
        if isinstance(error, DlscanError):
            raise error
        if error is not None:
            log.debug("stream worker %d: %s", worker.number, trace)
            raise StreamError(f"{self._file(worker)}: stream worker {worker.number} failed: {error!r}")
        return request

    def _hangs(self, worker: "WorkerProcess") -> StreamError:
        return StreamError(
            f"{self._file(worker)}: stream worker {worker.number} (process {worker.process.pid}) "
            f"has not answered for {self._patience:.0f} s; is the file system responding?"
        )

    def _died(self, worker: "WorkerProcess") -> StreamError:
        return StreamError(
            f"stream worker {worker.number} (process {worker.process.pid}) {worker.end()} while it was "
            f"reading {self._file(worker)}; run the same command again to continue"
        )

    def _file(self, worker: "WorkerProcess") -> Path:
        return self._source.path(int(self._reading[worker.number]))


def _end(workers: list[WorkerProcess], selector: selectors.BaseSelector, owner: int) -> None:
    """End workers, unless this is a fork of their owner."""
    if os.getpid() != owner:
        return
    selector.close()
    for worker in workers:
        worker.connection.close()
    for worker in workers:
        worker.process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.process.wait(10)
    workers.clear()
