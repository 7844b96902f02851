"""Ask a method for points, none of which is known already."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from dlscan.config.build import plain
from dlscan.config.search import FINITE
from dlscan.search.methods import METHODS
from dlscan.search.space import Ask, Draw, Space, Trial, Values

Proposed = list[Draw] | Literal["wait", "stop"]
# draws in a row that are known: what is left is listed then, where that is possible
_IN_VAIN = 200
# a space with more points is not listed
_LISTED = 100_000


def propose(
    method: str,
    space: Space,
    known: Sequence[Trial],
    ask: Ask,
    can_be: Callable[[Values], bool] = lambda values: True,
) -> Proposed:
    """Choose points to try next.

    The same arguments give the same points, with the same versions of what the method is made of.

    Parameters
    ----------
    method : str
        One of `METHODS`.
    space : Space
        What to draw from.
    known : sequence of Trial
        All points so far: those of other scans, then by their numbers.
    ask : Ask
        How many, and more.
    can_be : callable
        Whether a network can be made of values.

    Returns
    -------
    list of Draw or "wait" or "stop"
        At least one point, and at most as many as asked for; "wait" if results of those that run are needed
        before; "stop" if there is none left.
    """
    taken = {identity_of(trial.values) for trial in known}
    found: list[Draw] = []
    end: Literal["wait", "stop"] = "stop"
    in_vain = 0
    stream = METHODS[method](space, known, ask)
    draw = next(stream)
    # a method that is through says so: none ends
    while True:
        if draw == "wait" or draw == "stop":
            end = draw
            break
        identity = identity_of(draw.values)
        new = identity not in taken and space.has(draw.values) and can_be(draw.values)
        in_vain = 0 if new else in_vain + 1
        if new:
            taken.add(identity)
            found.append(draw)
        if len(found) >= ask.many:
            break
        # a grid goes through all that there is, once
        if in_vain >= _IN_VAIN and method not in FINITE:
            found += _left(space, taken, ask, can_be, ask.many - len(found))
            break
        draw = stream.send(new)
    return found or end


def seed_of(seed: int, points: int) -> int:
    """The seed of a proposal: of the search's own and of how many points there are so far.

    With a seed that never changes, each proposal would begin with the same points.
    """
    digest = hashlib.blake2b(f"{seed}:{points}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big")


def _left(
    space: Space, taken: set[str], ask: Ask, can_be: Callable[[Values], bool], most: int
) -> Iterator[Draw]:
    """Points at random of those of a small space that are left."""
    if space.size is None or space.size > _LISTED:
        return
    import numpy as np  # here, because `dlscan status` has no need of it and is to start at once

    left = [values for values in space.every() if identity_of(values) not in taken and can_be(values)]
    for number in np.random.default_rng(ask.seed).permutation(len(left))[:most]:
        taken.add(identity_of(left[number]))
        yield Draw(left[number])


def identity_of(values: Values) -> str:
    """What tells the values of one point from those of another."""
    return json.dumps(plain(values), sort_keys=True)
