"""What `data.augment` does to a block of events: pure arithmetic on arrays."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config.augment import OF_EVENT, Step
from dlscan.config.explained import explained
from dlscan.config.source import InFile, Source
from dlscan.errors import ConfigError
from dlscan.stream.draws import Keys, generators, integers, named

Values = NDArray[np.float32]
Mask = NDArray[np.bool_] | None


def apply(
    steps: Sequence[Step],
    features: Sequence[str],
    name: str,
    keys: Keys,
    values: Values,
    mask: Mask,
) -> None:
    """Augment events in place.

    Parameters
    ----------
    steps : sequence of Step
        One after the other.
    features : sequence of str
        What the numbers along the last axis are called, if a step names some.
    name : str
        Of the input.
    keys : ndarray of uint64, (n,)
        Of the events.
    values : ndarray of float32, (n, ...)
        Raw values, contiguous.
    mask : ndarray of bool, (n, T), or None
        Which entries are there: the first ones of each event, with zeros behind.
    """
    before: dict[str, int] = {}
    for step in steps:
        # one of the same kind more or less elsewhere in the list changes nothing for the others
        before[step.kind] = before.get(step.kind, 0) + 1
        draw = f"{step.kind}/{before[step.kind]}"
        if step.kind in OF_EVENT:
            _MOVES[step.kind](values, step, functools.partial(_of_axis, keys, draw))
        else:
            own = named(keys, f"{draw}/{name}")
            _CHANGES[step.kind](step, features, _events(own, values, mask))


def _of_axis(keys: Keys, draw: str, axis: int) -> Keys:
    return named(keys, f"{draw}/{axis}")


def _flip(values: Values, step: Step, draw: Callable[[int], Keys]) -> None:
    for axis in step.value:
        rows = np.flatnonzero(integers(draw(axis), 2))
        values[rows] = np.flip(values[rows], axis + 1)


def _rotate(values: Values, step: Step, draw: Callable[[int], Keys]) -> None:
    first, second = step.value
    turns = integers(draw(first), 4)
    for turn in (1, 2, 3):
        rows = np.flatnonzero(turns == turn)
        values[rows] = np.rot90(values[rows], turn, (first + 1, second + 1))


def _shift(values: Values, step: Step, draw: Callable[[int], Keys]) -> None:
    for axis, most in enumerate(step.shifts(values.shape[1:])):
        if not most:
            continue
        cells = integers(draw(axis), 2 * most + 1) - most
        for distance in np.unique(cells[cells != 0]).tolist():
            rows = np.flatnonzero(cells == distance)
            before, moved = values[rows], np.zeros_like(values[rows])
            ahead, behind = slice(abs(distance), None), slice(None, -abs(distance))
            there, here = (ahead, behind) if distance > 0 else (behind, ahead)
            place = (slice(None),) * (axis + 1)
            moved[(*place, there)] = before[(*place, here)]
            values[rows] = moved


class _Event:
    """One event that is changed in place.

    Attributes
    ----------
    values : ndarray of float32
        Its values; of an input with entries those that are there, (n, F).
    rng : numpy.random.Generator
        Its own.
    """

    def __init__(self, rng: np.random.Generator, room: Values, there: NDArray[np.bool_] | None) -> None:
        self.rng, self._room, self._there = rng, room, there
        self.values = room if there is None else room[: int(np.count_nonzero(there))]

    @property
    def has_entries(self) -> bool:
        return self._there is not None

    @property
    def longest(self) -> int:
        """Entries that there is room for."""
        return len(self._room)

    def keep(self, entries: Values) -> None:
        """Have these entries, and zeros behind them."""
        assert self._there is not None
        self._room[: len(entries)] = entries
        self._room[len(entries) :] = 0
        self._there[...] = np.arange(len(self._room)) < len(entries)


Events = Iterator[_Event]


def _events(keys: Keys, values: Values, mask: Mask) -> Events:
    for row, rng in enumerate(generators(keys)):
        yield _Event(rng, values[row], None if mask is None else mask[row])


def _noise(step: Step, features: Sequence[str], events: Events) -> None:
    columns, sizes = _columns(step, features)
    for event in events:
        values = event.values
        if columns is None:
            values += sizes * event.rng.standard_normal(values.shape, np.float32)
        else:
            values[..., columns] += sizes * event.rng.standard_normal(
                (*values.shape[:-1], len(columns)), np.float32
            )


def _smear(step: Step, features: Sequence[str], events: Events) -> None:
    columns, sizes = _columns(step, features)
    for event in events:
        if columns is not None:
            shape = *event.values.shape[:-1], len(columns)
            event.values[..., columns] *= 1 + sizes * event.rng.standard_normal(shape, np.float32)
            continue
        # most cells of a calorimeter are zero, and stay so
        cells = event.values.reshape(-1)
        lit = np.flatnonzero(cells)
        cells[lit] *= 1 + sizes * event.rng.standard_normal(len(lit), np.float32)


def _drop(step: Step, features: Sequence[str], events: Events) -> None:
    for event in events:
        if not event.has_entries:
            cells = event.values.reshape(-1)
            lit = np.flatnonzero(cells)
            cells[lit[event.rng.random(len(lit), np.float32) < step.value]] = 0
            continue
        stays = event.rng.random(len(event.values), np.float32) >= step.value
        if len(stays) and not stays.any():
            # an event of nothing is no event
            stays[event.rng.integers(len(stays))] = True
        event.keep(event.values[stays])


def _shuffle(step: Step, features: Sequence[str], events: Events) -> None:
    for event in events:
        event.values[...] = event.values[event.rng.permutation(len(event.values))]


def _own(step: Step, features: Sequence[str], events: Events) -> None:
    function: InFile = step.value
    called, where = _loaded(function.source, function.function)
    for event in events:
        with explained(function.source, where):
            made = np.asarray(called(event.values.copy(), event.rng))
        _require_fit(made, event, f"{function.source.path}:{where}: {function.function}")
        if event.has_entries:
            event.keep(made)
        else:
            event.values[...] = made


def _require_fit(made: NDArray[Any], event: _Event, where: str) -> None:
    """Check what a function of a user gave."""
    wanted = event.values.shape
    if event.has_entries and made.ndim == len(wanted) and len(made) <= event.longest:
        wanted = len(made), *wanted[1:]
    if made.shape != wanted or made.dtype.kind not in "biuf":
        most = f" or another number of entries, {event.longest} at most" if event.has_entries else ""
        raise ConfigError(
            f"{where} must return numbers of the shape {event.values.shape}{most}, "
            f"got {made.dtype} {made.shape}"
        )
    if not np.isfinite(made).all():
        raise ConfigError(f"{where} returns numbers that are not finite")


@functools.cache
def _loaded(source: Source, name: str) -> tuple[Callable[..., Any], int]:
    """A function in a file, which is run, and the line where it begins."""
    space: dict[str, Any] = {"__name__": "dlscan_augment", "__file__": str(source.path)}
    with explained(source):
        exec(compile(source.text, str(source.path), "exec", dont_inherit=True), space)
    return space[name], source.function(name, "").lineno


def _columns(step: Step, features: Sequence[str]) -> tuple[list[int] | None, Any]:
    """The numbers along the last axis that a step is about, None for all, and a size for each."""
    if not isinstance(step.value, Mapping):
        return None, np.float32(step.value)
    return [features.index(name) for name in step.value], np.array([*step.value.values()], np.float32)


_MOVES: dict[str, Callable[[Values, Step, Callable[[int], Keys]], None]] = {
    "flip": _flip,
    "rotate": _rotate,
    "shift": _shift,
}
_CHANGES: dict[str, Callable[[Step, Sequence[str], Events], None]] = {
    "noise": _noise,
    "smear": _smear,
    "drop": _drop,
    "shuffle": _shuffle,
    "own": _own,
}
