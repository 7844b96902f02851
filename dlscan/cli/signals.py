"""Signals that ask a command to end."""

import contextlib
import dataclasses
import os
import signal
from collections.abc import Iterator

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@dataclasses.dataclass
class Ending:
    """Why a command ends.

    Attributes
    ----------
    hung_up : bool
        Its terminal was closed.
    """

    hung_up: bool = False


@contextlib.contextmanager
def terminable() -> Iterator[Ending]:
    """Let SIGTERM and SIGHUP end this as Ctrl-C does, so that what it has begun is cleaned up.

    What runs inside a batch job is told so before it is killed, what runs in a terminal when that is closed.
    """
    ending = Ending()
    terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]

    def stop(number: int, frame: object) -> None:
        if number == signal.SIGHUP:
            ending.hung_up = True
            # a last word to a terminal that is no more would be an error
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for descriptor in terminals:
                os.dup2(nowhere, descriptor)
            os.close(nowhere)
        raise KeyboardInterrupt

    # who ignores SIGHUP was started by `nohup`, to go on
    before = {
        number: signal.signal(number, stop)
        for number in _SIGNALS
        if not (number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN)
    }
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
