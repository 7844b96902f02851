"""Reasons to stop before the end: a signal from the batch system, or the time limit."""

import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)


class Interruption:
    """Notes SIGTERM and SIGUSR1 and watches the clock while it is entered; the handlers before are put back.

    Parameters
    ----------
    time_limit : float or None
        Seconds from now on after which nothing should run any more.
    """

    def __init__(self, time_limit: float | None) -> None:
        self._started = time.monotonic()
        self._limit = time_limit
        self._before: dict[signal.Signals, Any] = {}
        self._signal: str | None = None

    def __enter__(self) -> "Interruption":
        # Python lets only the main thread set handlers; elsewhere whoever owns that thread decides
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def signal(self) -> str | None:
        """Name of the signal that came."""
        return self._signal

    def out_of_time(self, needed: float) -> bool:
        """Whether `needed` seconds more would pass the limit."""
        return self._limit is not None and time.monotonic() - self._started + needed > self._limit

    def _note(self, number: int, frame: FrameType | None) -> None:
        # no message from here: the signal may have come in the middle of another one
        self._signal = signal.Signals(number).name
