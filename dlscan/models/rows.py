"""Parts of networks that take an event as rows, (B, T, F): sequences and sets.

Masks (B, T) say which rows are there; they are the first ones. Whatever stands in the others changes nothing.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from dlscan.config.families.parts import images_and_vectors
from dlscan.config.families.sequences import Recurrent
from dlscan.models.backend import keras
from dlscan.models.inputs import Inputs
from dlscan.models.layers import MOMENTUM, activated, joined, random_name, shapes_of, started
from dlscan.models.seeds import layer_seed

# What makes features (B, N) of rows: (rows, mask or None, name of the input, parameters, seed).
Body = Callable[[Any, Any, str, Any, int], Any]

_RECURRENT = {"rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}


def rows_of_inputs(inputs: Inputs, parameters: Any, seed: int, body: Body) -> Any:
    """A body for each input with rows, joined with the vectors, and dense layers.

    Parameters
    ----------
    inputs : Inputs
        Scaled.
    parameters : Rows
        Of the family.
    seed : int
        Of initial weights and dropout.
    body : callable
        Takes rows (B, T, F), their mask or None, the name of the input, `parameters` and `seed`.

    Returns
    -------
    KerasTensor, (B, features)
    """
    names, _ = images_and_vectors(shapes_of(inputs))
    bodies = {
        name: body(rows(inputs[name], name, parameters), inputs.masks.get(name), name, parameters, seed)
        for name in names
    }
    return joined(bodies, inputs, parameters, seed)


def rows(tensor: Any, name: str, parameters: Any) -> Any:
    """An input as rows (B, T, F), see `Rows`."""
    shape = tuple(tensor.shape[1:])
    if len(shape) > 2 and parameters.along:
        order = [axis + 1 for axis in range(len(shape)) if axis != parameters.along]
        tensor = keras.layers.Permute((parameters.along + 1, *order), name=f"{name}-along")(tensor)
    if len(shape) == 2:
        return tensor
    return keras.layers.Reshape(parameters.rows(shape), name=f"{name}-rows")(tensor)


def recurrent_body(kind: str) -> Body:
    """Recurrent layers "rnn", "lstm" or "gru", one behind the other."""

    def body(tensor: Any, mask: Any, name: str, parameters: Recurrent, seed: int) -> Any:
        for number in range(1, parameters.layers + 1):
            whole = number < parameters.layers
            tensor = recurrent(
                tensor,
                parameters.units,
                f"{name}-{kind}_{number}",
                parameters,
                seed,
                kind,
                mask,
                parameters.bidirectional,
                whole,
            )
            if whole:
                tensor = dropped(tensor, f"{name}-{kind}_{number}", parameters, seed)
        return tensor

    return body


def recurrent(
    tensor: Any,
    units: int,
    name: str,
    parameters: Any,
    seed: int,
    kind: str = "lstm",
    mask: Any = None,
    bidirectional: bool = False,
    whole: bool = False,
) -> Any:
    """A recurrent layer.

    The rows that are there are the first ones, so that missing ones come too late to change their states.
    Keras' own masks would do the same, but GPUs refuse an event without any row.

    Parameters
    ----------
    tensor : KerasTensor, (B, T, F)
        Rows.
    units : int
        Of the layer, for each way.
    name : str
        Of the layer.
    parameters : dataclass
        With `initializer`.
    seed : int
        Of initial weights.
    kind : {"rnn", "lstm", "gru"}
        Which layer.
    mask : KerasTensor, (B, T), optional
        Which rows are there.
    bidirectional : bool
        Whether another layer goes through the rows from the last to the first.
    whole : bool
        Whether to give the states of all rows, (B, T, units), rather than the last, (B, units).
    """
    states = _one_way(tensor, units, name, parameters, seed, kind, mask, whole)
    if not bidirectional:
        return states
    back = _one_way(_reversed(tensor, mask), units, f"{name}_back", parameters, seed, kind, mask, whole)
    both = [states, _reversed(back, mask) if whole else back]
    return keras.layers.Concatenate(name=f"{name}_both")(both)


def _one_way(
    tensor: Any, units: int, name: str, parameters: Any, seed: int, kind: str, mask: Any, whole: bool
) -> Any:
    own = layer_seed(seed, f"{random_name(name)}_state")
    layer = getattr(keras.layers, _RECURRENT[kind])(
        units,
        return_sequences=whole or mask is not None,
        kernel_initializer=started(name, parameters, seed),
        recurrent_initializer=keras.initializers.Orthogonal(seed=own),
        name=name,
    )
    states = layer(tensor)
    if whole or mask is None:
        return states
    # of the last row that is there; zeros without any
    lengths = keras.ops.sum(keras.ops.cast(mask, "int32"), axis=1, keepdims=True)
    last = keras.ops.equal(lengths, np.arange(1, tensor.shape[1] + 1, dtype=np.int32)[None])
    return keras.ops.sum(keras.ops.where(keras.ops.expand_dims(last, -1), states, 0), axis=1)


def _reversed(tensor: Any, mask: Any) -> Any:
    """Rows in the other order, missing ones behind them as before."""
    ops = keras.ops
    if mask is None:
        return ops.flip(tensor, axis=1)
    places = np.arange(tensor.shape[1], dtype=np.int32)[None]
    lengths = ops.sum(ops.cast(mask, "int32"), axis=1, keepdims=True)
    return gathered(tensor, ops.where(mask, lengths - 1 - places, places))


def gathered(tensor: Any, index: Any) -> Any:
    """Rows of each event by their numbers: (B, ..., F) of (B, T, F) and (B, ...)."""
    ops, (length, width) = keras.ops, tensor.shape[1:]
    ones = ops.ones_like(index)
    for _ in index.shape[2:]:
        ones = ones[:, :, 0]
    first = (ops.cumsum(ones[:, :1], axis=0) - 1) * length
    for _ in index.shape[2:]:
        first = ops.expand_dims(first, -1)
    # in this order: with TensorFlow, Keras takes a second term (B, 1, 1) for a bias of B channels
    return ops.take(ops.reshape(tensor, (-1, width)), first + index, axis=0)


def layer_of_rows(tensor: Any, width: int, name: str, parameters: Any, seed: int, mask: Any = None) -> Any:
    """A dense layer on each row, with normalisation and activation as `parameters` say."""
    layer = keras.layers.Dense(width, kernel_initializer=started(name, parameters, seed), name=name)
    return activated(normed(layer(tensor), name, parameters, mask), name, parameters)


def normed(tensor: Any, name: str, parameters: Any, mask: Any = None) -> Any:
    """The normalisation behind the layer `name`: over the features of a row, or over the rows of a batch.

    Missing rows do not count.
    """
    if parameters.norm == "none":
        return tensor
    if parameters.norm == "layer":
        return keras.layers.LayerNormalization(name=f"{name}_norm")(tensor)
    return keras.layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")(tensor, mask=mask)


def pooled(tensor: Any, mask: Any, kind: str) -> Any:
    """What is kept of the rows that are there: (B, F) of (B, T, F), or of more axes before the last two.

    Of no row at all it is 0. It is computed in float32: a sum of many rows is more than 16 bits hold.
    """
    ops, tensor = keras.ops, keras.ops.cast(tensor, "float32")
    if mask is None:
        return getattr(ops, kind)(tensor, axis=-2)
    there = ops.expand_dims(mask, -1)
    if kind == "max":
        least = float(np.finfo(np.float32).min)
        largest = ops.max(ops.where(there, tensor, least), axis=-2)
        return ops.where(ops.any(there, axis=-2), largest, 0.0)
    total = ops.sum(ops.where(there, tensor, 0.0), axis=-2)
    if kind == "sum":
        return total
    return total / ops.maximum(ops.sum(ops.cast(there, "float32"), axis=-2), 1.0)


def dropped(tensor: Any, name: str, parameters: Any, seed: int) -> Any:
    """Dropout behind the layer `name`, if `parameters` say so."""
    if not parameters.dropout:
        return tensor
    own = layer_seed(seed, f"{random_name(name)}_drop")
    return keras.layers.Dropout(parameters.dropout, seed=own, name=f"{name}_drop")(tensor)
