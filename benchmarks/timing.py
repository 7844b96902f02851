"""What stands at the end of a stream: a clock."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Turn:
    """One turn of a reader.

    Attributes
    ----------
    rate : float
        Events a second, from one batch's arrival to another's.
    first : float
        Seconds from the start of the stream, its workers' start included, to the first batch.
    events, seconds : int, float
        What the rate was measured over.
    """

    rate: float
    first: float
    events: int
    seconds: float


class Clock:
    """Takes batches and measures.

    The first batches are not counted: a stream starts with empty queues, and what its workers had under way
    when the clock started would come for nothing.

    Parameters
    ----------
    warm : float
        Seconds after the first batch before the clock starts.
    seconds : float
        At least so long.
    batches : int
        And at least so many batches, but no longer than `most` seconds.
    """

    def __init__(
        self, warm: float, seconds: float, batches: int, most: float = 20.0, touch: bool = False
    ) -> None:
        self._warm, self._seconds, self._batches, self._most = warm, seconds, batches, most
        self._touch = touch
        self._start = time.perf_counter()
        self._first = self._begin = self._end = 0.0
        self._events = self._counted = 0
        self.sum = 0.0

    def __call__(self, events: int, arrays: dict[str, Any], labels: Any) -> bool:
        """Take a batch; say whether there should be more."""
        if self._touch:
            self.sum += sum(float(np.asarray(array).sum()) for array in arrays.values())
        now = time.perf_counter()
        if not self._first:
            self._first = now
        if not self._begin:
            if now - self._first >= self._warm:
                self._begin = now
            return True
        self._events += events
        self._counted += 1
        self._end = now
        passed = now - self._begin
        return passed < self._most and (passed < self._seconds or self._counted < self._batches)

    def turn(self) -> Turn:
        """What was measured."""
        if not self._counted:
            raise RuntimeError("the stream ended before there was anything to measure")
        seconds = self._end - self._begin
        return Turn(self._events / seconds, self._first - self._start, self._events, seconds)
