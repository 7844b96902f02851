"""What a trained network does inside: filters and feature maps of its first convolutions, and gradients."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.models.backend import backend, keras

Floats = NDArray[Any]

# They change the values of a map, not what each is about.
_VALUE_BY_VALUE = ("BatchNormalization", "Activation", "ReLU", "LeakyReLU", "ELU", "PReLU", "Dropout")


@dataclasses.dataclass(frozen=True)
class FirstLayer:
    """A convolution that no other layer with weights comes before.

    Attributes
    ----------
    name : str
        Of the layer.
    inputs : tuple of str
        What it takes, scaled.
    kernel : ndarray, (*size, channels, filters)
        Its filters.
    maps : ndarray, (N, *space, filters)
        What it makes of N events, normalisation and activation included.
    """

    name: str
    inputs: tuple[str, ...]
    kernel: Floats
    maps: Floats


def first_layers_of(network: Any, events: Mapping[str, Floats]) -> list[FirstLayer]:
    """The first convolution behind each input, and what it makes of events.

    Parameters
    ----------
    network : keras.Model
        Takes raw events.
    events : mapping of str to ndarray, (N, ...)
        Raw events.

    Returns
    -------
    list of FirstLayer
        In the order of the network; empty if it has none.
    """
    found = _first_convolutions(network)
    if not found:
        return []
    ends = {node.operation.name: _with_activation(network, node) for node, _ in found}
    maps = keras.Model(network.input, ends)(_known(network, events), training=False)
    return [
        FirstLayer(
            node.operation.name,
            inputs,
            keras.ops.convert_to_numpy(node.operation.kernel),
            _numbers(maps[node.operation.name]),
        )
        for node, inputs in found
    ]


@dataclasses.dataclass(frozen=True)
class Reconstructed:
    """Events and what an autoencoder gives back of them, in scaled units.

    Attributes
    ----------
    events, given : dict of str to ndarray, (N, cells)
        Each input as the network sees it, flattened, and the same as it comes out.
    errors : ndarray, (N,)
        The mean over all cells of the square of the difference.
    """

    events: dict[str, Floats]
    given: dict[str, Floats]
    errors: Floats


def reconstructed(network: Any, events: Mapping[str, Floats]) -> Reconstructed:
    """What an autoencoder gives back of raw events, by the network's names."""
    joined = [layer for layer in network.layers if layer.name == "net-target"]
    if joined:
        (node,) = joined[0]._inbound_nodes
        names = [tensor._keras_history.operation.name for tensor in node.input_tensors]
    else:
        names = [layer.name for layer in network.layers if layer.name.endswith("-target")]
    targets = {name.removesuffix("-target"): network.get_layer(name).output for name in names}
    both = keras.Model(network.input, {"targets": targets, "given": network.output})
    told = keras.tree.map_structure(_numbers, both(_known(network, events), training=False))
    scaled = {name: told["targets"][name] for name in targets}
    ends = np.cumsum([values.shape[1] for values in scaled.values()])
    parts = np.split(told["given"]["reconstruction"], ends[:-1], axis=1)
    return Reconstructed(scaled, dict(zip(scaled, parts, strict=True)), told["given"]["error"][:, 0])


@dataclasses.dataclass(frozen=True)
class Saliency:
    """How what a network says of events depends on each of their values.

    Attributes
    ----------
    numbers : ndarray, (N, C)
        What the network gives for each event.
    chosen : ndarray of int, (N,)
        Which of these is differentiated: the winning score; of a regression the first number.
    gradients : dict of str to ndarray, (N, ...)
        Of the chosen number with respect to the raw values of each input. Of a score it is that of its logit:
        scores near 0 and 1 hardly change, whatever they depend on.
    """

    numbers: Floats
    chosen: NDArray[np.int64]
    gradients: dict[str, Floats]


