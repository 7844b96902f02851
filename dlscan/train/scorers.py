"""What trained networks give for events."""

from collections.abc import Iterator, Sequence
from typing import Any

from dlscan.models import Network, keras, trunks
from dlscan.train.devices import Arrays as Inputs
from dlscan.train.devices import sender
from dlscan.train.scorer import Scored, timed
from dlscan.train.steps import Call, compiled


class NetworkScorer:
    """Networks that score, each batch scaled once for all; how fast they are is measured on the first.

    Parameters
    ----------
    networks : sequence of Network
        Inputs that they have in common are scaled alike.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        self._trunks = [compiled(trunk) for trunk in trunks(networks)]
        self._heads = [compiled(network.scoring()) for network in networks]
        self._send = sender()
        self.seconds: list[float] = []

    def __call__(self, inputs: Inputs) -> Iterator[Scored]:
        """See `Scorer`."""
        sent = self._send(inputs)()
        scaled = self._scaled(sent)
        told = (keras.tree.map_structure(keras.ops.convert_to_numpy, head(scaled)) for head in self._heads)
        found = (Scored(own["raw"] | own["final"], own["raw"]) for own in told)
        if self.seconds:
            yield from found
            return
        first = list(found)
        shared = _seconds(self._scaled, sent)
        self.seconds = [shared + _seconds(head, scaled) for head in self._heads]
        yield from first

    def _scaled(self, inputs: Any) -> dict[str, Any]:
        return {name: tensor for trunk in self._trunks for name, tensor in trunk(inputs).items()}


def _seconds(call: Call, inputs: Inputs) -> float:
    """Time of one call, once it is compiled."""

    def wait() -> None:
        for tensor in keras.tree.flatten(call(inputs)):
            keras.ops.convert_to_numpy(tensor)

    return timed(wait)
