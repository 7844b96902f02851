"""Which points are the best: the one place that says by which number of the validation split."""

import math
from collections.abc import Sequence

from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.losses import different_losses
from dlscan.analysis.points.tasks import metrics_of
from dlscan.tasks.metric import VALIDATION_LOSS, About


def ranking_key(points: Sequence[DonePoint]) -> str | None:
    """The column that the tasks of the points choose by, of several the one that most points have.

    Never one of the test split: the best of many there would owe a part of what is shown to chance. None if
    no point has any.
    """
    keys = dict.fromkeys(key for metrics in metrics_of(points) for key in metrics.chosen_by)
    if len(keys) > 1 and different_losses(points):
        keys.pop(VALIDATION_LOSS)
    count = {key: sum(_number(point, key) is not None for point in points) for key in keys}
    best = max(count, key=count.__getitem__, default=None)
    return best if best is not None and count[best] else None


def ranked(points: Sequence[DonePoint]) -> list[int]:
    """Positions of the points from the best downwards; those without a number last, in their order.

    Where points were tested on different events, by these first: their numbers do not compare.
    """
    key = ranking_key(points)
    about = None if key is None else about_metric(points, key)

    def rank(number: int) -> float:
        value = None if key is None else _number(points[number], key)
        return -math.inf if value is None or about is None else about.goodness(value)

    events = list(dict.fromkeys(point.events for point in points))
    return sorted(range(len(points)), key=lambda number: (events.index(points[number].events), -rank(number)))


def about_metric(points: Sequence[DonePoint], name: str) -> About:
    """What a metric that a task names is."""
    known = (metrics.metric(name, str) for metrics in metrics_of(points))
    return next((found.about for found in known if found is not None), About())


def _number(point: DonePoint, key: str) -> float | None:
    value = point.record.metrics.get(key)
    return None if value is None or not math.isfinite(value) else value
