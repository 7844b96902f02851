"""The networks of a generative adversarial training: what makes events, judges and compares them."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from dlscan.config import Model
from dlscan.config.families.parts import Shaped
from dlscan.config.models import NetworkSize
from dlscan.errors import ConfigError
from dlscan.models.backend import keras
from dlscan.models.families.gan import criticism, generated, seed_norms
from dlscan.models.inputs import Inputs
from dlscan.models.layers import shapes_of
from dlscan.models.makers import ASIDE, NOISE, Made, Maker
from dlscan.models.network import Network
from dlscan.models.size import size_of
from dlscan.models.unscale import unscaled
from dlscan.tasks.generate import CONDITION


@dataclasses.dataclass(frozen=True)
class Players(Made):
    """Networks of one training. The noise of the generator is (B, code).

    Attributes
    ----------
    critic : Network
        From scaled inputs by name, and perhaps the condition, `net-condition`, to `verdict` (B, 1).
    code : int
        Random numbers that an event is made of.
    """

    critic: Network
    code: int


def players(*how: Any) -> Players:
    """Build the networks of a generative adversarial training.

    Parameters
    ----------
    how
        As for `Maker`.

    Raises
    ------
    ConfigError
        If the family cannot generate these inputs.
    """
    build = _Builder(*how)
    return Players(*build.around(build.generator()), build.critic(), build.code)


def players_size(model: Model, shaped: Mapping[str, Shaped]) -> NetworkSize:
    """What training a generator and its critic takes, without what both are told of events.

    On each batch the generator makes events for each step of the critic, which judges these and real ones,
    and for its own step. What a step keeps is counted for the critic on both kinds of events.

    Parameters
    ----------
    model : Model
        Of the family `gan`.
    shaped : mapping of str to Shaped
        The inputs of an event.

    Raises
    ------
    ConfigError
        If the family cannot generate these inputs.
    """
    own, inputs = model.parameters, Inputs.symbolic(model, shaped)
    shapes = shapes_of(inputs)
    if reason := model.why_not_inputs(shapes, inputs.masks):
        raise ConfigError(reason)
    noise = keras.Input((own.code,), name=NOISE)
    made = generated([noise], shapes, own, 1)
    beside = [part for tensor in inputs.values() for part in _sums(tensor)] if own.profiles else []
    cells = keras.ops.concatenate([keras.layers.Flatten()(tensor) for tensor in made.values()], axis=1)
    generator = size_of(keras.Model(noise, cells), 0)
    critic = size_of(keras.Model(inputs.flat, criticism(inputs, beside, own, 1)), 0)
    return NetworkSize(
        generator.weights + critic.weights,
        (own.k + 1) * generator.multiplications + (2 * own.k + 1) * critic.multiplications,
        generator.values + 2 * critic.values,
    )


def _sums(image: Any) -> list[Any]:
    """The sums (B, length) along each axis of an image (B, ...); a vector has none."""
    axes = tuple(range(1, len(image.shape)))
    if len(axes) < 2:
        return []
    return [keras.ops.sum(image, axis=tuple(other for other in axes if other != axis)) for axis in axes]


class _Builder(Maker):
    """Builds a generator and its critic."""

    @property
    def code(self) -> int:
        code: int = self._parameters.code
        return code

    def generator(self) -> Network:
        noise = keras.Input((self.code,), name=NOISE)
        given = {NOISE: noise}
        parts = [noise, *self._told(given, CONDITION)]
        scaled = {
            name: self._bounded(name, tensor)
            for name, tensor in generated(parts, self.shapes, self._parameters, self._seed).items()
        }
        raw = {name: self._unscaled(name, tensor) for name, tensor in scaled.items()}
        return Network(keras.Model(given, raw, name="generator"), dict(given), scaled, raw)

    def critic(self) -> Network:
        given = self._scaled_inputs()
        tensors = dict(given)
        beside = self._told(given, ASIDE)
        if self._parameters.profiles:
            beside += [part for name in self.shapes for part in self._profiles(name, tensors[name])]
        verdict = criticism(tensors, beside, self._parameters, self._seed)
        model = keras.Model(given, verdict, name="critic")
        seed_norms(model, self._seed)
        return Network(model, dict(given), {"verdict": verdict}, {"verdict": verdict})

    def _profiles(self, name: str, scaled: Any) -> list[Any]:
        """Logarithms of the sums along each axis of an image, in units of their mean."""
        ops, cells, found = keras.ops, math.prod(scaled.shape[1:]), []
        mean = max(abs(self._how[name][1].mean[0]), 1e-30)
        for raw in _sums(unscaled(scaled, *self._how[name])) if len(scaled.shape) > 2 else []:
            sums = raw * (1 / (mean * (cells // raw.shape[1])))
            found.append(ops.sign(sums) * ops.log1p(ops.abs(sums)))
        return found
