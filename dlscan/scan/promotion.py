"""Which points of a scan train on after a rung, and which never will: successive halving without barriers.

A rung is a number of epochs after which points are compared. A point does not wait there for all others, as
it would in rounds: it goes on as soon as it is among the best of those that have come so far. L. Li and
others, A System for Massively Parallel Hyperparameter Tuning, 2020 (arXiv:1810.05934). Pure.
"""

import dataclasses
import math
from collections.abc import Callable, Collection, Mapping, Sequence


@dataclasses.dataclass(frozen=True)
class Compared:
    """How points compare with the best of their rung.

    Attributes
    ----------
    worse : mapping of int to str
        Those that are worse, and why.
    unknown : mapping of int to str
        Those of which nothing can be said, and why.
    """

    worse: Mapping[int, str]
    unknown: Mapping[int, str] = dataclasses.field(default_factory=dict)


# Compares points with the best: by the rung, all that have come to it in the order of their rank, and those
# that are asked about.
Comparison = Callable[[int, Sequence[int], Collection[int]], Compared]


@dataclasses.dataclass(frozen=True)
class Standing:
    """What the rungs decide.

    Attributes
    ----------
    promoted : frozenset of int
        The points that may train beyond the last rung that they have come to.
    pruned : frozenset of int
        Those that never will: all others have come to that rung, and too many are better.
    reasons : mapping of int to str
        Why some of those are worse than the best, or why some of the promoted go on, if that was tested.
    """

    promoted: frozenset[int] = frozenset()
    pruned: frozenset[int] = frozenset()
    reasons: Mapping[int, str] = dataclasses.field(default_factory=dict, compare=False)


def promote(
    scores: Mapping[int, Sequence[float]],
    factor: int,
    beyond: Collection[int] = (),
    lost: Collection[int] = (),
    growing: bool = False,
    compare: Comparison | None = None,
) -> Standing:
    """Compare points rung by rung.

    Of n points at a rung, n / factor go on, rounded down; once no more can come to it, at least one does.
    With `compare` so do all others that are not worse than the best.

    Parameters
    ----------
    scores : mapping of int to sequence of float
        For every point of the scan, how good it was at each rung that it has come to: less is better. A point
        whose training is over has a score for all of them.
    factor : int
        Of this many the best one goes on.
    beyond : collection of int
        Points that have gone on from the last rung that they have come to.
    lost : collection of int
        Points that come no further, as those that have diverged or crashed too often: they rank last where
        they have been.
    growing : bool
        Whether there may be more points than these: then more can come to every rung.
    compare : callable, optional
        See `Comparison`.
    """
    promoted: set[int] = set()
    pruned: set[int] = set()
    reasons: dict[int, str] = {}
    coming = set(scores) - set(lost)
    rung = 0
    while any(len(own) > rung for own in scores.values()):
        here = [number for number, own in scores.items() if len(own) > rung]
        here.sort(key=lambda number: (number in lost, _rank(scores[number][rung]), number))
        over = not growing and all(len(scores[number]) > rung for number in coming)
        gone = {*beyond, *lost}
        waiting = {number for number in here if len(scores[number]) == rung + 1 and number not in gone}
        best = set(here[: max(len(here) // factor, int(over))])
        if compare is not None and best:
            found = compare(rung, here, sorted(waiting - best))
            best = set(here) - set(found.worse)
            reasons |= {**found.worse, **found.unknown}
        promoted |= waiting & best
        if over:
            pruned |= waiting - best
        # who went on before better ones came is not called back
        coming = (best | (set(here) - waiting)) - set(lost)
        rung += 1
    return Standing(
        frozenset(promoted),
        frozenset(pruned),
        {number: why for number, why in reasons.items() if number in promoted | pruned},
    )


def _rank(score: float) -> float:
    return math.inf if math.isnan(score) else score
