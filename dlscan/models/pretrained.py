"""A network begins with the weights of one that has learned elsewhere, and with its scaling of inputs.

Layers are matched by name and shape. What is scaled, and how, is found in the other network where its first
layers take it: weights have learned from values scaled like that.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dlscan.config.pretrained import Pretrained
from dlscan.errors import ConfigError, ScanError
from dlscan.models.backend import keras
from dlscan.models.inputs import Inputs
from dlscan.models.network import HEAD, Network
from dlscan.models.saved import read_network

_KEY = "model.pretrained"


@dataclasses.dataclass(frozen=True)
class Start:
    """Where a network begins.

    Attributes
    ----------
    file : Path
        The `.keras` file.
    freeze : {"none", "body"} or int
        See `Pretrained`.
    same_head : bool
        Whether what it learns is what the other has learned, so that the last layer fits too.
    """

    file: Path
    freeze: str | int
    same_head: bool

    @classmethod
    def of(cls, pretrained: Pretrained, file: Path, same_head: bool) -> "Start":
        """Begin with the network in a file."""
        return cls(file, pretrained.freeze, same_head)

    def read(self) -> Any:
        """The other network; in safe mode, so that no code of others is run.

        Raises
        ------
        ConfigError
            If that cannot be.
        """
        try:
            return read_network(self.file)
        except ScanError as error:
            raise ConfigError(f"{_KEY}: {error}") from None


def scaled_as(network: Any, raw: Mapping[str, Any], scaled: Inputs, hidden: Any, file: Path) -> Inputs:
    """Scale inputs as another network does.

    Parameters
    ----------
    network : keras.Model
        The other one.
    raw : mapping of str to KerasTensor
        What the new network takes.
    scaled : Inputs
        The same, scaled in its own way.
    hidden : KerasTensor
        What its family makes of `scaled`.
    file : Path
        Of the other network, for the message.

    Returns
    -------
    Inputs
        The same names.

    Raises
    ------
    ConfigError
        If the other network takes other inputs, or makes something else of them.
    """
    # who made a file elsewhere may have had a list
    named = isinstance(network.input, Mapping)
    given = dict(network.input) if named else {tensor.name: tensor for tensor in network.inputs}
    for name, tensor in raw.items():
        if name not in given or tuple(given[name].shape) != tuple(tensor.shape):
            there = ", ".join(f"{own} {tuple(its.shape[1:])}" for own, its in given.items())
            raise ConfigError(
                f"{_KEY}: {file} takes {there}, and this network {name} {tuple(tensor.shape[1:])}"
            )
    probe = keras.Model(list(raw.values()), hidden)
    ends: dict[str, Any] = {}
    for name, tensor in scaled.flat.items():
        ways = list(_to_layers(probe, tensor))
        if not ways:
            continue  # its family makes nothing of it
        found = (_back(network, way) for way in ways)
        end = next((own for own in found if own is not None and own.shape == tensor.shape), None)
        if end is None:
            raise ConfigError(
                f"{_KEY}: {file} makes something else of its inputs: no layer there takes {name}"
            )
        ends[name] = end
    trunk = keras.Model({name: given[name] for name in raw}, ends)
    for operation in trunk.operations:
        if not isinstance(operation, keras.layers.InputLayer):
            # names of operations count from the start in each process
            operation.name = f"net-start_{operation.name}"
    own = {id(given[name]): tensor for name, tensor in raw.items()}
    made = trunk._run_through_graph([own[id(tensor)] for tensor in trunk.inputs], lambda operation: operation)
    return scaled.replaced({**scaled.flat, **made})


def take_over(built: Network, network: Any, start: Start) -> None:
    """Give a network the weights of another one, and freeze what is not to train.

    Parameters
    ----------
    built : Network
        The new one.
    network : keras.Model
        The other one.
    start : Start
        What to take and to freeze.

    Raises
    ------
    ConfigError
        If a layer of its body is missing there, or has other shapes; if there are fewer layers than are to
        be frozen.
    """
    there = {layer.name: layer for layer in network.layers}
    body = [layer for layer in built.body_layers if layer.weights]
    problems = []
    for layer in body:
        if layer.name not in there:
            problems.append(f"it has no layer {layer.name}")
        elif _shapes(there[layer.name]) != _shapes(layer):
            was, now = (_text(_shapes(own)) for own in (there[layer.name], layer))
            problems.append(f"{layer.name} has weights of {was} there and of {now} here")
    if problems:
        raise ConfigError(
            f"{_KEY}: {start.file} is another network: {'; '.join(problems[:3])}"
            f"{f'; and {len(problems) - 3} more' if len(problems) > 3 else ''}"
        )
    head = [layer for layer in built.model.layers if layer.weights and layer not in body]
    fitting = [
        layer
        for layer in head
        if layer.name in there
        and _shapes(there[layer.name]) == _shapes(layer)
        and (
            layer.name.startswith(HEAD)
            # numbers in standard units are no logarithms of rates
            or (start.same_head and _behind(network, layer.name) == _behind(built.model, layer.name))
        )
    ]
    for layer in [*body, *fitting]:
        layer.set_weights(there[layer.name].get_weights())
    if isinstance(start.freeze, int) and start.freeze > len(body):
        raise ConfigError(f"{_KEY}.freeze: {start.freeze}, but the body has {len(body)} layers with weights")
    frozen = {"none": 0, "body": len(body)}.get(str(start.freeze), start.freeze)
    for layer in body[: int(frozen)]:
        layer.trainable = False


def _shapes(layer: Any) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]


def _text(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join("x".join(map(str, shape)) or "1" for shape in shapes) or "no shape"


@dataclasses.dataclass(frozen=True)
class _Way:
    """From a tensor to the first layer behind it.

    Attributes
    ----------
    layer : str
        Its name.
    use : int
        Which of its uses.
    steps : tuple of (str, int)
        The operations in between, and the layer: the kind, and which of its inputs the way goes through.
    """

    layer: str
    use: int
    steps: tuple[tuple[str, int], ...]


def _nodes(network: Any) -> list[Any]:
    """The uses of layers and operations, from the inputs on."""
    by_depth: Mapping[int, list[Any]] = network._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth] if not node.is_input]


def _uses(network: Any, name: str) -> list[Any]:
    return [node for node in _nodes(network) if node.operation.name == name]


def _behind(network: Any, layer: str) -> set[str]:
    """The kinds of operations that take what a layer gives."""
    given = [id(tensor) for node in _uses(network, layer) for tensor in node.output_tensors]
    return {
        type(node.operation).__name__
        for node in _nodes(network)
        if any(id(tensor) in given for tensor in node.input_tensors)
    }


def _to_layers(network: Any, tensor: Any, steps: tuple[tuple[str, int], ...] = ()) -> Iterator[_Way]:
    """The ways from a tensor to the next layers; layers have names, operations only numbers."""
    for node in _nodes(network):
        for place, taken in enumerate(node.input_tensors):
            if taken is not tensor:
                continue
            operation = node.operation
            here = (*steps, (type(operation).__name__, place))
            if isinstance(operation, keras.layers.Layer):
                use = _uses(network, operation.name).index(node)
                yield _Way(operation.name, use, here)
                continue
            for output in node.output_tensors:
                yield from _to_layers(network, output, here)


def _back(network: Any, way: _Way) -> Any:
    """The tensor from which the same way begins in another network; None if there is none."""
    uses = _uses(network, way.layer)
    if way.use >= len(uses):
        return None
    made_by = {id(tensor): node for node in _nodes(network) for tensor in node.output_tensors}
    node, tensor = uses[way.use], None
    for number, (kind, place) in enumerate(reversed(way.steps)):
        if number:
            node = made_by.get(id(tensor))
        if node is None or type(node.operation).__name__ != kind or place >= len(node.input_tensors):
            return None
        tensor = node.input_tensors[place]
    before = made_by.get(id(tensor))
    if before is not None and isinstance(before.operation, keras.layers.GaussianNoise):
        # what a denoising autoencoder adds to scaled inputs while it learns
        (tensor,) = before.input_tensors
    return tensor
