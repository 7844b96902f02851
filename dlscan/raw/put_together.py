"""Read inputs that are put together from datasets: fields, several datasets, entries of events."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.raw.cells import Rows
from dlscan.raw.direct import DirectFile
from dlscan.raw.faults import RawError
from dlscan.raw.recipe import Recipe

Array = NDArray[Any]


@dataclasses.dataclass(frozen=True)
class Vectors:
    """Numbers of events.

    Attributes
    ----------
    values : ndarray, (n, ...)
        The numbers.
    filled : int
        Of these, how many were nan.
    """

    values: Array
    filled: int = 0

    def chosen(self, events: NDArray[np.bool_]) -> "Vectors":
        """Those events that a mask (n,) says."""
        return dataclasses.replace(self, values=self.values[events])


@dataclasses.dataclass(frozen=True)
class Entries:
    """Entries of events.

    Attributes
    ----------
    counts : ndarray of int64, (n,)
        Of each event.
    values : ndarray, (entries, F)
        Their numbers, event by event.
    cut : ndarray of int64, (n,)
        Entries of each event that were left out, because it has too many.
    filled : int
        How many numbers were nan.
    """

    counts: NDArray[np.int64]
    values: Array
    cut: NDArray[np.int64]
    filled: int = 0

    def chosen(self, events: NDArray[np.bool_]) -> "Entries":
        """Those events that a mask (n,) says."""
        values = self.values[np.repeat(events, self.counts)]
        return Entries(self.counts[events], values, self.cut[events], self.filled)


def read_input(file: DirectFile, recipe: Recipe, rows: Rows) -> Vectors | Entries:
    """Read some events of an input.

    Parameters
    ----------
    file : DirectFile
        Open, with the datasets of the recipe in its index.
    recipe : Recipe
        How it is put together.
    rows : ndarray of int64, (n,)
        Events, ascending.

    Raises
    ------
    RawFileError
        If the file is damaged.
    RawError
        If offsets do not fit what they are for.
    """
    if recipe.layout == "vector":
        values = np.empty((len(rows), *recipe.shape), recipe.dtype)
        file.read_several(_lanes(recipe, values), rows)
        return Vectors(values, _fill(values, recipe.fill))
    if recipe.layout == "padded":
        return _padded(file, recipe, rows)
    how = _flat if recipe.layout == "flat" else _lists
    return how(file, recipe, rows)


def _lanes(recipe: Recipe, values: Array) -> list[tuple[str, Array]]:
    """Where the numbers of each part go along the last axis."""
    if len(recipe.parts) == 1:
        return [(recipe.parts[0], values)]
    ends = np.cumsum(recipe.widths).tolist()
    return [
        (part, values[..., end - width : end])
        for part, width, end in zip(recipe.parts, recipe.widths, ends, strict=True)
    ]


def _padded(file: DirectFile, recipe: Recipe, rows: Rows) -> Entries:
    if recipe.valid is not None and (found := file.read_entries(recipe.parts, recipe.valid, rows)):
        there, columns = found
        entries = np.empty((len(columns[0]), *recipe.shape), recipe.dtype)
        for (_, lane), numbers in zip(_lanes(recipe, entries), columns, strict=True):
            lane[...] = numbers.reshape(lane.shape)
        return _kept(recipe, np.count_nonzero(there, axis=1), entries, None)
    n, length = len(rows), file.shape(recipe.parts[0])[0]
    values = np.empty((n, length, *recipe.shape), recipe.dtype)
    wanted = _lanes(recipe, values)
    mask = np.empty((n, length), np.bool_)
    if recipe.valid is not None:
        wanted.append((recipe.valid, mask))
    file.read_several(wanted, rows)
    if recipe.valid is None:
        # what is nan or zero throughout is padding
        mask = ((values != 0) & (values == values)).any(axis=-1)
    there = np.count_nonzero(mask, axis=1)
    if length > recipe.longest and there.max(initial=0) > recipe.longest:
        mask &= np.cumsum(mask, axis=1) <= recipe.longest
    counts = np.minimum(there, recipe.longest)
    kept = values.reshape(n * length, -1)
    if counts.sum() < len(kept):
        kept = kept.take(np.flatnonzero(mask), axis=0)
    return Entries(counts, kept, there - counts, _fill(kept, recipe.fill))


def _flat(file: DirectFile, recipe: Recipe, rows: Rows) -> Entries:
    begins, counts = _places(file, recipe, rows)
    # those that are left out are not read, unless it must be seen first which are valid
    taken = counts if recipe.valid else np.minimum(counts, recipe.longest)
    offsets = np.cumsum(taken) - taken
    entries = np.arange(taken.sum()) + np.repeat(begins - offsets, taken)
    values = np.empty((len(entries), *recipe.shape), recipe.dtype)
    wanted = _lanes(recipe, values)
    valid = None
    if recipe.valid is not None:
        valid = np.empty(len(entries), np.bool_)
        wanted.append((recipe.valid, valid))
    file.read_several(wanted, entries)
    found = _kept(recipe, taken, values, valid)
    return dataclasses.replace(found, cut=found.cut + counts - taken)


def _places(file: DirectFile, recipe: Recipe, rows: Rows) -> tuple[Rows, Rows]:
    """The first entry of each event, and how many it has."""
    name = recipe.offsets[0].rpartition(".")[0] if len(recipe.offsets) > 1 else recipe.offsets[0]
    pairs = len(recipe.offsets) > 1 or recipe.edges == "counts"
    if pairs:
        begins, others = _numbers(file, recipe.offsets, rows)
        ends = begins + others if recipe.edges == "counts" else others
    else:
        shift = 0 if recipe.edges == "edges" else -1
        wanted = np.unique(np.concatenate([rows + shift, rows + shift + 1]))
        (values,) = _numbers(file, recipe.offsets, wanted[wanted >= 0])
        edges = np.concatenate([np.zeros(np.count_nonzero(wanted < 0), np.int64), values])
        begins, ends = (edges[np.searchsorted(wanted, rows + step)] for step in (shift, shift + 1))
    # where an event without entries begins means nothing
    (some,) = np.nonzero(ends != begins)
    wrong = ends < begins
    wrong[some[1:]] |= begins[some[1:]] < ends[some[:-1]]
    if wrong.any():
        event = int(np.argmax(wrong))
        before = ""
        if ends[event] > begins[event]:
            before = f" after {ends[some[np.searchsorted(some, event) - 1]]:,}"
        raise RawError(
            f"{name} runs backwards in row {rows[event]}: from {begins[event]:,} to {ends[event]:,}{before}"
        )
    entries = file.rows(recipe.parts[0])
    wrong = (ends != begins) & ((begins < 0) | (ends > entries))
    if wrong.any():
        event = int(np.argmax(wrong))
        raise RawError(
            f"{name} leads from {begins[event]:,} to {ends[event]:,} in row {rows[event]}, but "
            f"{recipe.parts[0]} has {entries:,} entries"
        )
    if len(rows) and not pairs:
        _require_all(file, recipe, name, rows, begins, ends)
    return begins, ends - begins


def _require_all(file: DirectFile, recipe: Recipe, name: str, rows: Rows, begins: Rows, ends: Rows) -> None:
    """Check that no entry is before the first event or behind the last: starts may be taken for ends."""
    entries, edges = file.rows(recipe.parts[0]), recipe.edges == "edges"
    events = file.rows(recipe.offsets[0]) - edges
    if edges and not rows[0] and begins[0]:
        raise RawError(
            f"{name} begins with {begins[0]:,} instead of 0: its {events + 1:,} numbers must say "
            f"where each of {events:,} events begins, and the end"
        )
    if rows[-1] == events - 1 and ends[-1] != entries:
        meaning = "where each event begins, and the end" if edges else "where each event ends"
        raise RawError(
            f"{name} ends with {ends[-1]:,}, but {recipe.parts[0]} has {entries:,} entries: its numbers must "
            f"say {meaning}"
        )


def _numbers(file: DirectFile, names: tuple[str, ...], rows: Rows) -> list[Rows]:
    """Whole numbers: of several datasets or fields, or the columns of a single one."""
    if len(names) > 1 or not file.shape(names[0]):
        found = [np.empty(len(rows), np.int64) for _ in names]
        file.read_several(list(zip(names, found, strict=True)), rows)
        return found
    pairs = np.empty((len(rows), *file.shape(names[0])), np.int64)
    file.read_several([(names[0], pairs)], rows)
    return list(pairs.T)


def _lists(file: DirectFile, recipe: Recipe, rows: Rows) -> Entries:
    values: Array | None = None
    counts, valid = np.zeros(len(rows), np.int64), None
    read: dict[str, Array] = {}
    for number, part in enumerate([*recipe.parts, *([recipe.valid] if recipe.valid else [])]):
        source, _, field = part.partition("::")
        if source not in read:
            lists = file.read_lists(source, rows)
            own = np.fromiter(map(len, lists), np.int64, len(lists))
            if values is not None and (own != counts).any():
                row = int(np.argmax(own != counts))
                raise RawError(
                    f"{source} has {own[row]} entries in row {rows[row]}, but {recipe.parts[0]} has "
                    f"{counts[row]}"
                )
            counts, read[source] = own, np.concatenate(lists) if len(lists) else np.empty(0)
        numbers = read[source]
        for word in field.split(".") if field else ():
            numbers = numbers[word]
        if values is None:
            values = np.empty((len(numbers), *recipe.shape), recipe.dtype)
        if number < len(recipe.parts):
            values[:, number] = numbers
        else:
            valid = numbers.astype(np.bool_)
    assert values is not None
    return _kept(recipe, counts, values, valid)


def _kept(recipe: Recipe, counts: Rows, values: Array, valid: Array | None) -> Entries:
    """Leave out what is not valid, and what is too much of an event."""
    if valid is not None and not valid.all():
        events = np.repeat(np.arange(len(counts)), counts)
        counts, values = np.bincount(events[valid], minlength=len(counts)), values[valid]
    taken = np.minimum(counts, recipe.longest)
    if (taken < counts).any():
        places = np.arange(len(values)) - np.repeat(np.cumsum(counts) - counts, counts)
        values = values[places < recipe.longest]
    return Entries(taken, values, counts - taken, _fill(values, recipe.fill))


def _fill(values: Array, fill: float | None) -> int:
    """Put `fill` in the place of nan; returns how often."""
    if fill is None or values.dtype.kind != "f":
        return 0
    missing = np.isnan(values)
    values[missing] = fill
    return int(np.count_nonzero(missing))
