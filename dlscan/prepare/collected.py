"""What is collected of a piece of a file beside sums."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.dataset.events import Events, RaggedBlock
from dlscan.prepare.layout import Format
from dlscan.raw import Entries, Vectors


class Collected:
    """Samples that quantiles are taken from, and what was left out of inputs.

    Parameters
    ----------
    form : Format
        Of the dataset.

    Attributes
    ----------
    cut, filled
        See `PieceSummary`.
    """

    def __init__(self, form: Format) -> None:
        columns = {name: column for name, column in form.inputs.items() if column.by_feature}
        self._samples = {name: [np.empty((0, c.features), c.dtype)] for name, c in columns.items()}
        self._codes = {name: [np.empty(0, np.int8)] for name in columns}
        self.cut = {name: np.zeros((form.classes, 2), np.int64) for name in form.recipes}
        self.filled = dict.fromkeys(form.recipes, 0)

    def add(self, events: Events, chosen: NDArray[np.bool_], made: dict[str, Vectors | Entries]) -> None:
        """Take a block, of whose events some are `chosen` for quantiles."""
        codes = events.array("codes")[chosen]
        for name, parts in self._samples.items():
            block, own = events.columns[f"inputs/{name}"], codes
            if isinstance(block, RaggedBlock):
                parts.append(block.chosen(chosen))
                own = np.repeat(codes, block.counts[chosen])
            else:
                parts.append(block.array.reshape(len(chosen), -1)[chosen])
            self._codes[name].append(own)
        for name, found in made.items():
            self.filled[name] += found.filled
            if isinstance(found, Entries):
                cut = np.column_stack([found.cut > 0, found.cut])
                np.add.at(self.cut[name], events.array("labels"), cut)

    @property
    def samples(self) -> dict[str, NDArray[Any]]:
        """See `PieceSummary`."""
        return {name: np.concatenate(parts) for name, parts in self._samples.items()}

    @property
    def sampled(self) -> dict[str, NDArray[np.int8]]:
        """See `PieceSummary`."""
        return {name: np.concatenate(parts) for name, parts in self._codes.items()}
