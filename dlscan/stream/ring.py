"""A ring of batches in shared memory and the worker processes that fill it.

The memory has no name: it is gone when the last process that maps it is gone, so nothing stays behind in
/dev/shm after a crash. A slot is lent to the caller with its batch and comes back when the caller has dropped
every array of it; a slot is never refilled while anything can still read it.
"""

import contextlib
import logging
import mmap
import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dlscan
from dlscan.errors import StreamError
from dlscan.stream.reader import Arrays, Source
from dlscan.stream.slots import SlotLayout

log = logging.getLogger("dlscan")

# Batches that a worker has to do at a time: one that it fills and one that it finds when it has done so.
_AHEAD = 2
# Slots beyond those that the workers hold: the caller's batch, the one before that a loop variable still
# holds, and one that is ready.
_SPARE = 3


class Worker:
    """The owner's end of a worker process."""

    def __init__(self, number: int, memory: int, slots: int, source: Source, layout: SlotLayout) -> None:
        ours, theirs = socket.socketpair()
        self.connection: Connection[Any, Any] = Connection(ours.detach())
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "dlscan.stream.worker", str(theirs.fileno())],
                pass_fds=(theirs.fileno(), memory),
                stdin=subprocess.DEVNULL,
                env=_environment(),
            )
        self.number = number
        self.slots: list[int] = []
        self.since = time.monotonic()
        self.connection.send((number, memory, slots, source, layout))

    def ask(self, slot: int, events: int) -> None:
        """Have `slot` filled."""
        if not self.slots:
            self.since = time.monotonic()
        self.connection.send((slot, events))
        self.slots.append(slot)

    def answer(self) -> tuple[int, Exception | None, str]:
        """The next slot that is filled, or the error that was met."""
        slot, error, trace = self.connection.recv()
        self.slots.remove(slot)
        self.since = time.monotonic()
        return slot, error, trace

    def end(self) -> str:
        """How the process ended, in words."""
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:
            return "closed its connection"
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"


class Ring:
    """Shared memory and workers for the batches of one split.

    Parameters
    ----------
    source : Source
        What the workers read.
    layout : SlotLayout
        What a batch looks like.
    workers : int
        Processes, at least 1.
    patience : float
        Seconds after which a worker that does not answer is taken to hang.
    """

    def __init__(self, source: Source, layout: SlotLayout, workers: int, patience: float) -> None:
        self._source = source
        self._layout = layout
        self._patience = patience
        self._slots = workers * _AHEAD + _SPARE
        descriptor = os.memfd_create("dlscan-ring")
        self._workers: list[Worker] = []
        try:
            os.ftruncate(descriptor, self._slots * layout.size + 8 * workers)
            self._memory = mmap.mmap(descriptor, 0)
            for number in range(workers):
                self._workers.append(Worker(number, descriptor, self._slots, source, layout))
        except BaseException:
            self.close()
            raise
        finally:
            os.close(descriptor)
        self._free = list(range(self._slots))
        self._filled: set[int] = set()

    def can_ask(self) -> bool:
        """Whether there is a slot to fill and a worker with time for it."""
        return bool(self._free) and any(len(worker.slots) < _AHEAD for worker in self._workers)

    def ask(self, rows: NDArray[np.int64]) -> int:
        """Have the events `rows` read; returns the slot they will be in."""
        slot = self._free.pop()
        self._layout.views(self._memory, slot, len(rows))["rows"][...] = rows
        worker = min(self._workers, key=lambda worker: len(worker.slots))
        try:
            worker.ask(slot, len(rows))
        except (BrokenPipeError, ConnectionResetError):
            raise self._died(worker) from None
        return slot

    def wait_for(self, slot: int) -> None:
        """Wait until `slot` is filled.

        Raises
        ------
        StreamError
            If a worker failed, died or hangs; it names the file.
        """
        while slot not in self._filled:
            if not any(slot in worker.slots for worker in self._workers):
                raise StreamError("the stream lost a batch when it was interrupted; start a new epoch")
            self._receive()
        self._filled.remove(slot)

    def lend(self, slot: int, events: int) -> Arrays:
        """The arrays of a filled slot; it comes back to the ring when the last of them is dropped.

        A caller who keeps more batches than the ring has slots gets copies: slower, never wrong.
        """
        arrays = self._layout.views(self._memory, slot, events)
        del arrays["rows"]
        if not self._free and not any(worker.slots for worker in self._workers) and not self._filled:
            copies = self._layout.allocate(events)
            for name, array in arrays.items():
                copies[name][...] = array
            del copies["rows"]
            self._free.append(slot)
            return copies
        lease = [len(arrays)]
        free = self._free

        def dropped() -> None:
            lease[0] -= 1
            if not lease[0]:
                free.append(slot)

        for array in arrays.values():
            # views of an array keep it alive, and so does what a framework made of it without a copy
            weakref.finalize(array, dropped).atexit = False
        return arrays

    def give_back(self, slot: int) -> None:
        """Take back a filled slot that nobody wants."""
        self._free.append(slot)

    def close(self) -> None:
        """End the workers; memory that the caller still holds stays until it is dropped."""
        for worker in self._workers:
            worker.connection.close()
        for worker in self._workers:
            worker.process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.process.wait(10)
        self._workers = []

    def _receive(self) -> None:
        ready = wait([worker.connection for worker in self._workers], timeout=1.0)
        for worker in self._workers:
            if worker.connection in ready:
                try:
                    slot, error, trace = worker.answer()
                except (EOFError, ConnectionResetError):
                    raise self._died(worker) from None
                if isinstance(error, StreamError):
                    raise error
                if error is not None:
                    log.debug("stream worker %d: %s", worker.number, trace)
                    raise StreamError(
                        f"{self._file(worker)}: stream worker {worker.number} failed: {error!r}"
                    )
                self._filled.add(slot)
            elif worker.slots and time.monotonic() - worker.since > self._patience:
                raise StreamError(
                    f"{self._file(worker)}: stream worker {worker.number} (process {worker.process.pid}) "
                    f"has not answered for {self._patience:.0f} s; is the file system well?"
                )

    def _died(self, worker: Worker) -> StreamError:
        return StreamError(
            f"{self._file(worker)}: stream worker {worker.number} (process {worker.process.pid}) "
            f"{worker.end()} while it had to read this file; run again to go on"
        )

    def _file(self, worker: Worker) -> Path:
        offset = self._slots * self._layout.size + 8 * worker.number
        shard = int(np.ndarray((), np.int64, self._memory, offset))
        return self._source.directory / self._source.shards[shard].file


def _environment() -> dict[str, str]:
    # glibc gives large blocks back to the kernel and asks for them again: as dear as the work itself
    quick = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**32)}
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    home = str(Path(dlscan.__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
    return {**os.environ, **quick, **single, "PYTHONPATH": path}
