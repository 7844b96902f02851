"""What several values of an event come to: their sum, the largest, whether any is true."""

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclasses.dataclass(frozen=True)
class Ragged:
    """Values of constituents, of which each event has its own number.

    Attributes
    ----------
    offsets : ndarray of int64, (n + 1,)
        Event i has the values from offsets[i] to offsets[i + 1].
    values : ndarray, (constituents,)
        All of them, event by event.
    """

    offsets: Array
    values: Array


def reduced(name: str, values: Array | Ragged) -> Array:
    """One value for each event.

    Parameters
    ----------
    name : {"any", "all", "count", "len", "sum", "mean", "min", "max"}
        How. What is not a number stands for no constituent: the last four leave nan out.
    values : ndarray, (n, ...), or Ragged
        Of n events.

    Returns
    -------
    ndarray, (n,)
        The mean, the least and the greatest of no values are nan.
    """
    if isinstance(values, Ragged):
        return _reduce_ragged(name, values)
    return _reduce_last(name, values.reshape(len(values), math.prod(values.shape[1:])))


def _reduce_last(name: str, values: Array) -> Array:
    found: Any
    match name:
        case "any":
            found = values.any(axis=1)
        case "all":
            found = values.all(axis=1)
        case "count":
            found = np.count_nonzero(values, axis=1)
        case "len":
            found = np.full(len(values), values.shape[1])
        case "sum":
            found = values.sum(axis=1, dtype=_wide_type(values))
            if np.isnan(found).any():
                found = np.nansum(values, axis=1, dtype=np.float64)
        case "mean":
            found = _reduce_last("sum", values) / np.count_nonzero(values == values, axis=1)
        case "min":
            found = np.fmin.reduce(values, axis=1)
        case "max":
            found = np.fmax.reduce(values, axis=1)
    return np.asarray(found)


def _reduce_ragged(name: str, ragged: Ragged) -> Array:
    counts, values = np.diff(ragged.offsets), ragged.values
    if name == "len":
        return counts
    if name == "mean":
        there = Ragged(ragged.offsets, values == values)
        return _reduce_ragged("sum", ragged) / _reduce_ragged("count", there)
    kinds: dict[str, tuple[Any, Any, Array]] = {
        "any": (np.logical_or, False, values),
        "all": (np.logical_and, True, values),
        "count": (np.add, 0, values.astype(np.int64)),
        "sum": (np.add, 0, np.where(values == values, values, 0).astype(_wide_type(values))),
        "min": (np.fmin, np.nan, values),
        "max": (np.fmax, np.nan, values),
    }
    function, empty, values = kinds[name]
    some = counts > 0
    found = np.full(len(counts), empty, np.result_type(values.dtype, type(empty)))
    if some.any():
        found[some] = function.reduceat(values, ragged.offsets[:-1][some])
    return found


def _wide_type(values: Array) -> type:
    """In which numbers are added without a loss."""
    return np.float64 if values.dtype.kind == "f" else np.int64
