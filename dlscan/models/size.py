"""What training a network takes, counted from the layers that its family built."""

import math
from collections.abc import Iterator
from typing import Any

from dlscan.config.models import NetworkSize
from dlscan.models.backend import keras

# They move values, and keep none for the gradients.
_MOVE = {
    *("InputLayer", "Flatten", "Reshape", "Permute", "Concatenate", "Identity", "RepeatVector"),
    *("ExpandDims", "Squeeze", "Stack", "Transpose", "Cast", "GetItem"),
    *("UpSampling1D", "UpSampling2D", "UpSampling3D"),
    *("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "Cropping1D", "Cropping2D", "Cropping3D"),
}
_PRODUCTS = {"Matmul", "Dot", "Einsum", "Tensordot", "Inner"}


def size_of(network: Any, outputs: int) -> NetworkSize:
    """What a network takes with an output layer of so many numbers behind it.

    Multiply-adds are those of products of matrices. Where a layer is not known they are estimated from its
    weights, each of which is used once in every position of an image or a sequence.

    Parameters
    ----------
    network : keras.Model
        Scaled inputs to features (B, F).
    outputs : int
        Of all heads together.
    """
    weights = sum(math.prod(weight.shape) for weight in network.trainable_weights)
    features = _count(network.outputs[0])
    uses = list(_uses(network))
    products = sum(_multiplications(*use) for use in uses)
    # the scaled inputs, what each layer makes of them, and logits and what they become
    values = sum(_count(tensor) for tensor in network.inputs) + sum(_values(*use) for use in uses)
    return NetworkSize(
        weights + (features + 1) * outputs, products + features * outputs, values + 2 * outputs
    )


def _uses(network: Any) -> Iterator[tuple[Any, list[Any], list[Any]]]:
    """Each use of a layer or operation, with what it takes and gives; those of networks within it too."""
    for node in [node for nodes in network._nodes_by_depth.values() for node in nodes]:
        if isinstance(node.operation, keras.Model) and hasattr(node.operation, "_nodes_by_depth"):
            yield from _uses(node.operation)
        elif type(node.operation).__name__ not in _MOVE and not _only_marks(node.operation):
            yield node.operation, node.input_tensors, node.output_tensors


def _multiplications(operation: Any, taken: list[Any], given: list[Any]) -> int:
    kind, matrices = type(operation).__name__, _matrices(operation)
    if kind in _PRODUCTS:
        return _count(given[0]) * int(taken[0].shape[-1] or 1)
    if kind in ("Conv1D", "Conv2D", "Conv3D"):
        return int(math.prod(operation.kernel.shape[:-1])) * _count(given[0])
    return sum(math.prod(shape) for shape in matrices) * _positions(taken, given)


def _values(operation: Any, taken: list[Any], given: list[Any]) -> int:
    own = sum(_count(tensor) for tensor in given)
    matrices = _matrices(operation)
    # a layer of several products, such as attention, keeps the result of each
    inner = sum(shape[-1] for shape in matrices) * _positions(taken, given) if len(matrices) > 1 else 0
    return own + inner


def _matrices(operation: Any) -> list[tuple[int, ...]]:
    """The shapes of the weights that values are multiplied by; scales and shifts are no matrices."""
    if type(operation).__name__ == "Embedding":
        return []  # of which a line is looked up
    weights = getattr(operation, "trainable_weights", ())
    return [tuple(weight.shape) for weight in weights if len(weight.shape) > 1]


def _positions(taken: list[Any], given: list[Any]) -> int:
    return max(math.prod(_shape(tensor)[:-1]) for tensor in (*taken[:1], *given[:1]))


def _count(tensor: Any) -> int:
    return math.prod(_shape(tensor))


def _shape(tensor: Any) -> tuple[int, ...]:
    """Of an event; a length that is not fixed counts as one."""
    return tuple(length or 1 for length in tensor.shape[1:])


def _only_marks(operation: Any) -> bool:
    """Whether it is the layer behind which the network of a user begins."""
    return isinstance(operation, keras.layers.Activation) and operation.name.endswith("-scaled")
