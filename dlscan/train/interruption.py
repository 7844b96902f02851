"""Reasons to stop before the end: a signal from the batch system, or the time limit."""

import os
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any

from dlscan.errors import ConfigError

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP)
# What batch systems leave between a signal and the end is 30 s or more; some of it is for writing.
_GRACE = 25.0
# A shorter limit still gets an epoch of this many seconds to its end, or it would never get anywhere.
_LEAST = 30.0


class Interruption:
    """Notes SIGTERM, SIGUSR1 and SIGHUP, and watches the clock, while it is entered.

    The handlers before are put back. SIGHUP stays ignored where it is: `nohup` wants training to go on.

    Parameters
    ----------
    time_limit : float or None
        Seconds from now on after which nothing should run any more; `limit` sets it later.
    """

    def __init__(self, time_limit: float | None = None) -> None:
        self._started = time.monotonic()
        self._limit = time_limit
        self._grace = grace_seconds()
        self._before: dict[signal.Signals, Any] = {}
        self._signal: str | None = None
        self._came = 0.0

    def __enter__(self) -> "Interruption":
        # Python lets only the main thread set handlers; elsewhere whoever owns that thread decides
        if threading.current_thread() is threading.main_thread():
            self._before = {
                number: signal.signal(number, self._note)
                for number in SIGNALS
                if not (number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN)
            }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def limit(self, seconds: float | None) -> None:
        """Set the time limit, in seconds since this was made."""
        self._limit = seconds

    @property
    def signal(self) -> str | None:
        """Name of the signal that came."""
        return self._signal

    def out_of_time(self, needed: float) -> bool:
        """Whether `needed` seconds more would pass the limit."""
        return self._limit is not None and time.monotonic() - self._started + needed > self._limit

    def leaves_no_time(self, needed: float) -> bool:
        """Whether an epoch that needs `needed` seconds more has to be left in the middle."""
        now = time.monotonic()
        if self._signal is not None:
            return now + needed > self._came + self._grace
        return self._limit is not None and now - self._started > max(self._limit, _LEAST)

    def _note(self, number: int, frame: FrameType | None) -> None:
        # no message from here: the signal may have come in the middle of another one
        if self._signal is None:  # scripts send it again and again, until somebody listens
            self._signal, self._came = signal.Signals(number).name, time.monotonic()


def grace_seconds() -> float:
    """Seconds between a signal and the end, from `DLSCAN_GRACE`.

    Raises
    ------
    ConfigError
        If that is no number of seconds.
    """
    text = os.environ.get("DLSCAN_GRACE")
    try:
        seconds = _GRACE if text is None else float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ConfigError(
            f"DLSCAN_GRACE={text}: must be the number of seconds from a signal to the kill, "
            "such as 25; or unset it"
        )
    return seconds
