"""A network whose hidden layer is to be the same for events of another domain, which have no labels."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from dlscan.models import HIDDEN, keras
from dlscan.models.adversaries import DOMAINS, FEATURES
from dlscan.train.objectives.objective import EVENTS, NETWORK, Given, Objective, Told
from dlscan.train.objectives.strength import Strength

Networks = Mapping[str, Any]
CLASSIFIER, DOMAIN = "domain", "domain"
# widths of the kernels, as multiples of the mean squared distance
_WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)


def told_apart(networks: Networks, own: Any, other: Any, training: bool) -> Any:
    """How badly the classifier tells hidden layers (B, F) apart: ln 2 where it cannot."""

    def logits(x: Any) -> Any:
        return networks[CLASSIFIER]({FEATURES: x}, training=training)[DOMAINS][:, 0]

    ops = keras.ops
    return (ops.mean(ops.softplus(-logits(own))) + ops.mean(ops.softplus(logits(other)))) / 2


def _hidden(networks: Networks, batch: Given, training: bool) -> Any:
    return keras.ops.cast(networks[NETWORK](batch.inputs, training=training)[HIDDEN], "float32")


def _summed(mean: Any, events: Any) -> Any:
    """A mean over these events (B, F) as their sum, (1,)."""
    return keras.ops.reshape(mean * keras.ops.cast(keras.ops.shape(events)[0], "float32"), (1,))


def coral(one: Any, other: Any) -> Any:
    """The squared distance of covariances (B. Sun and K. Saenko, arXiv:1607.01719), of (B, F) each."""
    ops, count = keras.ops, one.shape[1]

    def covariance(x: Any) -> Any:
        x = x - ops.mean(x, axis=0, keepdims=True)
        events = ops.cast(ops.shape(x)[0], "float32")
        return ops.matmul(ops.transpose(x), x) / ops.maximum(events - 1, 1.0)

    return ops.sum(ops.square(covariance(one) - covariance(other))) / (4 * count**2)


def mmd(one: Any, other: Any) -> Any:
    """The squared maximum mean discrepancy with Gaussian kernels of five widths, of (B, F) each.

    It is the unbiased estimate, which may be less than 0: the bias of the other one falls as a network loses
    what it knows of events, and would be minimised too.
    """
    ops = keras.ops

    def distances(a: Any, b: Any) -> Any:
        squares = ops.sum(ops.square(a), axis=1)[:, None] + ops.sum(ops.square(b), axis=1)[None]
        return ops.maximum(squares - 2 * ops.matmul(a, ops.transpose(b)), 0.0)

    scale = ops.mean(distances(one, other)) + 1e-6

    def kernels(a: Any, b: Any) -> Any:
        between = distances(a, b) / scale
        return sum(ops.exp(-between / (2 * width)) for width in _WIDTHS) / len(_WIDTHS)

    def within(a: Any) -> Any:
        """The mean of pairs of different events; each event is at 1 to itself."""
        events = ops.cast(ops.shape(a)[0], "float32")
        return (ops.sum(kernels(a, a)) - events) / ops.maximum(events * (events - 1), 1.0)

    return within(one) + within(other) - 2 * ops.mean(kernels(one, other))


_DISTANCES: Mapping[str, Callable[[Any, Any], Any]] = {"coral": coral, "mmd": mmd}


class Against(Protocol):
    """How far apart the hidden layer (B, F) of both domains is."""

    def __call__(self, networks: Networks, own: Any, other: Any, training: bool) -> Any:
        """What the network of the point is to make smaller, a tensor ()."""


class Distance:
    """A distance of both distributions, by its name; see `Against`."""

    tells = True

    def __init__(self, method: str) -> None:
        self._distance = _DISTANCES[method]

    def __call__(self, networks: Networks, own: Any, other: Any, training: bool) -> Any:
        return self._distance(own, other)


class Apart:
    """The gradient of a classifier that tells the domains apart, turned round; see `Against`."""

    # its classifier does
    tells = False

    def __call__(self, networks: Networks, own: Any, other: Any, training: bool) -> Any:
        return -told_apart(networks, own, other, training)


class Telling:
    """The objective of that classifier: it learns from the hidden layer as scores are measured in the end."""

    def __call__(self, networks: Networks, batches: Mapping[str, Given], training: bool) -> Told:
        """See `Objective`."""
        # without dropout, and nothing in the network changes
        own, other = (
            keras.ops.stop_gradient(_hidden(networks, batches[name], training=False))
            for name in (EVENTS, DOMAIN)
        )
        loss = told_apart(networks, own, other, training)
        return Told(loss, _summed(loss, own), {})


class Adapted:
    """The loss of the heads, and what works against a difference of the domains; see `Objective`.

    Parameters
    ----------
    supervised : Objective
        The loss of the heads.
    against : Distance or Apart
        What works against it.
    strength : Strength
        How much that counts. With 0 the network learns as without it.
    """

    def __init__(self, supervised: Objective, against: Distance | Apart, strength: Strength) -> None:
        self._supervised, self._against, self._strength = supervised, against, strength

    def __call__(self, networks: Networks, batches: Mapping[str, Given], training: bool) -> Told:
        """The loss in the history is that of the heads; a distance stands behind the other numbers."""
        told = self._supervised(networks, batches, training)
        counts = training and bool(self._strength)
        if not counts and not self._against.tells:
            return told
        own = keras.ops.cast(told.raw[HIDDEN], "float32")
        # dropout is drawn anew only where it matters
        other = _hidden(networks, batches[DOMAIN], training=counts)
        found = self._against(networks, own, other, training)
        if counts:
            told = told._replace(loss=told.loss + self._strength() * found)
        if self._against.tells:
            told = told._replace(numbers=keras.ops.append(told.numbers, _summed(found, own)))
        return told
