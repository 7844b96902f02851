"""A worker process, as its owner sees it."""

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import dlscan
from dlscan.process import starting_helper


class WorkerProcess:
    """A worker process, and this end of the connection to it.

    Parameters
    ----------
    number : int
        Its own.
    memory : int
        Descriptor of the shared memory.
    patience : float
        Seconds that it may take to read a message.
    """

    def __init__(self, number: int, memory: int, patience: float) -> None:
        ours, theirs = socket.socketpair()
        # a message that is longer than the socket's buffer waits for one that hangs: it fails then
        seconds, rest = divmod(min(max(patience, 1e-3), 1e9), 1)
        ours.setsockopt(
            socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(seconds), int(rest * 1e6))
        )
        self.connection: Connection[Any, Any] = Connection(ours.detach())
        with theirs, starting_helper():
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "dlscan.stream.worker", str(theirs.fileno())],
                pass_fds=(theirs.fileno(), memory),
                stdin=subprocess.DEVNULL,
                env=_environment(),
            )
        self.number = number
        self.requests: list[int] = []
        self.since = time.monotonic()

    def ask(self, request: int, work: Any, slots: Sequence[int]) -> None:
        """Have a request done."""
        if not self.requests:
            self.since = time.monotonic()
        self.connection.send((request, work, slots))
        self.requests.append(request)

    def answer(self) -> tuple[int, Exception | None, str]:
        """The next request that is done, or the error that was met."""
        request, error, trace = self.connection.recv()
        self.requests.remove(request)
        self.since = time.monotonic()
        return request, error, trace

    def end(self) -> str:
        """How the process ended, in words."""
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:
            return "closed its connection"
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"


def _environment() -> dict[str, str]:
    # glibc gives large blocks back to the kernel and asks for them again: as dear as the work itself
    quick = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**32)}
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    home = str(Path(dlscan.__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
    return {**os.environ, **quick, **single, "PYTHONPATH": path}
