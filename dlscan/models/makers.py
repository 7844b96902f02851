"""What all networks that generate events have in common, whatever they learn by."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config import Model, Normalization, network_name
from dlscan.config.inputs import Input
from dlscan.config.task_kinds import CLASS
from dlscan.dataset import Manifest, taken
from dlscan.errors import ConfigError
from dlscan.models.backend import keras
from dlscan.models.inputs import scaled_inputs
from dlscan.models.layers import shapes_of
from dlscan.models.network import Network
from dlscan.models.normalize import constant
from dlscan.models.observables import observables
from dlscan.models.unscale import scaled_zero, unscaled
from dlscan.tasks import Standards
from dlscan.tasks.generate import CONDITION, GENERATED, REAL

# What a generator takes. A network that takes events too has names for these that no input of theirs has.
NOISE = "noise"
ASIDE = "net-condition"


@dataclasses.dataclass(frozen=True)
class Made:
    """Networks of one training; those that make something of generated events share the generator.

    Attributes
    ----------
    generator : Network
        From `noise` (B, ...) and perhaps `condition` (B, K), raw, to raw inputs by name; its `raw` has scaled
        ones.
    scaling, observer, judge : Network
        See `Maker`.
    """

    generator: Network
    scaling: Network
    observer: Network
    judge: Network


class Maker:
    """Builds what makes events, and what looks at them.

    Parameters
    ----------
    model, manifest, normalizations, seed, inputs
        As for `dlscan.models.construct`.
    condition : tuple of str
        The numbers of a condition; `class`, the index of the class, is the last if it is one.
    standards : mapping of str to Standard
        Of the condition.

    Attributes
    ----------
    shapes : dict of str to tuple of int
        Of each input of an event, by name.

    Raises
    ------
    ConfigError
        If the family cannot generate these inputs.
    """

    def __init__(
        self,
        model: Model,
        manifest: Manifest,
        normalizations: Mapping[str, Normalization],
        seed: int,
        condition: tuple[str, ...],
        standards: Standards = MappingProxyType({}),
        inputs: Mapping[str, Input] | None = None,
    ) -> None:
        self._raw, self._scaled = scaled_inputs(model, manifest, normalizations, inputs)
        self.shapes = shapes_of(self._scaled)
        if reason := model.why_not_inputs(self.shapes, self._scaled.masks):
            raise ConfigError(reason)
        names = {network_name(name): name for name in taken(model, manifest.inputs, inputs)}
        self._how = {
            own: (normalizations.get(name, Normalization()), manifest.statistics[name])
            for own, name in names.items()
        }
        self._parameters, self._seed, self._condition = model.parameters, seed, condition
        self._classes, self._standard = len(manifest.classes), standards.get(CONDITION)

    def around(self, generator: Network) -> tuple[Network, Network, Network, Network]:
        """The networks of `Made`."""
        return generator, self.scaling(), self.observer(), self.judge(generator.model)

    def scaling(self) -> Network:
        """From raw inputs to scaled ones. It has no weights."""
        given = {
            name: keras.layers.Identity(name=f"{name}-given")(tensor) for name, tensor in self._scaled.items()
        }
        return Network(keras.Model(self._raw, given), dict(self._raw), given, given)

    def observer(self) -> Network:
        """From scaled inputs to their observables. It has no weights."""
        given = self._scaled_inputs()
        seen = observables({name: self._unscaled(name, tensor) for name, tensor in given.items()})
        return Network(keras.Model(given, seen), dict(given), seen, seen)

    def judge(self, generator: Any) -> Network:
        """From raw inputs, condition and noise to the observables of these events and of generated ones.

        Networks of a pack may take noise of different lengths, each with its own name.
        """
        noise = generator.input[NOISE].shape[-1]
        given = self._scaled_inputs()
        given[noise_of(noise)] = keras.Input((noise,), name=noise_of(noise))
        if self._condition:
            given[ASIDE] = keras.Input((len(self._condition),), name=ASIDE)
        here = {name: keras.layers.Identity(name=f"{name}-here")(tensor) for name, tensor in given.items()}
        told = {CONDITION: here[ASIDE]} if self._condition else {}
        made = generator({NOISE: here[noise_of(noise)], **told})
        seen = {
            **{f"{REAL}{name}": own for name, own in observables({n: here[n] for n in self.shapes}).items()},
            **{f"{GENERATED}{name}": own for name, own in observables(made).items()},
        }
        return Network(keras.Model(given, seen), here, seen, seen)

    def _scaled_inputs(self) -> dict[str, Any]:
        return {name: keras.Input(shape, name=name) for name, shape in self.shapes.items()}

    def _told(self, given: dict[str, Any], name: str) -> list[Any]:
        """What networks are told of an event, as a part or none: the condition is entered among inputs."""
        if not self._condition:
            return []
        given[name] = keras.Input((len(self._condition),), name=name)
        return [self._known(given[name])]

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
        wanted = getattr(self._parameters, "positive", "auto")
        if wanted == "auto":
            wanted = len(self.shapes[name]) > 1 and min(measured.minimum) >= 0
        if not wanted:
            return keras.layers.Identity(name=f"{name}-scaled")(tensor)
        least = scaled_zero(self.shapes[name], how, measured)
        return keras.ops.relu(tensor - least) + least

    def _unscaled(self, name: str, tensor: Any) -> Any:
        return keras.layers.Identity(name=f"{name}-raw")(unscaled(tensor, *self._how[name]))


def noise_of(numbers: int) -> str:
    """What a judge calls noise of so many numbers."""
    return f"net-noise_{numbers}"


def made_by(network: Any, known: Mapping[str, Any], events: int, seed: int) -> dict[str, NDArray[Any]]:
    """Events that a generator makes, raw inputs (events, ...) by the network's names.

    Parameters
    ----------
    network : keras.Model
        The generator.
    known : mapping of str to ndarray
        The `condition` of each event, (events, K), if there is one.
    events : int
        How many.
    seed : int
        Of the noise.
    """
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((events, network.input[NOISE].shape[-1]), np.float32)
    made = network({NOISE: noise, **known}, training=False)
    return {name: np.asarray(keras.ops.convert_to_numpy(own)) for name, own in made.items()}
