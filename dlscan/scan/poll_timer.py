"""When to look again: to look at thousands of points takes its time."""

import contextlib
import math
import time
from collections.abc import Iterator

_SECONDS = 2.0
# looking may take no more than this share of the time
_SHARE = 0.05


class PollTimer:
    """Tells when it is time to look again, by how long the last look took."""

    def __init__(self) -> None:
        self._next = -math.inf

    @property
    def due(self) -> bool:
        """Whether it is time."""
        return time.monotonic() >= self._next

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        """Look inside of this."""
        begin = time.monotonic()
        yield
        now = time.monotonic()
        self._next = now + max(_SECONDS, (now - begin) / _SHARE)
