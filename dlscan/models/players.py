"""The networks of a generative adversarial training: what makes events, judges and compares them."""

import dataclasses
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from dlscan.config import Model, Normalization, network_name
from dlscan.config.families.parts import Shaped
from dlscan.config.inputs import Input
from dlscan.config.models import NetworkSize
from dlscan.config.task_kinds import CLASS
from dlscan.dataset import Manifest, taken
from dlscan.errors import ConfigError
from dlscan.models.backend import keras
from dlscan.models.families.gan import criticism, generated, seed_norms
from dlscan.models.inputs import Inputs, scaled_inputs
from dlscan.models.layers import shapes_of
from dlscan.models.network import Network
from dlscan.models.normalize import constant
from dlscan.models.observables import observables
from dlscan.models.size import size_of
from dlscan.models.unscale import scaled_zero, unscaled
from dlscan.tasks import Standards
from dlscan.tasks.generate import CONDITION, GENERATED, REAL

# What a generator takes. A network that takes events too has names for these that no input of theirs has.
NOISE = "noise"
ASIDE = "net-condition"


@dataclasses.dataclass(frozen=True)
class Players:
    """Networks of one training; those that make something of generated events share the generator.

    Attributes
    ----------
    generator : Network
        From `noise` (B, code) and perhaps `condition` (B, K), raw, to raw inputs by name; its `raw` are
        scaled ones.
    critic : Network
        From scaled inputs by name, and perhaps the condition, `net-condition`, to `verdict` (B, 1).
    scaling : Network
        From raw inputs to scaled ones. It has no weights.
    observer : Network
        From scaled inputs to their observables. It has no weights.
    judge : Network
        From raw inputs, condition and noise to the observables of these events and of generated ones.
    code : int
        Random numbers that an event is made of.
    """

    generator: Network
    critic: Network
    scaling: Network
    observer: Network
    judge: Network
    code: int


def players(
    model: Model,
    manifest: Manifest,
    normalizations: Mapping[str, Normalization],
    seed: int,
    condition: tuple[str, ...],
    standards: Standards = MappingProxyType({}),
    inputs: Mapping[str, Input] | None = None,
) -> Players:
    """Build the networks of a generative adversarial training.

    Parameters
    ----------
    model, manifest, normalizations, seed, inputs
        As for `dlscan.models.construct`.
    condition : tuple of str
        The numbers of a condition; `class`, the index of the class, is the last if it is one.
    standards : mapping of str to Standard
        Of the condition.

    Raises
    ------
    ConfigError
        If the family cannot generate these inputs.
    """
    raw, scaled = scaled_inputs(model, manifest, normalizations, inputs)
    shapes = shapes_of(scaled)
    if reason := model.why_not_inputs(shapes, scaled.masks):
        raise ConfigError(reason)
    names = {network_name(name): name for name in taken(model, manifest.inputs, inputs)}
    how = {
        own: (normalizations.get(name, Normalization()), manifest.statistics[name])
        for own, name in names.items()
    }
    build = _Builder(model.parameters, shapes, how, condition, len(manifest.classes), standards, seed)
    generator = build.generator()
    critic, observer = build.critic(), build.observer()
    given = {name: keras.layers.Identity(name=f"{name}-given")(tensor) for name, tensor in scaled.items()}
    scaling = Network(keras.Model(raw, given), dict(raw), given, given)
    return Players(generator, critic, scaling, observer, build.judge(generator.model), model.parameters.code)


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


