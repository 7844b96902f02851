"""A network and an adversary that guesses a nuisance from its scores (G. Louppe et al., arXiv:1611.01046)."""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from dlscan.config.adversary import Pivot
from dlscan.models import keras
from dlscan.models.adversaries import CLASS, DENSITY, SCORES
from dlscan.tasks import NUISANCE, Standard
from dlscan.train.objectives.objective import EVENTS, NETWORK, Given, Objective, Told
from dlscan.train.objectives.strength import Strength

ADVERSARY = "adversary"
# the logarithm of a width in standard units: a narrower one would tell of single events
_NARROWEST, _WIDEST = -5.0, 3.0


class Density:
    """How unlikely a nuisance is by what the adversary gives.

    Parameters
    ----------
    pivot : Pivot
        How it tells the nuisance.
    standard : Standard
        Of the nuisance.
    """

    def __init__(self, pivot: Pivot, standard: Standard) -> None:
        self._pivot, (self._mean,), (self._std,) = pivot, standard.mean, standard.std
        # as many events in each, if they are normally distributed
        numbers = range(1, pivot.bins)
        self._edges = np.array([NormalDist().inv_cdf(n / pivot.bins) for n in numbers], np.float32)

    def events(self, raw: Any, truth: Any) -> Any:
        """Minus the logarithm of the density of each event, or of the probability of its bin.

        Parameters
        ----------
        raw : tensor, (B, 3 components) or (B, bins)
            Of the adversary.
        truth : tensor, (B, 1)
            The nuisance, in its own unit; so is the density.
        """
        ops = keras.ops
        standard = (truth - self._mean) / self._std
        if self._pivot.density == "bins":
            place = ops.sum(ops.cast(ops.greater_equal(standard, self._edges[None]), "int32"), axis=1)
            return ops.sparse_categorical_crossentropy(place, raw, from_logits=True)
        count = self._pivot.components
        shares, means, widths = raw[:, :count], raw[:, count : 2 * count], raw[:, 2 * count :]
        logs = ops.clip(widths, _NARROWEST, _WIDEST)
        parts = ops.log_softmax(shares, axis=1) - logs - ops.square((standard - means) * ops.exp(-logs)) / 2
        return math.log(math.sqrt(2 * math.pi) * self._std) - ops.logsumexp(parts, axis=1)


class Guess:
    """What the adversary makes of scores: its loss is the mean over the events of the classes it works in.

    Parameters
    ----------
    density : Density
        How it tells the nuisance.
    within : sequence of int
        These classes.
    """

    def __init__(self, density: Density, within: Sequence[int]) -> None:
        self._density, self._within = density, np.array(within, np.int32)

    def __call__(self, networks: Mapping[str, Any], batch: Given, logits: Any, training: bool) -> Any:
        """The loss, from the logits (B, C) of the network; 0 in a batch without events of these classes."""
        total, weight = self.sums(networks, batch, logits, training)
        return _mean(total, weight)

    def sums(self, networks: Mapping[str, Any], batch: Given, logits: Any, training: bool) -> tuple[Any, Any]:
        """The sum over these events of their losses times their weights, and that of their weights."""
        ops = keras.ops
        which = ops.cast(
            ops.equal(ops.cast(batch.truth["scores"], "int32")[:, None], self._within[None]), "float32"
        )
        given = {SCORES: logits - ops.mean(logits, axis=1, keepdims=True), CLASS: which}
        raw = networks[ADVERSARY](given, training=training)[DENSITY]
        weights = ops.sum(which, axis=1) * batch.weights
        losses = self._density.events(raw, batch.truth[NUISANCE])
        return ops.sum(losses * weights), ops.sum(weights)


def _mean(total: Any, weight: Any) -> Any:
    """A weighted mean; 0 if there is nothing to average."""
    return total / keras.ops.maximum(weight, 1e-6)


class Adversarial:
    """The adversary's own objective: it learns from scores as they are measured in the end."""

    def __init__(self, guess: Guess) -> None:
        self._guess = guess

    def __call__(self, networks: Mapping[str, Any], batches: Mapping[str, Given], training: bool) -> Told:
        """See `Objective`."""
        batch = batches[EVENTS]
        # without dropout, and nothing in the network changes
        logits = keras.ops.stop_gradient(networks[NETWORK](batch.inputs, training=False)["scores"])
        total, weight = self._guess.sums(networks, batch, logits, training)
        return Told(_mean(total, weight), keras.ops.stack([total, weight]), {})


class Pivotal:
    """The network's objective: its own loss, less that of the adversary times the strength.

    Parameters
    ----------
    supervised : Objective
        The loss of its heads.
    guess : Guess
        What the adversary makes of scores.
    strength : Strength
        With 0 the network learns as without an adversary.
    """

    def __init__(self, supervised: Objective, guess: Guess, strength: Strength) -> None:
        self._supervised, self._guess, self._strength = supervised, guess, strength

    def __call__(self, networks: Mapping[str, Any], batches: Mapping[str, Given], training: bool) -> Told:
        """See `Objective`; the loss in the history is that of the heads alone."""
        told = self._supervised(networks, batches, training)
        if not training or not self._strength:
            return told
        guessed = self._guess(networks, batches[EVENTS], told.raw["scores"], training)
        return told._replace(loss=told.loss - self._strength() * guessed)
