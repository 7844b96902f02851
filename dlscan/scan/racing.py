"""Which points at a rung are significantly worse than the best there: a paired test on validation events."""

import dataclasses
import functools
import math
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dlscan import event_losses
from dlscan.many import ahead
from dlscan.scan.promotion import Compared
from dlscan.spelling import counted

# The chance, of all rungs and comparisons together, that the best point is dropped by mistake.
ALPHA = 0.05

# The loss of each validation event, by the folds that validate: repeats are averaged.
Losses = Mapping[tuple[int, ...], NDArray[np.float64]]


@dataclasses.dataclass(frozen=True)
class Race:
    """A comparison of points at every rung.

    Attributes
    ----------
    rungs : sequence of int
        The epochs after which points are compared.
    points : int
        How many there are to be.
    losses : callable
        Of a point at a rung, which counts from 0; None where they are not known.
    """

    rungs: Sequence[int]
    points: int
    losses: Callable[[int, int], Losses | None]

    @property
    def level(self) -> float:
        """The chance of error that each comparison may have."""
        return ALPHA / (len(self.rungs) * max(self.points - 1, 1))

    def compare(self, rung: int, ranked: Sequence[int], asked: Collection[int]) -> Compared:
        """Which of the points that are asked about are worse than the best, and of which that is unknown.

        Parameters
        ----------
        rung : int
            From 0.
        ranked : sequence of int
            The points that have come to it, the best one first.
        asked : collection of int
            Some of them.
        """
        losses = functools.partial(self.losses, rung)
        known = ((number, least) for number in (ranked if asked else ()) if (least := losses(number)))
        best, least = next(known, (0, {}))
        events = sum(map(len, least.values()))
        if not least:
            return Compared({}, dict.fromkeys(asked, "not compared: no losses of validation events are kept"))
        if events < event_losses.FEWEST:
            why = (
                f"not compared: {events} validation events are too few, racing needs {event_losses.FEWEST:,}"
            )
            return Compared({}, dict.fromkeys(asked, why))
        instead = "" if best == ranked[0] else f"; the losses of the events of point {ranked[0]} are missing"
        worse, unknown = dict[int, str](), dict[int, str]()
        others = [number for number in asked if number != best]
        for number, own in zip(others, ahead(losses, others), strict=True):
            if own is None:
                unknown[number] = "not compared: the losses of its validation events are missing"
                continue
            errors, free = excess(own, least)
            if errors > (limit := critical(self.level, free)):
                epochs = counted(self.rungs[rung], "epoch")
                worse[number] = (
                    f"its loss after {epochs} is above that of point {best} by {errors:.1f} "
                    f"standard errors (more than {limit:.1f}){instead}"
                )
        return Compared(worse, unknown)


def excess(own: Losses, best: Losses) -> tuple[float, int]:
    """How far the mean loss is above that of the best, in standard errors of the paired difference.

    A few events with a very large loss make the differences skewed, and t is then larger by chance more often
    than Student has it. It is corrected for that: P. Hall, On the removal of skewness by transformation,
    1992. To first order in the skewness this is Johnson's modified t, but it rises with t everywhere.

    Returns
    -------
    errors : float
        0 where nothing can be said: other events, or a single one.
    free : int
        Degrees of freedom of that error.
    """
    if {fold: len(each) for fold, each in own.items()} != {fold: len(each) for fold, each in best.items()}:
        return 0.0, 1
    differences = [own[fold] - best[fold] for fold in own]
    free = min(len(each) for each in differences) - 1
    if free < 1:
        return 0.0, 1
    mean = sum(float(each.mean()) for each in differences) / len(differences)
    variance = sum(float(each.var(ddof=1)) / len(each) for each in differences) / len(differences) ** 2
    if not variance:
        return 0.0, free
    third = sum(float(((each - each.mean()) ** 3).mean()) / len(each) ** 2 for each in differences)
    t, skew = mean / math.sqrt(variance), third / len(differences) ** 3 / variance**1.5
    return t + skew * (1 + 2 * t**2) / 6 + skew**2 * t**3 / 27, free


@functools.cache
def critical(level: float, free: int) -> float:
    """What Student's t exceeds with the probability `level`."""
    from scipy.special import stdtrit

    return float(stdtrit(free, 1 - level))


def averaged(repeats: Sequence[tuple[tuple[int, ...], NDArray[np.float64] | None]]) -> Losses | None:
    """The losses of a choice from those of its points, each with the folds that validate it."""
    parts: dict[tuple[int, ...], list[NDArray[np.float64]]] = {}
    for folds, losses in repeats:
        if losses is None:
            return None
        parts.setdefault(folds, []).append(losses)
    if any(len({len(each) for each in own}) > 1 for own in parts.values()):
        return None
    return {folds: np.mean(own, axis=0) for folds, own in parts.items()}
