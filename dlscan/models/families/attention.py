"""The encoder of a transformer.

A. Vaswani et al., "Attention is all you need", arXiv:1706.03762. Rows are normalised before each part, not
behind it, which trains without a warm-up: R. Xiong et al., arXiv:2002.04745.
"""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config.families import Attention
from dlscan.models.backend import keras
from dlscan.models.layers import activated, started
from dlscan.models.rows import dropped, pooled, rows_of_inputs

# Wavelengths of the sines go from 2 pi rows to so many times as much.
_LONGEST = 10_000.0


def _body(tensor: Any, mask: Any, name: str, parameters: Attention, seed: int) -> Any:
    tensor = _dense(tensor, parameters.width, f"{name}-embedded", parameters, seed)
    tensor = _placed(tensor, name, parameters, seed)
    for number in range(1, parameters.layers + 1):
        part = f"{name}-attention_{number}"
        tensor = tensor + dropped(
            _attended(_normed(tensor, part), mask, part, parameters, seed), part, parameters, seed
        )
        part = f"{name}-feed_{number}"
        hidden = _dense(
            _normed(tensor, part), parameters.expansion * parameters.width, f"{part}_wide", parameters, seed
        )
        hidden = _dense(
            activated(hidden, f"{part}_wide", parameters), parameters.width, part, parameters, seed
        )
        tensor = tensor + dropped(hidden, part, parameters, seed)
    return pooled(_normed(tensor, f"{name}-rows"), mask, parameters.pooling)


def _attended(tensor: Any, mask: Any, name: str, parameters: Attention, seed: int) -> Any:
    """What each row takes of all rows that are there."""
    ops, (length, width) = keras.ops, tensor.shape[1:]
    share = width // parameters.heads

    def heads(part: str) -> Any:
        made = _dense(tensor, width, f"{name}_{part}", parameters, seed)
        return ops.transpose(ops.reshape(made, (-1, length, parameters.heads, share)), (0, 2, 1, 3))

    query, key, value = heads("query"), heads("key"), heads("value")
    # exponentials of large numbers: 16 bits are too few
    fit = ops.cast(ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))), "float32") * share**-0.5
    if mask is not None:
        # an event without any row looks at its first, or at nothing, which is no number
        seen = ops.logical_or(mask, np.arange(length)[None] == 0)
        fit = ops.where(ops.expand_dims(ops.expand_dims(seen, 1), 1), fit, -1e9)
    found = ops.matmul(ops.cast(ops.softmax(fit), value.dtype), value)
    found = ops.reshape(ops.transpose(found, (0, 2, 1, 3)), (-1, length, width))
    return _dense(found, width, f"{name}_joined", parameters, seed)


def _placed(tensor: Any, name: str, parameters: Attention, seed: int) -> Any:
    ops, (length, width) = keras.ops, tensor.shape[1:]
    if parameters.position == "none":
        return tensor
    if parameters.position == "sinusoid":
        return tensor + ops.cast(_sines(length, width)[None], tensor.dtype)
    # the number of each row, of a tensor: layers take nothing else
    place = ops.cumsum(ops.ones_like(tensor[:, :, 0], dtype="int32"), axis=1) - 1
    layer = keras.layers.Embedding(
        length,
        width,
        embeddings_initializer=started(f"{name}-position", parameters, seed),
        name=f"{name}-position",
    )
    return tensor + layer(place)


def _sines(length: int, width: int) -> NDArray[np.float32]:
    """Sines and cosines of the place of a row, with wavelengths that grow."""
    number = np.arange(width)
    phase = np.arange(length)[:, None] / _LONGEST ** (2 * (number // 2) / width)
    return np.where(number % 2 == 0, np.sin(phase), np.cos(phase)).astype(np.float32)


def _normed(tensor: Any, name: str) -> Any:
    return keras.layers.LayerNormalization(name=f"{name}_norm")(tensor)


def _dense(tensor: Any, width: int, name: str, parameters: Attention, seed: int) -> Any:
    return keras.layers.Dense(width, kernel_initializer=started(name, parameters, seed), name=name)(tensor)


features = functools.partial(rows_of_inputs, body=_body)
