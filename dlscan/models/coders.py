"""The networks of a variational autoencoder that generates events: one makes codes of them, one events."""

import dataclasses
import math
from typing import Any

from dlscan.models.backend import keras
from dlscan.models.families.autoencoder import decoder
from dlscan.models.families.vae import distribution, log_sigma
from dlscan.models.inputs import Inputs
from dlscan.models.makers import ASIDE, NOISE, Made, Maker
from dlscan.models.network import LOG_SIGMA, Network
from dlscan.models.reconstruction import LINKS
from dlscan.tasks.generate import CONDITION

# What losses see of a generator beside scaled inputs and `LOG_SIGMA`; names of inputs have no hyphen.
CELLS = "net-cells"


@dataclasses.dataclass(frozen=True)
class Coders(Made):
    """Networks of one training.

    The noise of the generator is (B, code + scattered cells). Beside scaled inputs its `raw` has `net-cells`
    (B, F), all cells before the last step, and `net-log_sigma` (B, 1).

    Attributes
    ----------
    encoder : Network
        From scaled inputs by name, and perhaps the condition, `net-condition`, to `code` and `log_variance`,
        (B, code) each.
    """

    encoder: Network


def coders(loss: str, *how: Any) -> Coders:
    """Build the networks of a variational autoencoder that generates events.

    Parameters
    ----------
    loss : str
        What the reconstruction minimises.
    how
        As for `Maker`.

    Raises
    ------
    ConfigError
        If the family cannot generate these inputs.
    """
    build = _Builder(loss, *how)
    return Coders(*build.around(build.generator()), build.encoder())


class _Builder(Maker):
    """Builds encoder and generator."""

    def __init__(self, loss: str, *how: Any) -> None:
        super().__init__(*how)
        self._loss = loss

    def scattered(self) -> list[str]:
        """The inputs whose cells scatter around what the decoder gives.

        Those are vectors, where the loss knows a width: a normal number on every cell of an image would light
        them all.
        """
        return [name for name, shape in self.shapes.items() if self._loss == "mse" and len(shape) < 2]

    def generator(self) -> Network:
        """See `Coders`."""
        code = self._parameters.code
        scattered = {name: math.prod(self.shapes[name]) for name in self.scattered()}
        noise = keras.Input((code + sum(scattered.values()),), name=NOISE)
        given = {NOISE: noise}
        drawn = noise[:, :code]
        parts = [drawn, *self._told(given, CONDITION)]
        decode = decoder(self.shapes, self._parameters, self._seed, sum(part.shape[-1] for part in parts[1:]))
        cells = decode(keras.ops.concatenate(parts, axis=1) if len(parts) > 1 else drawn)
        logs, made = log_sigma(drawn, self._parameters), LINKS[self._loss](cells)
        scaled, place, behind = dict[str, Any](), 0, code
        for name, shape in self.shapes.items():
            size = math.prod(shape)
            own = made[:, place : place + size]
            if name in scattered:
                own = own + keras.ops.exp(logs) * noise[:, behind : behind + size]
                behind += size
            scaled[name] = self._bounded(name, keras.ops.reshape(own, (-1, *shape)))
            place += size
        raw = {name: self._unscaled(name, tensor) for name, tensor in scaled.items()}
        seen = {**scaled, CELLS: cells, LOG_SIGMA: logs}
        return Network(keras.Model(given, raw, name="generator"), dict(given), seen, raw)

    def encoder(self) -> Network:
        """See `Coders`."""
        given = self._scaled_inputs()
        tensors = Inputs(given)
        mean, logs = distribution(tensors, self._parameters, self._seed, self._told(given, ASIDE))
        told = {"code": mean, "log_variance": logs}
        return Network(keras.Model(given, told, name="encoder"), dict(given), told, told)
