"""A network that is told what is right: the weighted sum of the losses of its heads."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dlscan.models import keras
from dlscan.tasks import Arrays
from dlscan.train.objectives.objective import EVENTS, NETWORK, Given, Told
from dlscan.train.objectives.penalty import Penalty


class HeadLoss(Protocol):
    """The loss of a head.

    Both methods take `raw` (B, ...), what the head gives before its last step (logits, numbers in standard
    units), and `truth` (B, ...), what is right.

    Attributes
    ----------
    is_usual : bool
        Whether it is the loss that the task itself tells of events, see `Task.written`.
    """

    is_usual: bool

    def events(self, raw: Any, truth: Any) -> Any:
        """The loss of each event, (B,), without its weight."""

    def sums(self, raw: Any, truth: Any) -> list[Any]:
        """Sums over the events of the batch: what the other curves of the task are means of."""


class Supervised:
    """See `Objective`.

    The loss in the history is that of the events. What steps minimise has penalties beside: they do not say
    how well a network does, and would make networks with and without incomparable.

    Parameters
    ----------
    losses : mapping of str to HeadLoss
        By the name of the head.
    weights : sequence of float
        Of these losses, where there are several.
    penalty : Penalty, optional
        What the weights of the network add.
    """

    def __init__(
        self, losses: Mapping[str, HeadLoss], weights: Sequence[float], penalty: Penalty | None = None
    ) -> None:
        self._losses, self._weights, self._penalty = dict(losses), tuple(weights), penalty

    def __call__(self, networks: Mapping[str, Any], batches: Mapping[str, Given], training: bool) -> Told:
        network, batch = networks[NETWORK], batches[EVENTS]
        raw = network(batch.inputs, training=training)
        each = [head.events(raw[name], batch.truth[name]) for name, head in self._losses.items()]
        loss = keras.ops.mean(self._together(each) * batch.weights)
        sums = [own for name, head in self._losses.items() for own in head.sums(raw[name], batch.truth[name])]
        if len(each) > 1:
            sums = [*(keras.ops.sum(own * batch.weights) for own in each), *sums]
        numbers = keras.ops.stack([loss, *sums])
        if training:
            loss = sum(network.losses, start=loss)
            if self._penalty is not None:
                loss = loss + self._penalty()
        return Told(loss, numbers, raw)

    def events(self, raw: Mapping[str, Any], truth: Mapping[str, Any]) -> Any:
        """The loss of each event, (B,), without its weight, from what the heads give."""
        return self._together([head.events(raw[name], truth[name]) for name, head in self._losses.items()])

    def _together(self, losses: Sequence[Any]) -> Any:
        """The loss of each event, from those of the heads."""
        if len(losses) == 1:
            return losses[0]
        return sum(weight * own for weight, own in zip(self._weights, losses, strict=True))

    def unusual(self, raw: Arrays, truth: Arrays) -> NDArray[np.float32] | None:
        """The same in NumPy; None where it is what the task tells itself."""
        if not self._losses:
            return None
        if len(self._losses) == 1 and all(head.is_usual for head in self._losses.values()):
            return None
        losses = self.events(
            *(
                {name: keras.ops.convert_to_tensor(item) for name, item in each.items()}
                for each in (raw, truth)
            )
        )
        return np.asarray(keras.ops.convert_to_numpy(losses), np.float32)
