"""Batches whose sparse inputs come as entries, dense again on the device."""

from collections.abc import Iterable, Mapping
from typing import Any

from dlscan.models import Network, keras
from dlscan.train.entries import dense
from dlscan.train.feed import Fed
from dlscan.train.objectives import Given


class Spread:
    """Puts the entries of sparse inputs in their places.

    Parameters
    ----------
    networks : iterable of Network
        Those of the points: inputs are called what they call them.
    """

    def __init__(self, networks: Iterable[Network]) -> None:
        self._shapes = {
            tensor.name: tuple(tensor.shape[1:]) for network in networks for tensor in network.model.inputs
        }

    def __call__(self, inputs: Any, weights: Any) -> dict[str, Any]:
        """The inputs of a batch with these weights (B,), each (B, ...)."""
        return dense(inputs, self._shapes, keras.ops.shape(weights)[0])

    def given(self, streams: Mapping[str, Any]) -> dict[str, Given]:
        """Batches as objectives take them, from what `plain` gives, by the name of their stream."""
        return {
            name: Given(self(inputs, weights), truth, weights)
            for name, (inputs, truth, weights) in streams.items()
        }


def plain(streams: Mapping[str, Fed]) -> dict[str, Any]:
    """What is compiled of batches: what they hold, but not how many events they count."""
    return {name: (fed.inputs, fed.truth, fed.weights) for name, fed in streams.items()}