def saliency(network: Any, events: Mapping[str, Floats]) -> Saliency:
    """The gradient of the winning score with respect to events.

    K. Simonyan, A. Vedaldi, A. Zisserman, "Deep inside convolutional networks", arXiv:1312.6034.

    Parameters
    ----------
    network : keras.Model
        Takes raw events.
    events : mapping of str to ndarray, (N, ...)
        Raw events.
    """
    known = _known(network, events)
    final, logits, is_score = _ends(network)
    both = keras.Model(network.input, {"final": final, "logits": logits})
    numbers = _numbers(both(known, training=False)["final"])
    chosen = numbers.argmax(axis=1) if is_score else np.zeros(len(numbers), np.int64)
    one = np.eye(numbers.shape[1], dtype=np.float32)[chosen]
    # masks are no numbers; Keras takes no arrays beside tensors
    fixed = {
        name: keras.ops.convert_to_tensor(values) for name, values in known.items() if values.dtype == bool
    }
    varied = {name: values for name, values in known.items() if name not in fixed}

    def total(values: Mapping[str, Any]) -> Any:
        # events do not depend on each other: the gradient of their sum holds that of each
        logits = both({**values, **fixed}, training=False)["logits"]
        return keras.ops.sum(keras.ops.multiply(logits, one))

    return Saliency(numbers, chosen, _GRADIENTS[backend()](total, varied))


def _known(network: Any, events: Mapping[str, Floats]) -> dict[str, Floats]:
    """What the network takes of events."""
    return {name: np.asarray(events[name]) for name in network.input}


def _ends(network: Any) -> tuple[Any, Any, bool]:
    """What a network gives, what that is before a softmax, and whether there is one."""
    outputs = list(network.outputs)
    for output in outputs:
        last = output._keras_history.operation
        if getattr(last, "activation", None) is keras.activations.softmax and last.input is not output:
            return output, last.input, True
    return outputs[0], outputs[0], False


def _first_convolutions(network: Any) -> list[tuple[Any, tuple[str, ...]]]:
    """The uses of layers, with the inputs behind each."""
    # a mask is a part of its input
    made_of: dict[int, tuple[str, ...]] = {
        id(tensor): (name.removesuffix("_mask") if tensor.dtype == "bool" else name,)
        for name, tensor in network.input.items()
    }
    found = []
    for node in _nodes(network):
        known = [made_of[id(tensor)] for tensor in node.input_tensors if id(tensor) in made_of]
        if not known:
            continue
        inputs = tuple(dict.fromkeys(name for names in known for name in names))
        if type(node.operation).__name__ in ("Conv1D", "Conv2D", "Conv3D"):
            found.append((node, inputs))
        elif not _weights(node.operation) or type(node.operation).__name__ in _VALUE_BY_VALUE:
            made_of |= {id(tensor): inputs for tensor in node.output_tensors}
    return found


def _with_activation(network: Any, node: Any) -> Any:
    """The map of a convolution as what follows takes it, where one thing follows the other."""
    tensor = node.output_tensors[0]
    users = [each for each in _nodes(network) if any(taken is tensor for taken in each.input_tensors)]
    while len(users) == 1 and type(users[0].operation).__name__ in _VALUE_BY_VALUE:
        tensor = users[0].output_tensors[0]
        users = [each for each in _nodes(network) if any(taken is tensor for taken in each.input_tensors)]
    return tensor


def _nodes(network: Any) -> list[Any]:
    by_depth = network._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth] if not node.is_input]


def _weights(operation: Any) -> int:
    return sum(math.prod(weight.shape) for weight in getattr(operation, "weights", ()))


def _numbers(tensor: Any) -> Floats:
    return np.asarray(keras.ops.convert_to_numpy(tensor), dtype=np.float32)


def _on_tensorflow(total: Callable[[Any], Any], events: Mapping[str, Floats]) -> dict[str, Floats]:
    import tensorflow

    values = {name: tensorflow.constant(each) for name, each in events.items()}
    with tensorflow.GradientTape() as tape:
        tape.watch(values)
        result = total(values)
    found = tape.gradient(result, values, unconnected_gradients=tensorflow.UnconnectedGradients.ZERO)
    return {name: _numbers(each) for name, each in found.items()}


def _on_jax(total: Callable[[Any], Any], events: Mapping[str, Floats]) -> dict[str, Floats]:
    import jax

    return {name: _numbers(each) for name, each in jax.grad(total)(dict(events)).items()}


def _on_torch(total: Callable[[Any], Any], events: Mapping[str, Floats]) -> dict[str, Floats]:
    import torch

    values = {
        name: keras.ops.convert_to_tensor(each).detach().clone().requires_grad_()
        for name, each in events.items()
    }
    found = torch.autograd.grad(total(values), list(values.values()), allow_unused=True)
    zeros = {name: np.zeros_like(each) for name, each in events.items()}
    return {
        name: zeros[name] if each is None else _numbers(each)
        for name, each in zip(values, found, strict=True)
    }


_GRADIENTS = {"tensorflow": _on_tensorflow, "jax": _on_jax, "torch": _on_torch}
