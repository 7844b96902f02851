"""Several processes, one on each node, that train the same points together.

All run the same code on the same events. The first one decides whatever may differ between them, such as what
a signal or the clock ask for, and the others are told: see `Nodes.agree`. It alone claims points, writes and
logs. What it decides goes over connections of their own, which tell too when a process is gone: then all end
at once, because a back end may wait for it without an end.
"""

import atexit
import contextlib
import logging
import os
import pickle
import queue
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar

from dlscan.errors import BackendError, ConfigError, DlscanError
from dlscan.train.interruption import Interruption
from dlscan.train.rendezvous import Meeting, meet

log = logging.getLogger("dlscan")

Value = TypeVar("Value")

# Seconds that the first process waits for the others to end.
_LEAVING = 30.0
# Seconds until it is known that a process is gone, once something has failed.
_NOTICED = 5.0
# What the first process sends at its end, and where it has failed.
_END, _FAILED = b"", b"failed"


class Ended(Exception):
    """The first process has nothing left to do."""


class Nodes:
    """The processes that train together, seen from one of them.

    Parameters
    ----------
    meeting : Meeting, optional
        How they have found each other; by default this process is alone.

    Attributes
    ----------
    count : int
        How many there are.
    number : int
        Of this one, from 0.
    addresses : sequence of str
        `HOST:PORT` of each, for the back end: a port that was free.
    is_connected : bool
        Whether the back end knows of the others.
    on_lost : callable
        Called with the error, in the first process, when another one is gone.
    at_end : callable
        Called at the end, in all of them at the same time.
    """

    def __init__(self, meeting: Meeting | None = None) -> None:
        self.count, self.number = (1, 0) if meeting is None else (meeting.total, meeting.number)
        self.addresses: Sequence[str] = () if meeting is None else meeting.addresses
        self.is_connected = False
        self.on_lost: Callable[[DlscanError], None] = lambda error: None
        self.at_end: Callable[[], None] = lambda: None
        self._others: Mapping[int, Connection] = {} if meeting is None else meeting.connections
        self._told: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._leaving, self._losing = False, threading.Lock()
        self._watches = [
            threading.Thread(target=self._watch, args=other, daemon=True) for other in self._others.items()
        ]
        for watch in self._watches:
            watch.start()

    @property
    def follows(self) -> bool:
        """Whether another process decides."""
        return self.number > 0

    def agree(self, value: Value) -> Value:
        """The value of the first process, in all of them: each has to ask for the same values in turn.

        Raises
        ------
        Ended
            In the others, once the first one has come to its end.
        """
        if self.count == 1:
            return value
        if self.follows:
            message = self._told.get()
            if message == _END:
                raise Ended
            told: Value = pickle.loads(message)
            return told
        self._send(pickle.dumps(value))
        return value

    def require_alike(self, devices: int) -> None:
        """Check that this process trains on as many devices as the first one.

        Raises
        ------
        BackendError
            If not: the back ends would wait for each other.
        """
        if self.agree(devices) != devices:
            raise BackendError(
                f"process {self.number + 1} of {self.count} ({socket.gethostname()}) sees another number of "
                "devices than the first one; set train.devices to a number that every node has"
            )

    def interruption(self, own: Interruption) -> Interruption:
        """What asks all of them to stop: what asks the first one."""
        return own if self.count == 1 else _Agreed(self, own)

    def await_loss(self) -> None:
        """Something has failed here: if it did because another process is gone, this ends here."""
        if self.count > 1:
            time.sleep(_NOTICED)

    def close(self, failed: bool = False) -> None:
        """End the others too, if this is the first process, and wait until they have ended."""
        self._leaving = True
        if self.count > 1 and not self.follows:
            with contextlib.suppress(OSError):
                self._send(_FAILED if failed else _END)
        if not failed:
            self.at_end()
        elif self.is_connected:
            # a back end would wait for the others, which are gone or wait for this one
            atexit.register(_end_at_once)
        if not self.follows:
            for watch in self._watches:
                watch.join(_LEAVING)

    def _send(self, message: bytes) -> None:
        for other in self._others.values():
            try:
                other.send_bytes(message)
            except OSError:
                self.await_loss()
                raise

    def _watch(self, number: int, other: Connection) -> None:
        """Take what another process says, until it is gone."""
        try:
            while (message := other.recv_bytes()) != _FAILED:
                self._leaving = message == _END
                self._told.put(message)
            # the back end may wait for the first process without an end
            os._exit(0)
        except (EOFError, OSError):
            if self._leaving:
                return
            if not self.follows:
                self._lose(number)
            os._exit(1)

    def _lose(self, number: int) -> None:
        with self._losing:
            host = self.addresses[number].rpartition(":")[0]
            error = BackendError(
                f"process {number + 1} of {self.count} ({host}) is gone; "
                "this one ends too, and the next attempt continues from the last checkpoint"
            )
            log.error("%s", error)
            self.on_lost(error)
            os._exit(1)


def _end_at_once() -> None:
    """Called first of what is to be done at the end: by now the error is told."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(1)


class _Agreed(Interruption):
    """What the first process is asked, as an answer of all."""

    def __init__(self, nodes: Nodes, own: Interruption) -> None:
        self._nodes, self._own = nodes, own

    @property
    def signal(self) -> str | None:
        return self._nodes.agree(self._own.signal)

    def out_of_time(self, needed: float) -> bool:
        return self._nodes.agree(self._own.out_of_time(needed))

    def leaves_no_time(self, needed: float) -> bool:
        return self._nodes.agree(self._own.leaves_no_time(needed))


_here = Nodes()


def here() -> Nodes:
    """The processes that train together, this one among them."""
    return _here


@contextlib.contextmanager
def joined(environment: Mapping[str, str] = os.environ) -> Iterator[Nodes]:
    """Find the processes that a batch system has started on other nodes, if it has; `here` gives them then.

    `DLSCAN_NODES` says how many there are, `DLSCAN_NODE` or Slurm which one this is, from 0, and
    `DLSCAN_RENDEZVOUS` names a file by which they find each other, another one for each attempt.

    Raises
    ------
    BackendError
        If they do not come.
    """
    global _here
    count = _number(environment, "DLSCAN_NODES", "1")
    if count == 1:
        yield _here
        return
    number = _number(environment, "DLSCAN_NODE", environment.get("SLURM_PROCID", ""))
    place = environment.get("DLSCAN_RENDEZVOUS")
    if not place:
        raise ConfigError("DLSCAN_RENDEZVOUS: must name a file; job scripts of dlscan set it")
    _here = nodes = Nodes(meet(Path(place), count, number))
    failed = True
    try:
        yield nodes
        failed = False
    except Ended:
        failed = False
    finally:
        nodes.close(failed)
        _here = Nodes()


def _number(environment: Mapping[str, str], name: str, default: str) -> int:
    text = environment.get(name, default)
    if not text.isdecimal():
        raise ConfigError(f"{name}={text}: must be a number; job scripts of dlscan set it")
    return int(text)
