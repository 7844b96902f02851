"""A network that gives back what it was given: there is nothing that is told it beside."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.models import keras
from dlscan.models.reconstruction import LINKS
from dlscan.tasks import Arrays, Reconstruction
from dlscan.train.objectives.losses import mae, mse
from dlscan.train.objectives.objective import EVENTS, NETWORK, Given, Told
from dlscan.train.objectives.own import EventLoss
from dlscan.train.objectives.penalty import Penalty


def cross_entropy(targets: Any, logits: Any) -> Any:
    """Mean over cells of -t log p - (1 - t) log (1 - p), for targets between 0 and 1."""
    return keras.ops.mean(keras.ops.softplus(logits) - targets * logits, axis=-1)


def poisson(targets: Any, logarithms: Any) -> Any:
    """Mean over cells of y - t log y: a Poisson likelihood, less what is constant."""
    rates = LINKS["poisson"](logarithms)
    return keras.ops.mean(rates - targets * keras.ops.log(rates), axis=-1)


_LOSSES: dict[str, EventLoss] = {
    "mse": mse,
    "mae": mae,
    "cross_entropy": cross_entropy,
    "poisson": poisson,
}


class Reconstructing:
    """See `Objective`.

    As of other tasks the loss in the history is that of the events; what the code and the weights add is only
    in what steps minimise.

    Parameters
    ----------
    task : Reconstruction
        What is learned.
    penalty : Penalty, optional
        What the weights of the network add.
    """

    def __init__(self, task: Reconstruction, penalty: Penalty | None = None) -> None:
        self._loss, self._link = _LOSSES[task.loss], LINKS[task.loss]
        self._sparsity, self._penalty = task.sparsity, penalty

    def __call__(self, networks: Mapping[str, Any], batches: Mapping[str, Given], training: bool) -> Told:
        network, batch = networks[NETWORK], batches[EVENTS]
        raw = network(batch.inputs, training=training)
        loss = keras.ops.mean(self.events(raw, {}) * batch.weights)
        squares = mse(raw["target"], self._link(raw["reconstruction"]))
        numbers = keras.ops.stack([loss, keras.ops.sum(squares)])
        if training:
            loss = sum(network.losses, start=loss)
            if self._sparsity:
                loss = loss + self._sparsity * keras.ops.mean(keras.ops.abs(raw["code"]))
            if self._penalty is not None:
                loss = loss + self._penalty()
        # the cells of a batch are many, and nobody looks at them
        return Told(loss, numbers, {})

    def events(self, raw: Mapping[str, Any], truth: Mapping[str, Any]) -> Any:
        """The loss of each event, (B,), without its weight, from what the network gives."""
        return self._loss(raw["target"], raw["reconstruction"])

    def unusual(self, raw: Arrays, truth: Arrays) -> NDArray[np.float32] | None:
        """The same in NumPy."""
        losses = self.events({name: keras.ops.convert_to_tensor(item) for name, item in raw.items()}, {})
        return np.asarray(keras.ops.convert_to_numpy(losses), np.float32)
