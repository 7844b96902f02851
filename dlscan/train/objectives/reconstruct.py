"""A network that gives back what it was given: there is nothing that is told it beside."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.models import keras
from dlscan.models.reconstruction import LINKS
from dlscan.tasks import Arrays, Reconstruction
from dlscan.train.objectives.losses import mae, mse, poisson
from dlscan.train.objectives.objective import EVENTS, NETWORK, Given, Told
from dlscan.train.objectives.own import EventLoss
from dlscan.train.objectives.penalty import Penalty


def cross_entropy(targets: Any, logits: Any) -> Any:
    """Mean over cells of -t log p - (1 - t) log (1 - p), for targets between 0 and 1."""
    return keras.ops.mean(keras.ops.softplus(logits) - targets * logits, axis=-1)


_LOSSES: dict[str, EventLoss] = {
    "mse": mse,
    "mae": mae,
    "cross_entropy": cross_entropy,
    "poisson": poisson,
}


def unlikelihood(loss: str, targets: Any, made: Any, log_sigma: Any) -> Any:
    """Minus the logarithm of the likelihood of all cells of an event, less what is constant, (B,).

    Parameters
    ----------
    loss : str
        Which likelihood: `mse` is that of normal numbers of a width whose logarithm is `log_sigma`, (B, 1).
    targets, made : tensor, (B, F)
        Scaled cells, and what a decoder gives before its last step.
    """
    cells = targets.shape[-1]
    found = cells * _LOSSES[loss](targets, made)
    if loss != "mse":
        return found
    logs = log_sigma[:, 0]
    return found / 2 * keras.ops.exp(-2 * logs) + cells * (logs + math.log(2 * math.pi) / 2)


def divergence(means: Any, log_variances: Any) -> Any:
    """Of normal distributions with these means and variances (B, K) from that of mean 0 and width 1, (B,)."""
    parts = keras.ops.square(means) + keras.ops.exp(log_variances) - 1 - log_variances
    return keras.ops.sum(parts, axis=-1) / 2


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
        self._name, self._beta = task.loss, task.beta
        self._sparsity, self._penalty = task.sparsity, penalty

    def __call__(self, networks: Mapping[str, Any], batches: Mapping[str, Given], training: bool) -> Told:
        network, batch = networks[NETWORK], batches[EVENTS]
        raw = network(batch.inputs, training=training)
        each = self._parts(raw)
        loss = keras.ops.mean(self._together(each) * batch.weights)
        squares = mse(raw["target"], LINKS[self._name](raw["reconstruction"]))
        curves = [squares] if self._beta is None else [*each, squares]
        numbers = keras.ops.stack([loss, *map(keras.ops.sum, curves)])
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
        return self._together(self._parts(raw))

    def _parts(self, raw: Mapping[str, Any]) -> list[Any]:
        """The loss of each event, (B,); of a variational network -log p(event | code), and the divergence."""
        target, made = raw["target"], raw["reconstruction"]
        if self._beta is None:
            return [_LOSSES[self._name](target, made)]
        likelihood = unlikelihood(self._name, target, made, raw["log_sigma"])
        return [likelihood, divergence(raw["code"], raw["log_variance"])]

    def _together(self, parts: list[Any]) -> Any:
        return parts[0] if self._beta is None else parts[0] + self._beta * parts[1]

    def unusual(self, raw: Arrays, truth: Arrays) -> NDArray[np.float32] | None:
        """The same in NumPy."""
        losses = self.events({name: keras.ops.convert_to_tensor(item) for name, item in raw.items()}, {})
        return np.asarray(keras.ops.convert_to_numpy(losses), np.float32)
