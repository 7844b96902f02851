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
    except Exception as error:  # Keras raises whatever a damaged part leads to
        # Keras goes on to advise on other formats
        reason = " ".join(str(error).split()).split(". ")[0] if path.exists() else "no such file"
        raise ScanError(f"{path}: cannot read a network ({reason})") from None


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


@dataclasses.dataclass(frozen=True)
class Meeting:
    """A place where what was made of different inputs comes together.

    Attributes
    ----------
    layer : str
        Name of the layer or operation.
    groups : tuple of tuple of str
        The inputs of each branch that ends there.
    layers_behind : int
        Layers with weights from there to the scores. If it is the output layer alone, that only adds up what
        the branches say.
    """

    layer: str
    groups: tuple[tuple[str, ...], ...]
    layers_behind: int

    def __str__(self) -> str:
        branches = [" + ".join(group) for group in self.groups]
        text = f"{', '.join(branches[:-1])} and {branches[-1]} meet in {self.layer}; "
        if self.layers_behind > 1:
            return f"{text}{self.layers_behind} layers with weights follow"
        return f"{text}only the output layer follows, so no hidden layer combines them"


def meetings(network: Any) -> list[Meeting]:
    """Where the inputs of a network meet, from the inputs on."""
    made_of = {id(tensor): (name,) for name, tensor in network.input.items()}
    behind: dict[int, int] = {}
    by_depth = network._nodes_by_depth
    nodes = [
        node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth] if not node.is_input
    ]
    for node in reversed(nodes):
        follows = max((behind.get(id(tensor), 0) for tensor in node.output_tensors), default=0)
        has_kernel = getattr(node.operation, "kernel", None) is not None
        for tensor in node.input_tensors:
            behind[id(tensor)] = max(behind.get(id(tensor), 0), follows + has_kernel)
    found = []
    for node in nodes:
        groups = list(dict.fromkeys(made_of[id(tensor)] for tensor in node.input_tensors))
        union = tuple(dict.fromkeys(name for group in groups for name in group))
        made_of |= {id(tensor): union for tensor in node.output_tensors}
        if all(len(union) > len(group) for group in groups):
            follows = max((behind.get(id(tensor), 0) for tensor in node.output_tensors), default=0)
            found.append(Meeting(node.operation.name, tuple(groups), follows))
    return found


def trainable_parameters(network: Any) -> int:
    """How many weights of a network training changes."""
    return sum(math.prod(weight.shape) for weight in network.trainable_weights)


def _shape(output: Any) -> tuple[int | None, ...]:
    # a layer with several outputs is described by its first
    first = output[0] if isinstance(output, list | tuple) else output
    return tuple(first.shape[1:])
