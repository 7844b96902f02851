"""Networks that training left behind: read them, and say what they are made of."""

import dataclasses
import math
from pathlib import Path
from typing import Any

from dlscan.errors import ScanError
from dlscan.models.backend import keras
from dlscan.models.flops import flops_of_layers


@dataclasses.dataclass(frozen=True)
class Layer:
    """One layer of a network.

    Attributes
    ----------
    name, kind : str
        Its name, and what Keras calls its kind.
    shape : tuple of int or None
        Of what it gives for one event; None is a length that is not fixed.
    parameters : int
        Its weights, those that training does not change included.
    flops : int or None
        Floating-point operations for one event; None where they cannot be counted.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...]
    parameters: int
    flops: int | None


def read_network(path: Path) -> Any:
    """Read a network from a `.keras` file, without the state of its training.

    Returns
    -------
    keras.Model
        Takes raw events by the names of the inputs, gives a score per class.

    Raises
    ------
    ScanError
        If the file is missing or damaged.
    """
    try:
        return keras.saving.load_model(path, compile=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        # Keras goes on to advise on other formats
        reason = " ".join(str(error).split()).split(". ")[0] if path.exists() else "no such file"
        raise ScanError(f"{path}: no network can be read ({reason})") from None


def layers_of(network: Any) -> list[Layer]:
    """The layers of a network, from its inputs to its scores."""
    counts = flops_of_layers(network)
    # not `network.layers`: the normalisation is made of operations
    return [
        Layer(
            layer.name,
            type(layer).__name__,
            _shape(layer.output),
            sum(math.prod(weight.shape) for weight in getattr(layer, "weights", ())),
            counts.get(layer.name),
        )
        for layer in network.operations
    ]


def trainable_parameters(network: Any) -> int:
    """How many weights of a network training changes."""
    return sum(math.prod(weight.shape) for weight in network.trainable_weights)


def _shape(output: Any) -> tuple[int | None, ...]:
    # a layer with several outputs is described by its first
    first = output[0] if isinstance(output, list | tuple) else output
    return tuple(first.shape[1:])
