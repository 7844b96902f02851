"""A network that is told what is right: the weighted sum of the losses of its heads."""

from collections.abc import Mapping
from typing import Any, Protocol

from dlscan.models import keras
from dlscan.train.objectives.objective import EVENTS, NETWORK, Given, Told


class HeadLoss(Protocol):
    """The loss of a head."""

    def __call__(self, raw: Any, truth: Any, weights: Any) -> tuple[Any, list[Any]]:
        """The loss, and sums for the history.

        Parameters
        ----------
        raw : tensor, (B, ...)
            What the head gives before its last step: logits, numbers in standard units.
        truth : tensor, (B, ...)
            What is right.
        weights : tensor of float32, (B,)
            Of the events.

        Returns
        -------
        loss : tensor, ()
            The mean over the events of the batch of the loss of each times its weight.
        sums : list of tensor, ()
            Over the events of the batch: what the other curves of the task are means of.
        """


class Supervised:
    """See `Objective`.

    Parameters
    ----------
    losses : mapping of str to HeadLoss
        By the name of the head.
    """

    def __init__(self, losses: Mapping[str, HeadLoss]) -> None:
        self._losses = dict(losses)

    def __call__(self, networks: Mapping[str, Any], batches: Mapping[str, Given], training: bool) -> Told:
        network, batch = networks[NETWORK], batches[EVENTS]
        raw = network(batch.inputs, training=training)
        ((name, head),) = self._losses.items()
        loss, sums = head(raw[name], batch.truth[name], batch.weights)
        loss = sum(network.losses, start=loss)
        return Told(loss, keras.ops.stack([loss, *sums]), raw)
