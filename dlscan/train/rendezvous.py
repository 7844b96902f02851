"""How processes on several nodes find each other: by a file on the disk that they share."""

import json
import os
import secrets
import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from pathlib import Path
from typing import Any, NamedTuple

from dlscan.errors import BackendError
from dlscan.files import written_whole

# Seconds: a node may start its process late, where many start at once.
_PATIENCE = 600.0
_LOOK_AGAIN = 0.2
_ANSWER = 20.0
# A node without power does not end a connection: it is asked after so many seconds of silence, several times.
# It is not asked while it owes an answer, for which Linux alone would wait a quarter of an hour; in ms.
_ALIVE = {
    socket.TCP_KEEPIDLE: 30,
    socket.TCP_KEEPINTVL: 10,
    socket.TCP_KEEPCNT: 3,
    socket.TCP_USER_TIMEOUT: 60_000,
}


class Meeting(NamedTuple):
    """Processes that have met.

    Attributes
    ----------
    total, number : int
        How many there are, and which one this is, from 0.
    addresses : sequence of str
        `HOST:PORT` of each; nobody listens there yet.
    connections : mapping of int to Connection
        To the others by their number, in the first process; to the first one, in the others.
    """

    total: int
    number: int
    addresses: Sequence[str]
    connections: Mapping[int, Connection]


def meet(file: Path, count: int, number: int) -> Meeting:
    """Wait for the other processes.

    Parameters
    ----------
    file : Path
        Says where the first one is, as long as it waits.
    count, number : int
        Of the processes, and of this one.

    Raises
    ------
    BackendError
        If they do not come in time.
    """
    return _receive(file, count) if number == 0 else _come(file, count, number)


def _receive(file: Path, count: int) -> Meeting:
    key, until = secrets.token_bytes(32), time.monotonic() + _PATIENCE
    connections: dict[int, Connection] = {}
    addresses = [""] * count
    with socket.create_server(("", 0), backlog=count) as server:
        place = {"hosts": _own_names(), "port": server.getsockname()[1], "key": key.hex()}
        try:
            with written_whole(file) as temporary:
                temporary.touch(0o600)  # the key is nobody else's business
                temporary.write_text(json.dumps(place), encoding="utf-8")
            while len(connections) < count - 1:
                server.settimeout(max(until - time.monotonic(), 0.001))
                try:
                    link = server.accept()[0]
                except TimeoutError:
                    raise BackendError(
                        f"only {len(connections) + 1} of {count} processes have started within "
                        f"{_PATIENCE:.0f} s; look at the job's log, and at the nodes of the job"
                    ) from None
                try:
                    connection = _connection(link)
                    # whoever says nothing must not keep others out
                    _wait_at_most(connection, _ANSWER)
                    deliver_challenge(connection, key)
                    answer_challenge(connection, key)
                    number, own, first = connection.recv()
                    _wait_at_most(connection, 0.0)
                except (AuthenticationError, OSError, EOFError):
                    continue  # whoever that was
                connections[number], addresses[number], addresses[0] = connection, own, first
        finally:
            file.unlink(missing_ok=True)
    addresses[0] = f"{addresses[0]}:{_free_port()}"
    for connection in connections.values():
        connection.send(addresses)
    return Meeting(count, 0, addresses, connections)


def _come(file: Path, count: int, number: int) -> Meeting:
    for plan in _read(file):
        for host in plan["hosts"]:
            try:
                link = socket.create_connection((host, plan["port"]), timeout=_ANSWER)
                own, first = link.getsockname()[0], link.getpeername()[0]
                connection, key = _connection(link), bytes.fromhex(plan["key"])
                answer_challenge(connection, key)
                deliver_challenge(connection, key)
                connection.send((number, f"{own}:{_free_port()}", first))
                addresses = connection.recv()
            except (AuthenticationError, OSError, EOFError):
                continue
            return Meeting(count, number, addresses, {0: connection})
    raise BackendError(
        f"process {number + 1} of {count} on {socket.gethostname()} has not found the first one within "
        f"{_PATIENCE:.0f} s ({file}); the nodes must share a disk and reach each other"
    )


def _read(file: Path) -> Iterator[dict[str, Any]]:
    """What the file says, again and again, as long as there is time."""
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        try:
            yield json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            # NFS: a listing of the directory shows what is new in it
            list(file.parent.iterdir())
        time.sleep(_LOOK_AGAIN)


def _connection(link: socket.socket) -> Connection:
    link.settimeout(None)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _ALIVE.items():
        link.setsockopt(socket.IPPROTO_TCP, option, value)
    return Connection(link.detach())


def _wait_at_most(connection: Connection, seconds: float) -> None:
    """Let reading fail with an `OSError` after so many seconds without a word; 0 waits without an end."""
    limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1e6))
    with socket.socket(fileno=os.dup(connection.fileno())) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)


def _own_names() -> list[str]:
    """What other nodes may call this one."""
    name = socket.gethostname()
    try:
        found = socket.gethostbyname_ex(name)
    except OSError:
        return [name]
    return list(dict.fromkeys([name, found[0], *found[2]]))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
    return port
