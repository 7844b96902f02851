"""A generator against a critic: what each of them minimises.

I. Goodfellow et al., arXiv:1406.2661 (`standard`, with the generator's loss that does not saturate); X. Mao
et al., arXiv:1611.04076 (`least_squares`, with 1 for real and 0 for generated events); M. Arjovsky et al.,
arXiv:1701.07875, and I. Gulrajani et al., arXiv:1704.00028 (`wasserstein`, with the penalty on slopes).
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from dlscan.models.backend import keras
from dlscan.models.makers import ASIDE, NOISE
from dlscan.tasks.generate import CONDITION
from dlscan.train.objectives.objective import EVENTS, NETWORK, Given, Told
from dlscan.train.objectives.penalty import Penalty

# The networks beside the generator, by name.
CRITIC, SCALING, OBSERVER = "critic", "scaling", "observer"
# Of a function of tensors by name, the slope of its sum at these tensors.
Slopes = Callable[[Callable[[dict[str, Any]], Any], dict[str, Any]], dict[str, Any]]


class Game(NamedTuple):
    """The losses of both for single events, from what the critic says, (B,) each."""

    of_critic: Callable[[Any, Any], Any]
    of_generator: Callable[[Any], Any]


def _standard_critic(real: Any, made: Any) -> Any:
    """Minus log D(x) and log (1 - D(G(z))): 2 ln 2 where D is 1/2."""
    return keras.ops.softplus(-real) + keras.ops.softplus(made)


def _standard_generator(made: Any) -> Any:
    """Minus log D(G(z)): ln 2 where D is 1/2."""
    return keras.ops.softplus(-made)


GAMES = {
    "standard": Game(_standard_critic, _standard_generator),
    "wasserstein": Game(lambda real, made: made - real, lambda made: -made),
    "least_squares": Game(
        lambda real, made: (keras.ops.square(real - 1) + keras.ops.square(made)) / 2,
        lambda made: keras.ops.square(made - 1) / 2,
    ),
}


@dataclasses.dataclass(frozen=True)
class Adversarial:
    """What both objectives have in common.

    Attributes
    ----------
    game : Game
        The losses.
    code : int
        Random numbers of an event.
    seed : keras.random.SeedGenerator
        Of these numbers.
    penalty : Penalty or None
        What the weights of the network add.
    """

    game: Game
    code: int
    seed: Any
    penalty: Penalty | None = None

    def made(self, networks: Mapping[str, Any], batch: Given, training: bool) -> dict[str, Any]:
        """A generated event, scaled, for each of a batch, with its condition."""
        noise = keras.random.normal((keras.ops.shape(batch.weights)[0], self.code), seed=self.seed)
        given = {NOISE: noise, **batch.truth}
        found: dict[str, Any] = networks[NETWORK](given, training=training)
        return found

    def added(self, networks: Mapping[str, Any], name: str) -> Any:
        """What the weights of a network, and its layers, add to its loss."""
        total = sum(networks[name].losses, start=keras.ops.zeros(()))
        return total if self.penalty is None else total + self.penalty()


@dataclasses.dataclass(frozen=True)
class CriticObjective(Adversarial):
    """What the critic minimises; see `Objective`. The history has it without what weights and slopes add.

    Attributes
    ----------
    slopes : callable or None
        Differentiates; None for a game without a penalty on slopes.
    steepness : float
        The weight of that penalty.
    """

    slopes: Slopes | None = None
    steepness: float = 0.0

    def __call__(self, networks: Mapping[str, Any], batches: Mapping[str, Given], training: bool) -> Told:
        """See `Objective`."""
        ops, batch = keras.ops, batches[EVENTS]
        real = networks[SCALING](batch.inputs, training=False)
        made = {name: ops.stop_gradient(own) for name, own in self.made(networks, batch, training).items()}
        # in one call: a layer that normalises its weights does so once in a step
        both = {name: ops.concatenate([real[name], made[name]], axis=0) for name in real}
        says = _verdict(networks, both, batch, 2, training)
        events = ops.shape(batch.weights)[0]
        each = self.game.of_critic(says[:events], says[events:]) * batch.weights
        loss, told = ops.mean(each), ops.sum(each)[None]
        if training:
            loss = loss + self.added(networks, CRITIC)
            if self.slopes is not None:
                loss = loss + self.steepness * self._steep(networks, real, made, batch)
        return Told(loss, told, {})

    def _steep(self, networks: Mapping[str, Any], real: Any, made: Any, batch: Given) -> Any:
        """The mean of (|slope| - 1)^2 at random places between real and generated events."""
        ops = keras.ops
        share = keras.random.uniform((ops.shape(batch.weights)[0],), seed=self.seed)
        between = {}
        for name, own in real.items():
            part = ops.reshape(share, (-1, *[1] * (len(own.shape) - 1)))
            between[name] = part * own + (1 - part) * made[name]
        assert self.slopes is not None
        found = self.slopes(lambda at: _verdict(networks, at, batch, 1, False), between)
        square = sum(ops.sum(ops.square(own), axis=tuple(range(1, len(own.shape)))) for own in found.values())
        return ops.mean(ops.square(ops.sqrt(square + 1e-12) - 1) * batch.weights)


@dataclasses.dataclass(frozen=True)
class GeneratorObjective(Adversarial):
    """What the generator minimises; see `Objective`.

    It tells the distance between generated and real events first, which is what the history calls the loss:
    the losses of two networks that compete do not say how good either is.
    """

    def __call__(self, networks: Mapping[str, Any], batches: Mapping[str, Given], training: bool) -> Told:
        """See `Objective`."""
        ops, batch = keras.ops, batches[EVENTS]
        made = self.made(networks, batch, training)
        each = self.game.of_generator(_verdict(networks, made, batch, 1, False)) * batch.weights
        real = networks[SCALING](batch.inputs, training=False)
        apart = distance_apart(networks, real, made, batch)
        loss = ops.mean(each)
        if training:
            loss = loss + self.added(networks, NETWORK)
        return Told(loss, ops.stack([apart, ops.sum(each)]), {})


def distance_apart(networks: Mapping[str, Any], real: Any, made: Any, batch: Given) -> Any:
    """How far generated events are from the real ones of a batch, both scaled; nothing is learned from it."""
    still = {name: keras.ops.stop_gradient(made[name]) for name in real}
    one, other = (_table(networks[OBSERVER](events, training=False), batch) for events in (real, still))
    return energy_distance(one, other, batch.weights)


def _verdict(
    networks: Mapping[str, Any], events: Mapping[str, Any], batch: Given, times: int, training: bool
) -> Any:
    """What the critic says, (B,), of scaled events that are so many times those of a batch."""
    given = dict(events)
    if batch.truth:
        given[ASIDE] = keras.ops.concatenate([batch.truth[CONDITION]] * times, axis=0)
    return networks[CRITIC](given, training=training)["verdict"][:, 0]


def _table(seen: Mapping[str, Any], batch: Given) -> Any:
    """All observables of events, and their condition, (B, F)."""
    return keras.ops.concatenate([*seen.values(), *batch.truth.values()], axis=1)


def energy_distance(real: Any, made: Any, weights: Any) -> Any:
    """The energy distance between two samples, 0 where their distributions are the same.

    G. Székely, M. Rizzo, J. Stat. Plan. Inference 143 (2013) 1249: 2 E|X - Y| - E|X - X'| - E|Y - Y'|.
    Columns are in units of their spread among the real events. Means are over pairs of different events, so
    that the expectation does not depend on how many there are: a good value may be a little below 0.

    Parameters
    ----------
    real, made : tensor, (B, F)
        Events with the same condition in each row.
    weights : tensor, (B,)
        Of the events.
    """
    ops = keras.ops
    mean, spread = ops.mean(real, axis=0), ops.std(real, axis=0)
    # what is always the same has no unit
    unit = 1 / ops.where(spread > 1e-6 * ops.abs(mean), spread, 1.0) / real.shape[1] ** 0.5
    one, other = (real - mean) * unit, (made - mean) * unit
    pairs = weights[:, None] * weights[None, :] * (1 - ops.eye(ops.shape(weights)[0]))
    total = ops.sum(pairs)
    total = ops.where(ops.equal(total, 0.0), 1.0, total)
    apart = 2 * _lengths(one, other) - _lengths(one, one) - _lengths(other, other)
    return ops.sum(pairs * apart) / total


def _lengths(one: Any, other: Any) -> Any:
    """Distances of all pairs, (B, B)."""
    ops = keras.ops
    products = ops.matmul(one, ops.transpose(other))
    squares = ops.sum(ops.square(one), axis=1)[:, None] + ops.sum(ops.square(other), axis=1)[None, :]
    return ops.sqrt(ops.maximum(squares - 2 * products, 0.0) + 1e-12)
