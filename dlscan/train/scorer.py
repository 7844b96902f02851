"""What scores events: several trained models of one task."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from numpy.typing import NDArray

from dlscan.tasks import Arrays

# Long enough for a median, short enough for a scan of small networks.
_TIMED_SECONDS, _TIMED_CALLS = 0.02, 20


class Scored(NamedTuple):
    """What a model gives for some events, (B, ...) each, by the name of the head.

    Attributes
    ----------
    final : dict of str to ndarray
        For the user: scores, numbers in physical units.
    raw : dict of str to ndarray
        What its losses are made of: logits, numbers in standard units.
    """

    final: Arrays
    raw: Arrays


class Scorer(Protocol):
    """Several trained models of one task.

    Attributes
    ----------
    seconds : list of float
        What the first batch took each of them; empty before it.
    """

    seconds: list[float]

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> Iterator[Scored]:
        """What each gives, in order, for raw inputs (B, ...) by the network's names."""


def timed(call: Callable[[], object]) -> float:
    """Seconds of a call, the median of some."""
    calls: list[float] = []
    while not calls or (sum(calls) < _TIMED_SECONDS and len(calls) < _TIMED_CALLS):
        start = time.perf_counter()
        call()
        calls.append(time.perf_counter() - start)
    return statistics.median(calls)
