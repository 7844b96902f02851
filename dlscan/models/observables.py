"""What a physicist looks at in events: a few numbers of each, by which generated ones are judged."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from dlscan.models.backend import keras

ENERGY, LAYERS, RADIUS, DEPTH, OCCUPANCY = "Energy", "Layers", "Radius", "Depth", "Occupancy"


def observables(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers of raw events.

    Parameters
    ----------
    inputs : mapping of str to KerasTensor, (B, ...)
        Raw values, by name.

    Returns
    -------
    dict of str to KerasTensor, (B, K)
        Of an image `Energy`, the sum of all cells; `Layers`, the sum of each layer along the last axis;
        `Radius`, the mean distance from the barycentre across that axis and its root mean square, in cells;
        `Depth`, mean and spread along that axis; `Occupancy`, the share of the cells above 0. Of a vector
        each feature, `<input>_<n>` from 0. With several inputs the names begin with that of the input.
    """
    found: dict[str, Any] = {}
    for name, tensor in inputs.items():
        if len(tensor.shape) > 2:
            start = f"{name}_" if len(inputs) > 1 else ""
            found |= {f"{start}{own}": values for own, values in _of_image(tensor).items()}
        else:
            flat = keras.ops.reshape(tensor, (-1, math.prod(tensor.shape[1:])))
            found |= {f"{name}_{n}": flat[:, n : n + 1] for n in range(flat.shape[1])}
    return found


def _of_image(image: Any) -> dict[str, Any]:
    ops, axes = keras.ops, tuple(range(1, len(image.shape)))
    layers = ops.sum(image, axis=axes[:-1])
    energy = ops.sum(layers, axis=1, keepdims=True)
    # shares of a cell in the whole; of nothing there is no barycentre
    across = ops.sum(image, axis=axes[-1])
    depth, spread = _moments(layers, energy)
    return {
        ENERGY: energy,
        LAYERS: layers,
        RADIUS: _radii(across, energy),
        DEPTH: ops.concatenate([depth, spread], axis=1),
        OCCUPANCY: ops.mean(ops.cast(image > 0, "float32"), axis=axes)[:, None],
    }


def _share(sums: Any, energy: Any) -> Any:
    return sums / keras.ops.where(keras.ops.equal(energy, 0.0), 1.0, energy)


def _moments(profile: Any, energy: Any) -> tuple[Any, Any]:
    """Mean place and spread, (B, 1) each, of sums along an axis (B, L)."""
    ops, places = keras.ops, np.arange(profile.shape[1], dtype=np.float32)
    mean = _share(ops.sum(profile * places, axis=1, keepdims=True), energy)
    square = _share(ops.sum(profile * ops.square(mean - places), axis=1, keepdims=True), energy)
    # cells below 0 may make it negative
    return mean, ops.sqrt(ops.maximum(square, 0.0))


def _radii(across: Any, energy: Any) -> Any:
    """Mean and root mean square of the distance from the barycentre, (B, 2)."""
    ops, axes = keras.ops, tuple(range(1, len(across.shape)))
    squares: Any = 0.0
    for axis in axes:
        others = tuple(other for other in axes if other != axis)
        profile = ops.sum(across, axis=others) if others else across
        mean, _ = _moments(profile, energy)
        places = np.arange(across.shape[axis], dtype=np.float32)
        shape = (-1, *(across.shape[axis] if other == axis else 1 for other in axes))
        squares = squares + ops.reshape(ops.square(mean - places), shape)
    mean = _share(ops.sum(across * ops.sqrt(squares), axis=axes)[:, None], energy)
    square = _share(ops.sum(across * squares, axis=axes)[:, None], energy)
    return ops.concatenate([mean, ops.sqrt(ops.maximum(square, 0.0))], axis=1)
