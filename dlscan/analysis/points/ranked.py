"""Which models are the best by a number of the validation split, for pictures that cannot show all."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlscan.analysis.points.done import DonePoint

# what the best are chosen by, in this order, with the sign that makes more better: validation alone, because
# the best of many on the test split would owe a part of what is shown to chance
_CHOSEN_BY = (("val_Mean_AUC", 1.0), ("best_val_loss", -1.0))


def ranking_key(points: Sequence["DonePoint"]) -> tuple[str | None, float]:
    """The first number that all points have, else the first that any has, with its sign."""
    for enough in (all, any):
        for key, sign in _CHOSEN_BY:
            if enough(point.record.metrics.get(key) is not None for point in points):
                return key, sign
    return None, 1.0


def ranked(points: Sequence["DonePoint"]) -> list[int]:
    """Positions of the points from the best downwards; those without a number last, in their order."""
    key, sign = ranking_key(points)

    def rank(number: int) -> float:
        value = None if key is None else points[number].record.metrics.get(key)
        return float("-inf") if value is None else sign * value

    return sorted(range(len(points)), key=lambda number: -rank(number))
