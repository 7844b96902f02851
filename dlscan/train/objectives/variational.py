"""A variational autoencoder whose decoder generates events: what both of its networks minimise together."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from dlscan.models.backend import keras
from dlscan.models.coders import CELLS
from dlscan.models.makers import ASIDE, NOISE
from dlscan.models.network import LOG_SIGMA
from dlscan.tasks.generate import CONDITION
from dlscan.train.objectives.adversarial import SCALING, distance_apart
from dlscan.train.objectives.objective import EVENTS, NETWORK, Given, Told
from dlscan.train.objectives.penalty import Penalty
from dlscan.train.objectives.reconstruct import divergence, unlikelihood

# The network beside the generator.
ENCODER = "encoder"


@dataclasses.dataclass(frozen=True)
class VariationalObjective:
    """Minus the evidence lower bound; see `Objective`.

    It tells the distance between generated and real events first, as of every generator.

    Attributes
    ----------
    loss : str
        What the reconstruction minimises.
    beta : float
        Of the divergence.
    names : sequence of str
        Of the inputs, as their cells follow one another.
    code, noise : int
        Numbers of the code, and of all that an event is made of.
    seed : keras.random.SeedGenerator
        Of what is drawn.
    penalty : Penalty or None
        What the weights of both networks add.
    """

    loss: str
    beta: float
    names: Sequence[str]
    code: int
    noise: int
    seed: Any
    penalty: Penalty | None = None

    def __call__(self, networks: Mapping[str, Any], batches: Mapping[str, Given], training: bool) -> Told:
        """See `Objective`."""
        ops, batch = keras.ops, batches[EVENTS]
        events = ops.shape(batch.weights)[0]
        real = networks[SCALING](batch.inputs, training=False)
        aside = {ASIDE: batch.truth[CONDITION]} if batch.truth else {}
        told = networks[ENCODER]({**real, **aside}, training=training)
        drawn = keras.random.normal((events, self.noise), seed=self.seed)
        code = told["code"] + ops.exp(told["log_variance"] / 2) * drawn[:, : self.code]
        # the likelihood is that of what the decoder gives, without what scatters around it
        given = ops.concatenate([code, ops.zeros_like(drawn[:, self.code :])], axis=1)
        made = networks[NETWORK]({NOISE: given, **batch.truth}, training=training)
        target = ops.concatenate([ops.reshape(real[name], (events, -1)) for name in self.names], axis=1)
        target = ops.reshape(target, (-1, made[CELLS].shape[-1]))
        likelihood = unlikelihood(self.loss, target, made[CELLS], made[LOG_SIGMA]) * batch.weights
        apart = divergence(told["code"], told["log_variance"]) * batch.weights
        loss = ops.mean(likelihood + self.beta * apart)
        if training:
            for name in (NETWORK, ENCODER):
                loss = sum(networks[name].losses, start=loss)
            loss = loss if self.penalty is None else loss + self.penalty()
        fresh = keras.random.normal((events, self.noise), seed=self.seed)
        found = networks[NETWORK]({NOISE: fresh, **batch.truth}, training=False)
        numbers = [distance_apart(networks, real, found, batch), ops.sum(likelihood), ops.sum(apart)]
        return Told(loss, ops.stack(numbers), {})
