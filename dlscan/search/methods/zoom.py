"""A coarse grid, then finer ones over the part that is not significantly worse than its best point."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dlscan.config.build import plain
from dlscan.config.search import LISTED, Dimension
from dlscan.search.methods import Stream
from dlscan.search.space import Ask, Draw, Space, Trial

_DIGEST, _ROUND, _SPACE = "digest", "round", "space"


def draw(space: Space, known: Sequence[Trial], ask: Ask) -> Stream:
    """See `dlscan.search.methods`.

    Each round is over the space that its first points have noted, so that what becomes known later does not
    change it. What was noted when the whole space was another does not count: the rounds begin again.
    """
    number, part = round_of(space, [trial.notes for trial in known])
    while True:
        new = 0
        for values in part.every():
            new += yield Draw(values, {_DIGEST: space.digest, _ROUND: number, _SPACE: _plain(part)})
        if new or any(trial.state == "running" for trial in known):
            yield "wait"
        done = [trial for trial in known if trial.state == "done"]
        finer = _finer(space, part, done, ask) if done else None
        if number >= ask.rounds or finer is None:
            yield "stop"
            return
        number, part = number + 1, finer


def round_of(space: Space, notes: Iterable[Mapping[str, Any]]) -> tuple[int, Space]:
    """The present round by what points have noted, and the part of the space that it is over."""
    noted = _noted(space, notes)
    number = max(noted, default=0)
    return (number, _part(space, noted[number])) if number else (1, _coarse(space))


def _noted(space: Space, all_notes: Iterable[Mapping[str, Any]]) -> dict[int, Mapping[str, Any]]:
    """What the points of each round have noted, if they were drawn for this space."""
    own, old = dict[int, Mapping[str, Any]](), dict[int, Mapping[str, Any]]()
    for notes in (notes for notes in all_notes if _ROUND in notes):
        if notes.get(_DIGEST, space.digest) == space.digest:
            (own if _DIGEST in notes else old)[int(notes[_ROUND])] = notes[_SPACE]
    # old plans have no digests, but their first round tells
    return own or (old if old.get(1) == _plain(_coarse(space)) else {})


def _coarse(space: Space) -> Space:
    dimensions = {
        key: each
        if (each.values is not None and len(each.values) <= _steps(each)) or each.choices
        else dataclasses.replace(each, steps=_steps(each))
        for key, each in space.dimensions.items()
    }
    return dataclasses.replace(space, dimensions=dimensions)


def _steps(dimension: Dimension) -> int:
    return dimension.steps or LISTED["zoom"] or 0


def _finer(space: Space, part: Space, done: Sequence[Trial], ask: Ask) -> Space | None:
    """The region of the points that are as good as the best, with the next values around; None if none is."""
    good = [trial for trial, as_good in zip(done, ask.as_good(done), strict=True) if as_good]
    dimensions = {}
    for key, whole in space.dimensions.items():
        there = [trial.values[key] for trial in good if key in trial.values]
        dimensions[key] = _around(whole, part.dimensions[key], there) if there else part.dimensions[key]
    return None if dimensions == part.dimensions else dataclasses.replace(space, dimensions=dimensions)


def _around(whole: Dimension, part: Dimension, good: Sequence[Any]) -> Dimension:
    if whole.choices:
        return dataclasses.replace(whole, choices=tuple(c for c in part.choices if c in good))
    values = sorted(part.values or ())
    low = max((value for value in values if value < min(good)), default=min(good))
    high = min((value for value in values if value > max(good)), default=max(good))
    if low == high:
        return part
    # between those of before, and twice as fine at least
    steps = max(_steps(whole), 3)
    finer = dataclasses.replace(whole, low=low, high=high, steps=2 * steps - 1)
    if finer.whole and finer.high - finer.low < steps:
        finer = dataclasses.replace(finer, steps=None)
    return finer


def _plain(part: Space) -> dict[str, Any]:
    return {key: plain(each) for key, each in part.dimensions.items()}


def _part(space: Space, noted: Mapping[str, Any]) -> Space:
    dimensions = {key: Dimension.parse(noted[key], key) for key in space.dimensions}
    return dataclasses.replace(space, dimensions=dimensions)
