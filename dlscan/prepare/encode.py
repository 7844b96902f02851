"""Inputs as they are stored."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.dataset import ArraySpec
from dlscan.dataset.events import DenseBlock, RaggedBlock, SparseBlock, offsets_of
from dlscan.raw import Entries, Vectors

Encoded = DenseBlock | SparseBlock | RaggedBlock


def encode(found: NDArray[Any] | Vectors | Entries, spec: ArraySpec) -> Encoded:
    """Encode what was read of an input."""
    if isinstance(found, Vectors):
        return DenseBlock(found.values)
    if isinstance(found, Entries):
        return RaggedBlock(offsets_of(found.counts), found.values)
    # a double beyond float32 becomes infinite, which is refused then
    with np.errstate(over="ignore"):
        dense = found.astype(spec.dtype, copy=False)
    # the memory of the block is used again
    return SparseBlock.encode(dense) if spec.encoding == "sparse" else DenseBlock(dense.copy())


def why_not_finite(name: str, block: Encoded, rows: NDArray[np.int64]) -> str | None:
    """Which of some events, `rows` of a file, has a number that is not finite, in words; None if none has."""
    values = block.values
    finite = np.isfinite(values)
    if finite.all():
        return None
    place = int(np.argmin(finite.reshape(len(values), -1).all(axis=1)))
    row = place if isinstance(block, DenseBlock) else int(np.searchsorted(block.offsets, place, "right")) - 1
    filled = f"; data.inputs: {{{name}: {{fill: 0}}}} puts 0 in the place of nan"
    return f"{name} is not finite as float32 in row {rows[row]}{filled if np.isnan(values).any() else ''}"
