"""Batches that stay in memory."""

import numpy as np

from dlscan.stream import Batch, SparseRows
from dlscan.stream.slots import copy_arrays


def keep(batch: Batch, events: int) -> Batch:
    """A copy of the first `events` events of a batch, off the ring."""
    inputs = copy_arrays({name: values[:events] for name, values in batch.inputs.items()})
    fixed = copy_arrays({"labels": batch.labels[:events], "weights": batch.weights[:events]})
    extras = copy_arrays({name: values[:events] for name, values in batch.extras.items()})
    sparse = {}
    for name, entries in batch.sparse.items():
        end = int(np.searchsorted(entries.rows, events))
        sparse[name] = SparseRows(
            entries.rows[:end].copy(), entries.index[:end].copy(), entries.value[:end].copy()
        )
    masks = copy_arrays({name: values[:events] for name, values in batch.masks.items()})
    return Batch(inputs, fixed["labels"], fixed["weights"], extras, None, sparse, masks)
