"""Normalisation as part of the network: raw events in, so that a saved network needs nothing beside it.

Only operations of Keras itself are used: a saved network opens where dlscan is not installed.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config import Normalization
from dlscan.dataset import RANKS, Statistics
from dlscan.errors import ConfigError
from dlscan.models.backend import keras

Floats = NDArray[Any]

# Neighbours that are closer than this have one rank: the inverse would be infinite in float32.
_LEAST_WIDTH = 1e-37


def normalize(raw: Any, how: Normalization, measured: Statistics, mask: Any = None) -> Any:
    """Scale an input.

    Parameters
    ----------
    raw : KerasTensor, (B, ...)
        Raw values.
    how : Normalization
        Its kind, and the factor that multiplies the raw values first.
    measured : Statistics
        Of the raw values over the training split.
    mask : KerasTensor, (B, T), optional
        Which rows of `raw`, (B, T, F), are there: the others are exactly 0.

    Returns
    -------
    KerasTensor, (B, ...), float32
    """
    scaled = _scaled(raw, how, measured)
    return scaled if mask is None else keras.ops.where(keras.ops.expand_dims(mask, -1), scaled, 0.0)


def _scaled(raw: Any, how: Normalization, measured: Statistics) -> Any:
    factor = 1.0 if how.factor is None else how.factor
    match how.kind:
        case "none":
            return _times(raw, factor)
        case "scale":
            return _times(raw, 1 / (measured.magnitude or 1) if how.factor is None else factor)
        # these two undo any factor, so that it need not be applied
        case "standard":
            return _shifted(raw, measured.mean, measured.std)
        case "minmax":
            span = np.subtract(measured.maximum, measured.minimum)
            return _shifted(raw, measured.minimum, span)
        case "log":
            x = _times(raw, factor)
            return keras.ops.sign(x) * keras.ops.log1p(keras.ops.abs(x))
        case "tanh-log":
            # tanh(log(1 + x) / 2) is exactly x / (x + 2), the softsign of x / 2, and that is cheap
            return keras.ops.softsign(_times(raw, factor / 2))
        case "quantile":
            return _ranked(raw, measured)
    raise ConfigError(f"data.normalize: {how.kind!r} is not a normalisation")


def _times(raw: Any, factor: float) -> Any:
    return raw if factor == 1 else raw * factor


def _shifted(raw: Any, origin: Any, width: Any) -> Any:
    """(raw - origin) / width. Subtracted before it is scaled: values far from zero keep their digits."""
    return _linear(raw, constant(origin), 1 / width_of(origin, width))


def width_of(origin: Any, width: Any) -> Floats:
    """What values are divided by: what varies by less than float32 can tell is a constant with rounding."""
    # its noise must not be blown up
    return np.where(np.asarray(width) > 1e-7 * np.abs(origin), width, 1.0)


def _ranked(raw: Any, measured: Statistics) -> Any:
    """The rank of each feature among the training events, linear between quantiles, as a unit of variance."""
    if not measured.quantiles:
        raise ConfigError(
            "data.normalize: quantile needs a vector whose quantiles `dlscan prepare` has "
            "measured; run it again"
        )
    shape = len(measured.quantiles), len(RANKS) - 1
    # a feature with fewer steps than others has some of no height
    start, width, height, first = np.zeros(shape), np.ones(shape), np.zeros(shape), np.zeros(shape[0])
    for number, knots in enumerate(measured.quantiles):
        first[number], *steps = rank_steps(np.array(knots, np.float32))
        for place, values in zip((start, width, height), steps, strict=True):
            place[number, : len(values)] = values
    return steps_up(raw, start, 1 / width, height, first)


def steps_up(values: Any, start: Floats, slope: Floats, height: Floats, first: Floats) -> Any:
    """`first` (F,) and the steps (F, S) that values (B, F) have gone up, each linear from its start."""
    ops = keras.ops
    way = ops.clip(_linear(ops.expand_dims(values, -1), constant(start), slope), 0.0, 1.0)
    return ops.add(ops.sum(ops.multiply(way, constant(height)), axis=-1), constant(first))


def _linear(values: Any, origin: Any, slope: Any) -> Any:
    # by functions: PyTorch has no difference of a tensor and an array
    return keras.ops.multiply(keras.ops.subtract(values, origin), constant(slope))


def rank_steps(knots: Floats) -> tuple[float, Floats, Floats, Floats]:
    """A rank as a sum of steps: where it begins, and where each step begins, how wide and how high it is.

    A value that many events have is several quantiles at once, and has their mean rank.
    """
    values, first, count = np.unique(knots, return_index=True, return_counts=True)
    ranks = (np.take(RANKS, first) + np.take(RANKS, first + count - 1)) / 2
    # uniform numbers between 0 and 1 have a variance of 1/12
    ranks = (ranks - 0.5) * 12**0.5
    widths = np.diff(values.astype(np.float64))
    wide = widths > _LEAST_WIDTH
    return float(ranks[0]), values[:-1][wide], widths[wide], np.diff(ranks)[wide]


def constant(values: Any) -> Any:
    """A number for the whole input, or one for each feature."""
    array = np.asarray(values, np.float32)
    return float(array.item()) if array.size == 1 else array
