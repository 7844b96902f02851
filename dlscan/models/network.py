"""A network as training and scoring take it apart: where its inputs are scaled, and what its losses see."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from dlscan.config.task_kinds import needs_head
from dlscan.errors import ConfigError
from dlscan.models.backend import keras

# How names of the layers of `model.head` begin.
HEAD = "net-head_"
# What heads take, among what a network gives in training where objectives look at it.
HIDDEN = "net-hidden"
# The layer of a weight that is the logarithm of how far cells scatter.
LOG_SIGMA = "net-log_sigma"


@dataclasses.dataclass(frozen=True)
class Network:
    """A network, and where its builder says that it can be cut.

    Models that are cut from it have its own layers and weights.

    Attributes
    ----------
    model : keras.Model
        Takes raw inputs by name, gives what a user wants: scores, or numbers in physical units.
    scaled : mapping of str to KerasTensor
        The inputs as its family sees them, and their masks, by name. Networks of a pack whose inputs are
        scaled alike share these; what a family makes of them is its own.
    raw : mapping of str to KerasTensor
        What losses are computed from, by the name of the head: logits, or numbers in standard units.
    final : mapping of str to KerasTensor
        What `model` gives, by the name of the head.
    hidden : KerasTensor or None
        What the heads take.
    shows_hidden : bool
        Whether objectives look at that, as `HIDDEN`.
    """

    model: Any
    scaled: Mapping[str, Any]
    raw: Mapping[str, Any]
    final: Mapping[str, Any]
    hidden: Any = None
    shows_hidden: bool = False

    def __post_init__(self) -> None:
        for name, tensor in self.scaled.items():
            # Keras takes the product with a number for a sparse tensor, and PyTorch has no sparse inputs
            tensor.name, tensor._sparse = name, False

    @property
    def body_layers(self) -> list[Any]:
        """The layers in front of the head, from the inputs on; those of `model.head` belong to it.

        Raises
        ------
        ConfigError
            If it has no head.
        """
        if self.hidden is None:
            raise ConfigError(f"train.body_rate: {needs_head('reconstruct')}")
        return [
            layer
            for layer in keras.Model(self.model.input, self.hidden).layers
            if not layer.name.startswith(HEAD)
        ]

    @property
    def log_sigma(self) -> list[Any]:
        """The weight of `LOG_SIGMA`, if the network has that layer."""
        return [
            weight
            for layer in self.model.layers
            if layer.name == LOG_SIGMA
            for weight in layer.trainable_variables
        ]

    @property
    def looked_at(self) -> dict[str, Any]:
        """What objectives look at: `raw`, and what the heads take if it is wanted."""
        return {**self.raw, **({HIDDEN: self.hidden} if self.shows_hidden else {})}

    def trunk(self, names: Collection[str] | None = None) -> Any:
        """Raw inputs to scaled ones, to all or to these; it has no weights."""
        scaled = {name: tensor for name, tensor in self.scaled.items() if names is None or name in names}
        return keras.Model(self.model.input, scaled)

    def body(self) -> Any:
        """Scaled inputs to `looked_at`."""
        return keras.Model(dict(self.scaled), self.looked_at)

    def training(self) -> Any:
        """Raw inputs to `looked_at`."""
        return keras.Model(self.model.input, self.looked_at)

    def scoring(self) -> Any:
        """Scaled inputs to a dict of `raw` and `final`; what is the same in both is in `raw` alone."""
        final = {name: tensor for name, tensor in self.final.items() if tensor is not self.raw.get(name)}
        return keras.Model(dict(self.scaled), {"raw": dict(self.raw), "final": final})


def trunks(networks: Sequence[Network]) -> list[Any]:
    """Models that together scale what networks take, each input once: one name means one set of values."""
    found, known = [], set[str]()
    for network in networks:
        new = network.scaled.keys() - known
        if new:
            found.append(network.trunk(new))
            known |= new
    return found


def taken_by(model: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What a model takes of inputs: its own, in a pack with others, may be fewer."""
    return {name: inputs[name] for name in model.input}
