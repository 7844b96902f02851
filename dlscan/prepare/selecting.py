"""Which events of a block stay, and of which class each is: cuts, and labels that a column says."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dlscan.config.cuts import Cuts
from dlscan.config.event_labels import NO_CLASS, LabelColumn
from dlscan.config.selection import Selection
from dlscan.expressions.constituents import Ragged
from dlscan.expressions.evaluate import select
from dlscan.raw import Entries, Vectors

# of events, or of entries of events
Arrays = Mapping[str, Any]


class Rules(Protocol):
    """What decides: see `Format`."""

    @property
    def classes(self) -> int: ...
    @property
    def cuts(self) -> tuple[str, ...]: ...
    @property
    def labels(self) -> LabelColumn | None: ...


@dataclasses.dataclass(frozen=True)
class Unlabelled:
    """Events whose value no class has: how many, and the first, its value and its row in the file."""

    count: int
    value: float
    row: int


@dataclasses.dataclass(frozen=True)
class Selected:
    """What stays of some events.

    Attributes
    ----------
    kept : ndarray of bool, (n,)
        Which stay.
    labels : ndarray of int16, (n,)
        The class of each; below zero it has none.
    flow : ndarray of int64, (cuts + 1, classes + 1)
        Events of each class, and of none, at first and after each cut.
    unlabelled : Unlabelled or None
        Those that passed all cuts, if there must be none.
    """

    kept: NDArray[np.bool_]
    labels: NDArray[np.int16]
    flow: NDArray[np.int64]
    unlabelled: Unlabelled | None


def select_events(rules: Rules, block: Arrays, first: int, rows: int, label: int) -> Selected:
    """Select events of a block of some rows, the first one row `first` of a file of the class `label`."""
    labels = np.full(rows, label, np.int16)
    if rules.labels is not None:
        labels = rules.labels.of(rules.labels.column.of(block[rules.labels.column.extra]))
    kept = np.ones(rows, bool)
    flow = [_counts(labels, kept, rules.classes)]
    for number in range(len(rules.cuts)):
        kept &= holds(rules.cuts, number, block, rows)
        flow.append(_counts(labels, kept, rules.classes))
    unlabelled = None
    unknown = kept & (labels == NO_CLASS)
    if unknown.any():
        row, values = int(np.argmax(unknown)), rules.labels
        assert values is not None
        value = values.column.of(block[values.column.extra])[row]
        unlabelled = Unlabelled(int(np.count_nonzero(unknown)), float(value), first + row)
    return Selected(kept & (labels >= 0), labels, np.array(flow), unlabelled)


def both(before: Unlabelled | None, found: Unlabelled | None) -> Unlabelled | None:
    """Those of some events and those of later ones."""
    if before is None or found is None:
        return before or found
    return dataclasses.replace(before, count=before.count + found.count)


def holds(cuts: tuple[str, ...], number: int, block: Arrays, rows: int) -> NDArray[np.bool_]:
    """Which events of a block pass cut `number`.

    Raises
    ------
    Problem
        If the values do not go together as the cut has it.
    """
    return select(_read(cuts).expressions[number], rows, lambda name: values_of(name, block))


def values_of(name: str, block: Arrays) -> NDArray[Any] | Ragged:
    """What a block has of `jets.pt`, or `target[:,0]`."""
    selection = Selection.parse(name, "data.where")
    values = block[selection.extra]
    if isinstance(values, Ragged):
        return values
    place: Any = (slice(None), *selection.index)
    found: NDArray[Any] = values[place]
    return found


def numbers_of(
    made: Mapping[str, Vectors | Entries], names: Mapping[str, tuple[str, int]]
) -> dict[str, Ragged]:
    """What cuts call the numbers of entries: see `entry_names`."""
    found = {}
    for name, (own, place) in names.items():
        entries = made.get(own)
        if isinstance(entries, Entries):
            offsets = np.concatenate([[0], np.cumsum(entries.counts)])
            found[name] = Ragged(offsets, entries.values.reshape(len(entries.values), -1)[:, place])
    return found


@functools.cache
def _read(cuts: tuple[str, ...]) -> Cuts:
    return Cuts.parse(list(cuts), "data.where")


def _counts(labels: NDArray[np.int16], kept: NDArray[np.bool_], classes: int) -> NDArray[np.int64]:
    own = labels[kept]
    found: NDArray[np.int64] = np.bincount(np.where(own < 0, classes, own), minlength=classes + 1)
    return found
