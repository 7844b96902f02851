"""Designs of linear models, with a column per value of a parameter, and what they span."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from dlscan.analysis.points.results import Floats

# for each training the number of its value
Levels = NDArray[np.int64]
# ... or of a number that takes many values, terms of a smooth function of it, (N, terms)
Terms = Levels | Floats

# a column this much shorter is a sum of others, but for rounding
_RANK = 1e-9


def design_of(parameters: Iterable[Terms], count: int) -> Floats:
    """A column of ones, and one for each value of each parameter but its first, (count, columns).

    Of a smooth function, its terms are the columns.
    """
    columns = [np.ones(count)]
    for codes in parameters:
        if codes.ndim == 2:
            columns += list(codes.T.astype(np.float64))
            continue
        columns += [(codes == level).astype(np.float64) for level in np.unique(codes)[1:]]
    return np.stack(columns, axis=1)


def means_of(models: Levels) -> Floats:
    """A column per model, (N, models)."""
    return np.asarray(models[:, None] == np.unique(models), dtype=np.float64)


def basis_of(design: Floats) -> Floats:
    """Orthonormal columns that span those of `design`."""
    axes, sizes, _ = np.linalg.svd(design, full_matrices=False)
    return np.asarray(axes[:, sizes > _RANK * sizes[0]])


def terms_of(full: Floats, without: Floats) -> Floats:
    """Orthonormal columns of what the design `full` has beyond `without`."""
    known = basis_of(without)
    axes, sizes, _ = np.linalg.svd(full - known @ (known.T @ full), full_matrices=False)
    return np.asarray(axes[:, sizes > _RANK * float(np.linalg.norm(full))])
