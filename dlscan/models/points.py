"""Sparse images as sets of points."""

import math
from typing import Any

from dlscan.models.backend import keras


def points(image: Any, scaled: Any, longest: int) -> tuple[Any, Any]:
    """The cells of an image that are not zero, as a set of points.

    Parameters
    ----------
    image : KerasTensor, (B, *axes)
        Raw values: the cells of the largest magnitudes are taken, the largest first.
    scaled : KerasTensor, (B, *axes)
        The same, scaled.
    longest : int
        Points of an event, at most.

    Returns
    -------
    points : KerasTensor, (B, T, axes + 1)
        T is `longest`, or the number of cells where there are fewer. Of each point its place along each axis,
        from -1 to 1, and its scaled value; zeros follow.
    mask : KerasTensor, (B, T) of bool
        Which are there.
    """
    ops, axes = keras.ops, tuple(image.shape[1:])
    cells = math.prod(axes)
    sizes, index = ops.top_k(ops.abs(ops.reshape(image, (-1, cells))), min(longest, cells))
    mask = sizes > 0
    value = ops.take_along_axis(ops.reshape(scaled, (-1, cells)), index, axis=1)
    index = ops.cast(index, "int32")
    columns = [
        ops.cast(index // math.prod(axes[number + 1 :]) % length, "float32") * (2 / max(length - 1, 1)) - 1.0
        for number, length in enumerate(axes)
    ]
    found = ops.stack([*columns, value], axis=-1)
    return ops.where(ops.expand_dims(mask, -1), found, 0.0), mask
