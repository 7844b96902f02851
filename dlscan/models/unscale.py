"""Scaling undone: what a generator makes in the units of its network becomes cells as in raw files."""

from typing import Any

import numpy as np

from dlscan.config import Normalization
from dlscan.dataset import RANKS, Statistics
from dlscan.models.backend import keras
from dlscan.models.normalize import constant, normalize, rank_steps, steps_up, width_of

# Beyond that a number is no cell but a network at its start: the exponential would be infinite.
_MOST = 60.0
_NEAR_ONE = 1 - 1e-6


def unscaled(scaled: Any, how: Normalization, measured: Statistics) -> Any:
    """Raw values of an input from scaled ones: the inverse of `normalize`.

    Parameters
    ----------
    scaled : KerasTensor, (B, ...)
        Scaled values.
    how : Normalization
        How raw values are scaled.
    measured : Statistics
        Of the raw values over the training split.

    Returns
    -------
    KerasTensor, (B, ...), float32
    """
    ops, factor = keras.ops, 1.0 if how.factor is None else how.factor
    match how.kind:
        case "none":
            return _over(scaled, factor)
        case "scale":
            return _over(scaled, 1 / (measured.magnitude or 1) if how.factor is None else factor)
        case "standard":
            return _stretched(scaled, measured.mean, measured.std)
        case "minmax":
            span = np.subtract(measured.maximum, measured.minimum)
            return _stretched(scaled, measured.minimum, span)
        case "log":
            return _over(ops.sign(scaled) * ops.expm1(ops.minimum(ops.abs(scaled), _MOST)), factor)
        case "tanh-log":
            inside = ops.clip(scaled, -_NEAR_ONE, _NEAR_ONE)
            return _over(inside / (1.0 - ops.abs(inside)), factor / 2)
        case _:
            return _of_ranks(scaled, measured)


def scaled_zero(shape: tuple[int, ...], how: Normalization, measured: Statistics) -> Any:
    """What scaling makes of a raw 0 in an input of this shape: a number, or one for each feature."""
    zeros = keras.ops.zeros((1, *shape), "float32")
    found = np.asarray(keras.ops.convert_to_numpy(normalize(zeros, how, measured)))[0]
    return float(found.flat[0]) if (found == found.flat[0]).all() else found


def _stretched(scaled: Any, origin: Any, width: Any) -> Any:
    stretched = keras.ops.multiply(scaled, constant(width_of(origin, width)))
    return keras.ops.add(stretched, constant(origin))


def _over(values: Any, factor: float) -> Any:
    return values if factor == 1 else values * (1 / factor)


def _of_ranks(ranks: Any, measured: Statistics) -> Any:
    """The value of each feature at its rank, linear between quantiles."""
    shape = len(measured.quantiles), len(RANKS) - 1
    start, width, height, first = np.zeros(shape), np.zeros(shape), np.ones(shape), np.zeros(shape[0])
    for number, knots in enumerate(measured.quantiles):
        rank, values, widths, heights = rank_steps(np.array(knots, np.float32))
        count = len(values)
        first[number] = knots[0]
        start[number, :count] = rank + np.concatenate([[0.0], np.cumsum(heights)[:-1]])[:count]
        width[number, :count], height[number, :count] = widths, heights
    return steps_up(ranks, start, 1 / height, width, first)
