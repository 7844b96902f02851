"""What trained models give for events."""

import statistics
import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from dlscan.models import Network, keras
from dlscan.tasks import Arrays
from dlscan.train.devices import Arrays as Inputs
from dlscan.train.devices import sender
from dlscan.train.steps import Call, compiled

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

    def __call__(self, inputs: Inputs) -> Iterator[Scored]:
        """What each gives, in order, for raw inputs (B, ...) by the network's names."""


class NetworkScorer:
    """Networks that score, each batch scaled once for all; how fast they are is measured on the first.

    Parameters
    ----------
    networks : sequence of Network
        Their inputs are scaled alike.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        self._trunk = compiled(networks[0].trunk())
        self._heads = [compiled(network.scoring()) for network in networks]
        self._send = sender()
        self.seconds: list[float] = []

    def __call__(self, inputs: Inputs) -> Iterator[Scored]:
        """See `Scorer`."""
        sent = self._send(inputs)()
        scaled = self._trunk(sent)
        told = (keras.tree.map_structure(keras.ops.convert_to_numpy, head(scaled)) for head in self._heads)
        found = (Scored(own["raw"] | own["final"], own["raw"]) for own in told)
        if self.seconds:
            yield from found
            return
        first = list(found)
        shared = _seconds(self._trunk, sent)
        self.seconds = [shared + _seconds(head, scaled) for head in self._heads]
        yield from first


def _seconds(call: Call, inputs: Inputs) -> float:
    """Time of one call, once it is compiled."""
    calls: list[float] = []
    while not calls or (sum(calls) < _TIMED_SECONDS and len(calls) < _TIMED_CALLS):
        start = time.perf_counter()
        for tensor in keras.tree.flatten(call(inputs)):
            keras.ops.convert_to_numpy(tensor)
        calls.append(time.perf_counter() - start)
    return statistics.median(calls)
