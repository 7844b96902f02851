"""The losses of single events, (B,) each, from what is right and what a network gives before its last step.

Of classification `targets` (B, C) are 1 for the right class and 0 for the others, or a little less and more
with label smoothing, and `outputs` (B, C) are logits. Of regression both are (B, T) in standard units. In
`gaussian_nll` outputs are (B, 2 T), the means and then the logarithms of the standard deviations. In
`poisson` targets are in units of their means, and outputs are the logarithms of rates in these.
"""

import functools
import math
from typing import Any

from dlscan.config import Train
from dlscan.config.source import InFile
from dlscan.models.backend import keras
from dlscan.models.heads import WIDEST, rates, within
from dlscan.train.objectives.own import EventLoss, own_loss

# Below that a score counts as 0, where its logarithm or a power of less than 1 has no slope.
_LEAST = 1e-7


def cross_entropy(targets: Any, logits: Any) -> Any:
    """Minus the sum of t log p."""
    return -keras.ops.sum(targets * keras.ops.log_softmax(logits), axis=-1)


def focal(targets: Any, logits: Any, gamma: float) -> Any:
    """Minus the sum of t (1 - p)^gamma log p, as in arXiv:1708.02002."""
    logs = keras.ops.log_softmax(logits)
    missing = keras.ops.maximum(-keras.ops.expm1(logs), _LEAST)
    return -keras.ops.sum(targets * missing**gamma * logs, axis=-1)


def kl(targets: Any, logits: Any) -> Any:
    """The cross-entropy, less what it is at its best: the sum of t (log t - log p)."""
    logs = keras.ops.log(keras.ops.maximum(targets, _LEAST))
    return keras.ops.sum(targets * (logs - keras.ops.log_softmax(logits)), axis=-1)


def of_scores(loss: EventLoss) -> EventLoss:
    """A loss of the scores of classes in place of their logits."""
    return lambda targets, logits: loss(targets, keras.ops.softmax(logits))


def mse(targets: Any, outputs: Any) -> Any:
    """Mean of (t - y)^2."""
    return keras.ops.mean(keras.ops.square(targets - outputs), axis=-1)


def mae(targets: Any, outputs: Any) -> Any:
    """Mean of |t - y|."""
    return keras.ops.mean(keras.ops.abs(targets - outputs), axis=-1)


def huber(targets: Any, outputs: Any) -> Any:
    """Mean of (t - y)^2 / 2 below 1, and of |t - y| - 1/2 beyond."""
    distance = keras.ops.abs(targets - outputs)
    within = keras.ops.minimum(distance, 1)
    return keras.ops.mean(within * (distance - within / 2), axis=-1)


def log_cosh(targets: Any, outputs: Any) -> Any:
    """Mean of log cosh (t - y)."""
    distance = keras.ops.abs(targets - outputs)
    return keras.ops.mean(distance + keras.ops.softplus(-2 * distance) - math.log(2), axis=-1)


def poisson(targets: Any, logarithms: Any) -> Any:
    """Mean of y - t log y, of the logarithms of rates y: a Poisson likelihood, less what is constant."""
    return keras.ops.mean(rates(logarithms) - targets * within(logarithms), axis=-1)


def quantile(targets: Any, outputs: Any, share: float | None) -> Any:
    """Mean of q (t - y) above the prediction, and of (1 - q) (y - t) below it."""
    assert share is not None
    above = targets - outputs
    return keras.ops.mean(keras.ops.maximum(share * above, (share - 1) * above), axis=-1)


def gaussian_nll(targets: Any, outputs: Any) -> Any:
    """Mean of - log of the normal density with the predicted mean and standard deviation."""
    means, logs = keras.ops.split(outputs, 2, axis=-1)
    logs = keras.ops.clip(logs, -WIDEST, WIDEST)
    pulls = (targets - means) * keras.ops.exp(-logs)
    return keras.ops.mean(keras.ops.square(pulls) / 2 + logs + math.log(2 * math.pi) / 2, axis=-1)


_OF_CLASSES: dict[str, EventLoss] = {
    "cross_entropy": cross_entropy,
    "kl": kl,
    "mse": of_scores(mse),
    "mae": of_scores(mae),
}
_OF_NUMBERS: dict[str, EventLoss] = {
    "mse": mse,
    "mae": mae,
    "huber": huber,
    "log_cosh": log_cosh,
    "poisson": poisson,
    "gaussian_nll": gaussian_nll,
}


def event_loss(kind: str, train: Train, size: int) -> EventLoss:
    """The loss of each event that a training of a task minimises.

    Parameters
    ----------
    kind : str
        Of the task: `classify` or `regress`.
    train : Train
        The experiment's `train` section.
    size : int
        How many classes or targets there are.

    Raises
    ------
    ConfigError
        If it is a function of the user that cannot be used.
    """
    name = train.loss.of(kind)
    if isinstance(name, InFile):
        return own_loss(name, size, kind == "classify")
    if name == "focal":
        return functools.partial(focal, gamma=train.gamma)
    if name == "quantile":
        return functools.partial(quantile, share=train.loss.quantile)
    return (_OF_CLASSES if kind == "classify" else _OF_NUMBERS)[name]
