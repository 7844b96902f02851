"""The heartbeat of an attempt: `attempts/0003.beat`, touched every few seconds.

They are judged by the file server's clock alone: clocks of nodes may be off by any time.
"""

import contextlib
import math
import os
import threading
from pathlib import Path

from dlscan.attempts import Attempt, attempt_file, last_number
from dlscan.errors import ConfigError
from dlscan.files import modified
from dlscan.record import PointPaths

# Seconds between heartbeats, for tests.
VARIABLE = "DLSCAN_HEARTBEAT"
# An attempt is stale after so many beats without a heartbeat.
STALE_BEATS = 6
# Where an attempt that cannot be read would have it.
BEAT = 10.0


def beat_seconds() -> float:
    """Seconds between heartbeats.

    Raises
    ------
    ConfigError
        If `DLSCAN_HEARTBEAT` is not a number of seconds.
    """
    text = os.environ.get(VARIABLE)
    if text is None:
        return BEAT
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise ConfigError(f"{VARIABLE}={text!r}: must be a number of seconds above 0; or unset it")
    return seconds


def stale_after(attempt: Attempt) -> float:
    """Seconds of silence after which an attempt is taken for dead."""
    return STALE_BEATS * (attempt.beat or BEAT)


def beat_file(paths: PointPaths, number: int) -> Path:
    """What an attempt touches as long as it lives."""
    return attempt_file(paths, number).with_suffix(".beat")


def last_sign(paths: PointPaths, attempt: Attempt) -> float | None:
    """When an attempt last had a heartbeat, by the file server's clock; writing its file is one."""
    files = (beat_file(paths, attempt.number), attempt_file(paths, attempt.number))
    return max((time for file in files if (time := modified(file)) is not None), default=None)


class Heart(threading.Thread):
    """Beats until it is stopped, its process ends, or a newer attempt has begun.

    Parameters
    ----------
    paths : PointPaths
        The point.
    attempt : Attempt
        Whose heartbeat.
    """

    def __init__(self, paths: PointPaths, attempt: Attempt) -> None:
        super().__init__(name=f"heart of {paths.directory.name}", daemon=True)
        self._paths, self._number, self._seconds = paths, attempt.number, attempt.beat or BEAT
        self._file = beat_file(paths, attempt.number)
        self._stopped = threading.Event()

    def run(self) -> None:
        """Beat; a file system that fails for a while is no reason to stop."""
        while not self._stopped.wait(self._seconds):
            with contextlib.suppress(OSError):
                if last_number(self._paths) > self._number:
                    return
                self.beat()

    def beat(self) -> None:
        """Beat once."""
        self._file.touch()

    def stop(self) -> None:
        """Beat no more, and leave no sign."""
        self._stopped.set()
        # a file system that hangs must not hold up the end
        self.join(timeout=5)
        with contextlib.suppress(OSError):
            self._file.unlink()
