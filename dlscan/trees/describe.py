"""What boosted trees look at, and how large they are."""

import dataclasses
import itertools
import math
from collections.abc import Iterator

import numpy as np

from dlscan.trees.forest import Forest

# Of so many values each is named, of more the input as a whole.
_MOST_NAMED = 30


@dataclasses.dataclass(frozen=True)
class Use:
    """How much trees use an input, or a value of it.

    Attributes
    ----------
    name : str
        `ECAL`, or `vector[2]` where there are few values.
    values : int
        How many it has.
    cuts : int
        Of all trees.
    gain : float
        Share of what all cuts have gained of the training loss.
    """

    name: str
    values: int
    cuts: int
    gain: float


def uses(forest: Forest) -> list[Use]:
    """How much each input is used, the most used first."""
    inner = forest.nodes[forest.nodes["left"] >= 0]
    cuts = np.bincount(inner["feature"], minlength=forest.features)
    gains = np.bincount(inner["feature"], inner["gain"], minlength=forest.features)
    total = float(gains.sum()) or 1.0
    found, start = [], 0
    for name, values in _parts(forest):
        here = slice(start, start := start + values)
        found.append(Use(name, values, int(cuts[here].sum()), float(gains[here].sum()) / total))
    return sorted(found, key=lambda use: -use.gain)


def depth(forest: Forest) -> int:
    """Cuts between a root and its farthest leaf."""
    nodes, deepest = forest.nodes, 0
    roots = np.repeat(forest.starts[:-1], np.diff(forest.starts))
    here = forest.starts[:-1]
    while len(here := here[nodes["left"][here] >= 0]):
        deepest += 1
        here = np.concatenate([roots[here] + nodes[side][here] for side in ("left", "right")])
    return deepest


def _parts(forest: Forest) -> Iterator[tuple[str, int]]:
    for name, shape in forest.inputs.items():
        if forest.features > _MOST_NAMED or math.prod(shape) == 1:
            yield name, math.prod(shape)
            continue
        for place in itertools.product(*map(range, shape)):
            yield f"{name}[{','.join(map(str, place))}]", 1
