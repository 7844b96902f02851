"""Normalisation as part of the network: raw events in, so that a saved network needs nothing beside it.

Only operations of Keras itself are used: a saved network opens where dlscan is not installed.
"""

from typing import Any

import numpy as np

from dlscan.config import Normalization
from dlscan.dataset import Statistics
from dlscan.errors import ConfigError
from dlscan.models.backend import keras


def normalize(raw: Any, how: Normalization, measured: Statistics) -> Any:
    """Scale an input.

    Parameters
    ----------
    raw : KerasTensor, (B, ...)
        Raw values.
    how : Normalization
        Its kind, and the factor that multiplies the raw values first.
    measured : Statistics
        Of the raw values over the training split.

    Returns
    -------
    KerasTensor, (B, ...), float32
    """
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
    raise ConfigError(f"data.normalize: {how.kind!r} is not a normalisation")


def _times(raw: Any, factor: float) -> Any:
    return raw if factor == 1 else raw * factor


def _shifted(raw: Any, origin: Any, width: Any) -> Any:
    """(raw - origin) / width. Subtracted before it is scaled: values far from zero keep their digits."""
    # what varies by less than float32 can tell is a constant with rounding: its noise must not be blown up
    width = np.where(np.asarray(width) > 1e-7 * np.abs(origin), width, 1.0)
    return (raw - _constant(origin)) * _constant(1 / width)


def _constant(values: Any) -> Any:
    """A number for the whole input, or one for each feature."""
    array = np.asarray(values, np.float32)
    return float(array.item()) if array.size == 1 else array