class _Builder:
    def __init__(
        self,
        parameters: Any,
        shapes: Mapping[str, tuple[int, ...]],
        how: Mapping[str, Any],
        condition: tuple[str, ...],
        classes: int,
        standards: Standards,
        seed: int,
    ) -> None:
        self._parameters, self._shapes, self._how = parameters, shapes, how
        self._condition, self._classes = condition, classes
        self._standard, self._seed = standards.get(CONDITION), seed

    def generator(self) -> Network:
        noise = keras.Input((self._parameters.code,), name=NOISE)
        given, parts = {NOISE: noise}, [noise]
        if self._condition:
            given[CONDITION] = keras.Input((len(self._condition),), name=CONDITION)
            parts.append(self._known(given[CONDITION]))
        scaled = {
            name: self._bounded(name, tensor)
            for name, tensor in generated(parts, self._shapes, self._parameters, self._seed).items()
        }
        raw = {name: self._unscaled(name, tensor) for name, tensor in scaled.items()}
        return Network(keras.Model(given, raw, name="generator"), dict(given), scaled, raw)

    def critic(self) -> Network:
        given = self._scaled_inputs()
        tensors, beside = dict(given), list[Any]()
        if self._condition:
            given[ASIDE] = keras.Input((len(self._condition),), name=ASIDE)
            beside.append(self._known(given[ASIDE]))
        if self._parameters.profiles:
            beside += [part for name in self._shapes for part in self._profiles(name, tensors[name])]
        verdict = criticism(tensors, beside, self._parameters, self._seed)
        model = keras.Model(given, verdict, name="critic")
        seed_norms(model, self._seed)
        return Network(model, dict(given), {"verdict": verdict}, {"verdict": verdict})

    def observer(self) -> Network:
        given = self._scaled_inputs()
        seen = observables({name: self._unscaled(name, tensor) for name, tensor in given.items()})
        return Network(keras.Model(given, seen), dict(given), seen, seen)

    def judge(self, generator: Any) -> Network:
        """See `Players`; networks of a pack may have codes of different lengths, each with its own name."""
        noise_name = noise_of(self._parameters.code)
        given = {name: keras.Input(shape, name=name) for name, shape in self._shapes.items()}
        given[noise_name] = keras.Input((self._parameters.code,), name=noise_name)
        if self._condition:
            given[ASIDE] = keras.Input((len(self._condition),), name=ASIDE)
        here = {name: keras.layers.Identity(name=f"{name}-here")(tensor) for name, tensor in given.items()}
        made = generator({NOISE: here[noise_name], **({CONDITION: here[ASIDE]} if self._condition else {})})
        seen = {
            **{f"{REAL}{name}": own for name, own in observables({n: here[n] for n in self._shapes}).items()},
            **{f"{GENERATED}{name}": own for name, own in observables(made).items()},
        }
        return Network(keras.Model(given, seen), here, seen, seen)

    def _scaled_inputs(self) -> dict[str, Any]:
        return {name: keras.Input(shape, name=name) for name, shape in self._shapes.items()}

    def _known(self, condition: Any) -> Any:
        """A condition as networks take it: numbers in standard units, a 1 for the class."""
        ops, parts = keras.ops, []
        numbers = len(self._condition) - self._by_class
        if numbers:
            assert self._standard is not None
            mean, std = (np.array(each)[:numbers] for each in (self._standard.mean, self._standard.std))
            parts.append((condition[:, :numbers] - constant(mean)) * constant(1 / std))
        if self._by_class:
            parts.append(ops.one_hot(ops.cast(condition[:, -1], "int32"), self._classes))
        return ops.concatenate(parts, axis=1) if len(parts) > 1 else parts[0]

    @property
    def _by_class(self) -> bool:
        return self._condition[-1:] == (CLASS,)

    def _bounded(self, name: str, tensor: Any) -> Any:
        """Without cells that would be below 0, where there are to be none."""
        how, measured = self._how[name]
        wanted = self._parameters.positive
        if wanted == "auto":
            wanted = len(self._shapes[name]) > 1 and min(measured.minimum) >= 0
        if not wanted:
            return keras.layers.Identity(name=f"{name}-scaled")(tensor)
        least = scaled_zero(self._shapes[name], how, measured)
        return keras.ops.relu(tensor - least) + least

    def _unscaled(self, name: str, tensor: Any) -> Any:
        return keras.layers.Identity(name=f"{name}-raw")(unscaled(tensor, *self._how[name]))

    def _profiles(self, name: str, scaled: Any) -> list[Any]:
        """Logarithms of the sums along each axis of an image, in units of their mean."""
        ops, cells, found = keras.ops, math.prod(scaled.shape[1:]), []
        mean = max(abs(self._how[name][1].mean[0]), 1e-30)
        for raw in _sums(unscaled(scaled, *self._how[name])) if len(scaled.shape) > 2 else []:
            sums = raw * (1 / (mean * (cells // raw.shape[1])))
            found.append(ops.sign(sums) * ops.log1p(ops.abs(sums)))
        return found


def noise_of(code: int) -> str:
    """What a judge calls noise of so many numbers."""
    return f"net-noise_{code}"
