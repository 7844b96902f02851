"""What trained networks give for events."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from dlscan.models import Network, keras, trunks
from dlscan.models.makers import noise_of
from dlscan.models.replicas import Replicas
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
    seed : int
        Of what is drawn, which is nothing here.
    devices : Replicas
        Those that hold the networks together; one does without them.
    """

    def __init__(self, networks: Sequence[Network], seed: int = 0, devices: Replicas = ()) -> None:
        self._trunks = [compiled(trunk) for trunk in trunks(networks)]
        self._heads = [compiled(network.scoring()) for network in networks]
        self._send = sender(devices)
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


class GeneratingScorer(NetworkScorer):
    """Networks that compare real events with such as they make of noise.

    Parameters
    ----------
    networks : sequence of Network
        Judges, see `dlscan.models.makers`.
    seed : int
        Of the noise. A network gets the same noise for the same events, whichever others there are.
    devices : Replicas
        See `NetworkScorer`.
    """

    def __init__(self, networks: Sequence[Network], seed: int = 0, devices: Replicas = ()) -> None:
        super().__init__(networks, devices=devices)
        codes = {
            name: tensor.shape[1]
            for network in networks
            for name, tensor in network.model.input.items()
            if name == noise_of(tensor.shape[-1])
        }
        self._noise = {name: (code, np.random.default_rng([seed, code])) for name, code in codes.items()}

    def __call__(self, inputs: Inputs) -> Iterator[Scored]:
        """See `Scorer`."""
        events = len(next(iter(inputs.values())))
        noise = {
            name: rng.standard_normal((events, code), np.float32) for name, (code, rng) in self._noise.items()
        }
        return super().__call__({**inputs, **noise})


def _seconds(call: Call, inputs: Inputs) -> float:
    """Time of one call, once it is compiled."""

    def wait() -> None:
        for tensor in keras.tree.flatten(call(inputs)):
            keras.ops.convert_to_numpy(tensor)

    return timed(wait)
