"""Some events on their way to a network."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config import mask_name, network_name
from dlscan.stream.slots import SPARSE_PARTS, Arrays


@dataclasses.dataclass(frozen=True)
class SparseRows:
    """The entries of a sparse input: all else is zero.

    Attributes
    ----------
    rows, index : ndarray of int32, (E,)
        The event of each entry in the batch, rising, and its cell in the flattened event.
    value : ndarray of float32, (E,)
        The raw values.
    """

    rows: NDArray[np.int32]
    index: NDArray[np.int32]
    value: NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Batch:
    """Some events.

    Attributes
    ----------
    inputs : dict of str to ndarray of float32, each (B, ...)
        Raw values.
    labels : ndarray of int32, (B,)
        Indices of the classes.
    weights : ndarray of float32, (B,)
        The weight of each event in the loss.
    extras : dict of str to ndarray, each (B, ...)
        Those that were asked for.
    sources : ndarray of uint32, (B, 2), or None
        Number of the raw file in the manifest, and row in it; only with `extras=True`.
    sparse : dict of str to SparseRows
        The inputs that are not in `inputs`; only with `transport="sparse"`.
    masks : dict of str to ndarray of bool, each (B, T)
        Which entries of an input (B, T, F) are there: the first ones of each event, with zeros behind.
    """

    inputs: dict[str, NDArray[np.float32]]
    labels: NDArray[np.int32]
    weights: NDArray[np.float32]
    extras: dict[str, NDArray[Any]]
    sources: NDArray[np.uint32] | None
    sparse: dict[str, SparseRows] = dataclasses.field(default_factory=dict)
    masks: dict[str, NDArray[np.bool_]] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, arrays: Arrays) -> "Batch":
        """The batch in the arrays of a slot."""
        parts: dict[str, Arrays] = {"inputs": {}, "extras": {}, "sparse": {}, "masks": {}}
        for name, array in arrays.items():
            kind, _, rest = name.partition("/")
            if rest:
                parts[kind][rest] = array
        entries = parts["sparse"]
        names = dict.fromkeys(name.rpartition("/")[0] for name in entries) if entries else ()
        return cls(
            parts["inputs"],
            arrays["labels"],
            arrays["weights"],
            parts["extras"],
            arrays.get("sources"),
            {name: SparseRows(*(entries[f"{name}/{part}"] for part in SPARSE_PARTS)) for name in names},
            parts["masks"],
        )

    def __len__(self) -> int:
        return len(self.labels)

    def by_network_name(self) -> Arrays:
        """The inputs and their masks, as networks call them."""
        inputs = {network_name(name): values for name, values in self.inputs.items()}
        return {**inputs, **{mask_name(name): mask for name, mask in self.masks.items()}}

    def arrays(self) -> Arrays:
        """Labels, sources, inputs, masks and extras, named as the columns of a shard."""
        named: dict[str, NDArray[Any] | None] = {"labels": self.labels, "sources": self.sources}
        named |= {f"inputs/{name}": array for name, array in self.inputs.items()}
        named |= {f"masks/{name}": array for name, array in self.masks.items()}
        named |= {f"extras/{name}": array for name, array in self.extras.items()}
        return {name: array for name, array in named.items() if array is not None}
