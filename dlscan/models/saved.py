"""Networks that training left behind: read them, and say what they are made of."""

import contextlib
import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlscan.config.build import Problem
from dlscan.config.source import read_source
from dlscan.errors import ScanError
from dlscan.models.backend import keras
from dlscan.models.flops import flops_of_layers
from dlscan.models.from_file import registered


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


def read_network(
    path: Path, sources: Mapping[str, Mapping[str, str]] | None = None, trust_files: bool = False
) -> Any:
    """Read a network from a `.keras` file, without the state of its training.

    Layers of a user are in a file of the user. It is run only if the network cannot be loaded without it, and
    only if it is what it was when the network was trained.

    Parameters
    ----------
    path : Path
        Of the file.
    sources : mapping of str to mapping, optional
        The record's.
    trust_files : bool
        Whether the files that these name may be run.

    Returns
    -------
    keras.Model
        Takes raw events by the names of the inputs, gives scores of classes or numbers in physical units.

    Raises
    ------
    ScanError
        If the file is missing or damaged, or needs a file that may not be run.
    """
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever a damaged part leads to
        needed = {key: source for key, source in (sources or {}).items() if key.startswith("model.")}
        if needed and path.exists():
            if not trust_files:
                raise _untrusted(path, needed) from None
            return _with_layers_of(path, needed)
        raise _unreadable(path, error) from None


def _with_layers_of(path: Path, sources: Mapping[str, Mapping[str, str]]) -> Any:
    """Read a network whose layers may be defined in files of the user."""
    with contextlib.ExitStack() as stack:
        for recorded in sources.values():
            try:
                source = read_source(Path(recorded["path"]), "its layers")
            except Problem as problem:
                raise ScanError(f"{path}: needs the file with its layers: {problem}") from None
            if source.sha256 != recorded["sha256"]:
                raise ScanError(
                    f"{path}: needs the layers that {source.path} defines, which has changed since training "
                    "and is not run; put back the text that record.json has"
                )
            stack.enter_context(registered(source))
        try:
            return keras.saving.load_model(path, compile=False)
        except Exception as error:
            raise _unreadable(path, error) from None


def _untrusted(path: Path, sources: Mapping[str, Mapping[str, str]]) -> ScanError:
    files = " and ".join(str(recorded.get("path")) for recorded in sources.values())
    return ScanError(
        f"{path}: to load this network, {files} has to be run, as its record says; if you trust that "
        "file, use --trust-files (in Python model(..., trust_files=True)), or give the experiment file in "
        "place of the directory"
    )


def _unreadable(path: Path, error: Exception) -> ScanError:
    # Keras goes on to advise on other formats
    reason = " ".join(str(error).split()).split(". ")[0] if path.exists() else "no such file"
    return ScanError(f"{path}: cannot read a network ({reason})")


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
    # a mask is a part of its input
    made_of = {
        id(tensor): (name.removesuffix("_mask") if tensor.dtype == "bool" else name,)
        for name, tensor in network.input.items()
    }
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
