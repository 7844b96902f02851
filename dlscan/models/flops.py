"""How much a network computes for one event: counted from its layers, for any back end.

A multiplication and an addition count one each, and so does a function such as exp of one value. Layers are
known by the name of their class. Dropout and its like do nothing in a forward pass.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from dlscan.models.backend import keras

Shape = tuple[int, ...]


class _Unknown(Exception):
    """What cannot be counted."""


def flops(network: Any) -> tuple[int | None, str]:
    """Count the floating-point operations of one forward pass of one event.

    Parameters
    ----------
    network : keras.Model
        Built from layers and operations that know their shapes.

    Returns
    -------
    count : int or None
        None when the network holds a layer that is not known here.
    reason : str
        Why there is no number; empty when there is one.
    """
    try:
        return _count(network), ""
    except _Unknown as unknown:
        return None, str(unknown)


def flops_of_layers(network: Any) -> dict[str, int | None]:
    """The same count for each layer and operation, by its name; None where it is not known here."""
    counts: dict[str, int | None] = {}
    for node in _nodes(network):
        name = node.operation.name
        try:
            count = _use(node.operation, node.input_tensors, node.output_tensors)
        except _Unknown:
            counts[name] = None
            continue
        before = counts.get(name, 0)
        counts[name] = None if before is None else before + count
    return counts


def _count(network: Any) -> int:
    return sum(_use(node.operation, node.input_tensors, node.output_tensors) for node in _nodes(network))


def _nodes(network: Any) -> list[Any]:
    # a node is one use of a layer: a layer that is called twice computes twice, which `layers` does not tell
    by_depth = getattr(network, "_nodes_by_depth", None)
    if by_depth is None:
        raise _Unknown(f"{network.name} ({type(network).__name__}) does not expose its layers")
    return [node for nodes in by_depth.values() for node in nodes]


def _use(operation: Any, inputs: Sequence[Any], outputs: Sequence[Any]) -> int:
    kind = type(operation).__name__
    if kind in _FREE:
        return 0
    if isinstance(operation, keras.Model):
        return _count(operation)
    before, after = _shape(inputs[0]), _shape(outputs[0])
    size = math.prod(after)
    if kind in _PER_OUTPUT:
        return _PER_OUTPUT[kind] * size
    if kind in _MERGES:
        # one input where the other is a constant
        return max(len(inputs) - 1, 1) * size
    if kind in _GATES:
        return _recurrent(operation, before)
    if kind in _LAYERS:
        return _LAYERS[kind](operation, before, after) + _activation(operation, size)
    raise _Unknown(f"the number of operations of {operation.name} ({kind}) is unknown")


def _shape(tensor: Any) -> Shape:
    """Of one event."""
    if any(length is None for length in tensor.shape[1:]):
        raise _Unknown("an input has no fixed shape")
    return tuple(tensor.shape[1:])


def _activation(layer: Any, size: int) -> int:
    activation = getattr(layer, "activation", None)
    if activation in (None, keras.activations.linear):
        return 0
    # softmax: exp, sum, division
    return size * (3 if activation is keras.activations.softmax else 1)


def _dense(layer: Any, before: Shape, after: Shape) -> int:
    return 2 * before[-1] * math.prod(after)


def _convolution(layer: Any, before: Shape, after: Shape) -> int:
    # each output value is a sum over the kernel and the input channels of its group
    kernel: Shape = tuple(layer.kernel.shape[:-1])
    return 2 * math.prod(kernel) * math.prod(after)


def _pooling(layer: Any, before: Shape, after: Shape) -> int:
    window: Shape = tuple(layer.pool_size)
    return math.prod(window) * math.prod(after)


def _global_pooling(layer: Any, before: Shape, after: Shape) -> int:
    return math.prod(before)


def _recurrent(layer: Any, before: Shape) -> int:
    # a row and the state before, times all weights; and what gates do with that
    weights = layer.cell.kernel, layer.cell.recurrent_kernel
    row = sum(2 * math.prod(weight.shape) for weight in weights) + _GATES[type(layer).__name__] * layer.units
    return before[0] * int(row)


def _product(operation: Any, before: Shape, after: Shape) -> int:
    return 2 * before[-1] * math.prod(after)


def _nothing_more(layer: Any, before: Shape, after: Shape) -> int:
    return 0


# they move or drop values, or act in training alone
_FREE = {
    *("InputLayer", "Flatten", "Reshape", "Permute", "Concatenate", "Identity", "RepeatVector"),
    *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianNoise"),
    *("GaussianDropout", "AlphaDropout", "ActivityRegularization"),
    *("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "Cropping1D", "Cropping2D", "Cropping3D"),
    *("ExpandDims", "Squeeze", "Transpose", "Cast", "GetItem", "Flip", "Stack", "Take", "TakeAlongAxis"),
    *("UpSampling1D", "UpSampling2D", "UpSampling3D"),
    *("OnesLike", "ZerosLike", "StopGradient", "Embedding"),
}
_PER_OUTPUT = {
    **dict.fromkeys(("ReLU", "LeakyReLU", "PReLU", "ELU", "Softsign", "Relu", "Tanh", "Sigmoid"), 1),
    **dict.fromkeys(("Negative", "Sign", "Absolute", "Abs", "Log", "Log1p", "Exp", "Sqrt", "Square"), 1),
    # scale and shift, as both are known when it is applied
    **dict.fromkeys(("BatchNormalization", "Rescaling", "Normalization"), 2),
    **dict.fromkeys(("Where", "Equal", "Greater", "LogicalAnd", "LogicalOr", "FloorDivide", "Mod"), 1),
    "Cumsum": 1,
    "Clip": 2,
    "Softmax": 3,
    # mean, variance (2), subtraction, division, scale, shift
    **dict.fromkeys(("LayerNormalization", "GroupNormalization"), 7),
}
# Of each unit and row: sums, activations, and products of gates with states.
_GATES = {"SimpleRNN": 3, "LSTM": 17, "GRU": 14}
_MERGES = {"Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Average", "Maximum", "Minimum"}
_LAYERS: dict[str, Callable[[Any, Shape, Shape], int]] = {
    "Dense": _dense,
    **dict.fromkeys(("Sum", "Mean", "Max", "Any"), _global_pooling),
    # one comparison with each value: what is kept is sorted besides
    "TopK": _global_pooling,
    "Matmul": _product,
    "Activation": _nothing_more,
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D"), _convolution),
    **{f"{kind}Pooling{rank}D": _pooling for kind in ("Max", "Average") for rank in (1, 2, 3)},
    **{f"Global{kind}Pooling{rank}D": _global_pooling for kind in ("Max", "Average") for rank in (1, 2, 3)},
}
