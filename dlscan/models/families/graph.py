"""Graph networks of edge convolutions.

Y. Wang et al., "Dynamic graph CNN for learning on point clouds", arXiv:1801.07829; H. Qu, L. Gouskos,
"ParticleNet: jet tagging via particle clouds", arXiv:1902.08570. Here layers are normalised over the features
of an edge: means over a batch would be those of padding too, unless they have a mask (`norm: batch`).
"""

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config.explained import explained
from dlscan.config.families import Graph
from dlscan.config.families.parts import images_and_vectors
from dlscan.config.source import InFile
from dlscan.errors import ConfigError
from dlscan.models.backend import keras
from dlscan.models.from_file import registered
from dlscan.models.inputs import Inputs
from dlscan.models.layers import activated, shapes_of, started
from dlscan.models.rows import dropped, gathered, layer_of_rows, normed, pooled, rows_of_inputs

# Distances in so few dimensions are sums of squares of differences: exact, also where products are rounded.
_FEW = 8
_FAR = 1e30


def features(inputs: Inputs, parameters: Graph, seed: int) -> Any:
    """Build edge convolutions for each input with rows or cells, and dense layers behind.

    Parameters
    ----------
    inputs : Inputs
        Scaled, (B, ...) each.
    parameters : Graph
        Blocks, neighbours and so on.
    seed : int
        Of initial weights and dropout.

    Returns
    -------
    KerasTensor, (B, features)
    """
    fixed = {}
    images, _ = images_and_vectors(shapes_of(inputs))
    if parameters.adjacency == "grid":
        fixed = {name: grid(tuple(inputs[name].shape[1:])) for name in images}
        inputs = Inputs(
            {name: _cells(inputs[name], name) if name in fixed else inputs[name] for name in inputs}
        )
    elif isinstance(parameters.adjacency, InFile):
        rows = {name: parameters.rows(tuple(inputs[name].shape[1:]))[0] for name in images}
        fixed = {name: own_edges(parameters.adjacency, count) for name, count in rows.items()}

    def body(tensor: Any, mask: Any, name: str, parameters: Graph, seed: int) -> Any:
        own = fixed.get(name)
        place = tensor
        if parameters.coordinates != "all":
            place = keras.ops.stack([tensor[..., each] for each in parameters.coordinates], axis=-1)
        for number, width in enumerate(parameters.blocks, start=1):
            block = f"{name}-block_{number}"
            edges = nearest(place, mask, parameters.neighbours) if own is None else own
            tensor = place = edge_convolution(tensor, mask, edges, width, block, parameters, seed)
            tensor = dropped(tensor, block, parameters, seed)
        return pooled(tensor, mask, parameters.pooling)

    return rows_of_inputs(inputs, parameters, seed, body)


def nearest(place: Any, mask: Any, count: int) -> tuple[Any, Any] | None:
    """The nearest other rows of each row.

    Parameters
    ----------
    place : KerasTensor, (B, T, D)
        Where they are.
    mask : KerasTensor, (B, T), or None
        Which are there.
    count : int
        How many.

    Returns
    -------
    index : KerasTensor of int, (B, T, K)
        Their numbers; K is no more than there are others.
    there : KerasTensor of bool, (B, T, K)
        Which of them exist; or None where all do. The whole is None for a single row.
    """
    ops, (length, axes) = keras.ops, place.shape[1:]
    count = min(count, length - 1)
    if not count:
        return None
    place = ops.stop_gradient(ops.cast(place, "float32"))
    if axes <= _FEW:
        apart = ops.sum(ops.square(ops.expand_dims(place, 2) - ops.expand_dims(place, 1)), axis=-1)
    else:
        square = ops.sum(ops.square(place), axis=-1)
        product = ops.matmul(place, ops.transpose(place, (0, 2, 1)))
        # no sum: with TensorFlow, Keras takes a second term (1, 1, T) for a bias
        apart = ops.expand_dims(square, 2) - (2 * product - ops.expand_dims(square, 1))
    others = ~np.eye(length, dtype=bool)[None]
    if mask is None:
        return ops.cast(ops.top_k(-ops.where(others, apart, _FAR), count)[1], "int32"), None
    there = ops.logical_and(others, ops.logical_and(ops.expand_dims(mask, 1), ops.expand_dims(mask, 2)))
    far, index = ops.top_k(-ops.where(there, apart, _FAR), count)
    return ops.cast(index, "int32"), far > -_FAR / 2


