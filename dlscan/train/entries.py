"""Sparse inputs on their way to the device: entries of a fixed length, and dense again on the other side."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlscan.models import keras
from dlscan.stream import SparseRows

# A compiled step serves one length only, and the number of entries differs by a few percent between batches.
_HEADROOM, _GRAIN = 1.06, 4096


class Entries(NamedTuple):
    """The entries of a sparse input, three tensors of one length.

    Attributes
    ----------
    rows, index : int32, (E,)
        The event of each entry, and its cell in the flattened event. Padding has the event after the last.
    value : float32, (E,)
        The raw values.
    """

    rows: Any
    index: Any
    value: Any


class Padding:
    """Pads the entries of each input to a length that grows seldom, so that steps are compiled seldom."""

    def __init__(self) -> None:
        self._lengths: dict[str, int] = {}

    def pad(self, name: str, entries: SparseRows, events: int) -> SparseRows:
        """The entries of input `name` in a batch of `events` events, and padding."""
        wanted = len(entries.rows)
        if wanted > self._lengths.get(name, -1):
            self._lengths[name] = -(-int(wanted * _HEADROOM + 1) // _GRAIN) * _GRAIN
        return SparseRows(
            self._padded(name, entries.rows, events),
            self._padded(name, entries.index, 0),
            self._padded(name, entries.value, 0),
        )

    def _padded(self, name: str, array: NDArray[Any], padding: int) -> NDArray[Any]:
        padded = np.empty(self._lengths[name], array.dtype)
        padded[: len(array)] = array
        padded[len(array) :] = padding
        return padded


def dense(inputs: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], events: Any) -> dict[str, Any]:
    """Inputs with all entries in their places.

    Parameters
    ----------
    inputs : mapping of str to (tensor or Entries)
        As fed.
    shapes : mapping of str to tuple of int
        Of one event, for each input that is wanted.
    events : int or tensor
        Of the batch.

    Returns
    -------
    dict of str to tensor, each (events, *shape)
    """
    return {
        name: _dense(values, shapes[name], events) if isinstance(values, Entries) else values
        for name, values in inputs.items()
        if name in shapes
    }


def _dense(entries: Entries, shape: tuple[int, ...], events: Any) -> Any:
    places = keras.ops.stack([entries.rows, entries.index], axis=1)
    # `keras.ops.scatter` is a loop over entries on PyTorch. One row more than events takes the padding.
    empty = keras.ops.zeros((events + 1, math.prod(shape)), "float32")
    filled = keras.ops.scatter_update(empty, places, entries.value)[:-1]
    return keras.ops.reshape(filled, (-1, *shape))