def edge_convolution(
    tensor: Any, mask: Any, edges: Any, width: int, name: str, parameters: Graph, seed: int
) -> Any:
    """What rows become by what they find at their neighbours.

    The first layer on an edge takes a row and its difference to a neighbour. It is a layer of the row and one
    of the neighbour, and is computed once for each of them.

    Parameters
    ----------
    tensor : KerasTensor, (B, T, F)
        Rows.
    mask : KerasTensor, (B, T), or None
        Which are there.
    edges : tuple of (index, there), or None
        As of `nearest`, of `grid` or of `own_edges`.
    width : int
        Of each layer.
    name : str
        Of the block.
    parameters : Graph
        Depth, normalisation and so on.
    seed : int
        Of initial weights.

    Returns
    -------
    KerasTensor, (B, T, width)
    """
    ops = keras.ops
    total = _dense(tensor, width, f"{name}_shortcut", parameters, seed)
    if edges is not None:
        index, there = edges
        own = _dense(tensor, width, f"{name}_own", parameters, seed)
        other = _dense(tensor, width, f"{name}_other", parameters, seed, bias=False)
        if isinstance(index, np.ndarray):
            found = ops.reshape(ops.take(other, index.ravel(), axis=1), (-1, *index.shape, width))
            # the mask of a normalisation has an axis of events
            there = ops.logical_and(ops.ones_like(tensor[..., :1], dtype="bool"), there[None])
        else:
            found = gathered(other, index)
        layer = f"{name}_edge_1"
        edge = activated(normed(ops.expand_dims(own, 2) + found, layer, parameters, there), layer, parameters)
        for number in range(2, parameters.depth + 1):
            edge = layer_of_rows(edge, width, f"{name}_edge_{number}", parameters, seed, there)
        total = total + ops.cast(pooled(edge, there, parameters.aggregation), total.dtype)
    return activated(total, name, parameters)


def grid(shape: tuple[int, ...]) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """The cells beside each cell of a flattened image: their numbers and which exist, (cells, 2 axes)."""
    places = np.indices(shape).reshape(len(shape), -1)
    index, there = [], []
    for axis, step in itertools.product(range(len(shape)), (-1, 1)):
        moved = places.copy()
        moved[axis] += step
        inside = (moved[axis] >= 0) & (moved[axis] < shape[axis])
        moved[axis] = np.where(inside, moved[axis], places[axis])
        index.append(np.ravel_multi_index(tuple(moved), shape))
        there.append(inside)
    return np.stack(index, axis=1).astype(np.int32), np.stack(there, axis=1)


def own_edges(function: InFile, rows: int) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """The neighbours of each row by a function of the user: their numbers and which exist, (rows, most).

    Edges go both ways, and count once however often they are named.

    Raises
    ------
    ConfigError
        If the function fails, or does not give pairs of different rows; it names file and line.
    """
    line = function.source.function(function.function, "").lineno
    with registered(function.source) as module, explained(function.source, line):
        found = np.asarray(getattr(module, function.function)(rows))
    where = f"{function.source.path}:{line}: {function.function}"
    if found.ndim != 2 or found.shape[1] != 2 or found.dtype.kind not in "iu" or not len(found):
        raise ConfigError(
            f"{where} must return pairs of whole numbers, (E, 2), got {found.dtype} of shape {found.shape}"
        )
    wrong = (found < 0) | (found >= rows)
    if wrong.any():
        raise ConfigError(f"{where} names row {found[wrong][0]}, and rows are 0 to {rows - 1}")
    same = found[:, 0] == found[:, 1]
    if same.any():
        raise ConfigError(f"{where} has an edge from row {found[same][0, 0]} to itself; leave it out")
    pairs = np.unique(np.concatenate([found, found[:, ::-1]]).astype(np.int32), axis=0)
    first, counts = np.unique(pairs[:, 0], return_counts=True)
    column = np.concatenate([np.arange(count) for count in counts])
    index = np.repeat(np.arange(rows, dtype=np.int32)[:, None], counts.max(), axis=1)
    there = np.zeros(index.shape, bool)
    index[np.repeat(first, counts), column] = pairs[:, 1]
    there[np.repeat(first, counts), column] = True
    return index, there


def _cells(image: Any, name: str) -> Any:
    """Each cell as a row: where it is along each axis, from -1 to 1, and its value."""
    ops, shape = keras.ops, tuple(image.shape[1:])
    value = keras.layers.Reshape((math.prod(shape), 1), name=f"{name}-cells")(image)
    last = np.maximum(np.array(shape, np.float32) - 1, 1)
    places = 2 * np.indices(shape).reshape(len(shape), -1).T / last - 1
    where = ops.zeros_like(value) + ops.cast(places[None], value.dtype)
    return ops.concatenate([where, value], axis=-1)


def _dense(tensor: Any, width: int, name: str, parameters: Graph, seed: int, bias: bool = True) -> Any:
    start = started(name, parameters, seed)
    return keras.layers.Dense(width, use_bias=bias, kernel_initializer=start, name=name)(tensor)
