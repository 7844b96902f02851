"""Which models are the best: the one place that says by which number of the validation split."""

import math
import statistics
from collections.abc import Sequence

from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.folds import folds_missing
from dlscan.analysis.points.losses import different_losses
from dlscan.analysis.points.models import groups
from dlscan.analysis.points.planned import planned
from dlscan.analysis.points.tasks import metrics_of
from dlscan.tasks.metric import VALIDATION_LOSS, About, short_names


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


def searched_for(points: Sequence[DonePoint]) -> str | None:
    """The column of the validation split that the searches among the scans of points make good.

    Of a search for several the first one. None if no search names one that a point has, or they differ.
    """
    plans = [planned(scan) for scan in dict.fromkeys(point.paths.scan for point in points)]
    metrics = {plan.metrics for plan in plans if plan.method}
    if len(metrics) != 1:
        return None
    names = [name.removeprefix("-") for name in metrics.pop()]
    short = short_names(metrics_of(points)) if names else {}
    columns = [short.get(name, name) for name in names]
    validated = [column for column in columns if about_metric(points, column).split == "validation"]
    return next((key for key in validated if any(_number(point, key) is not None for point in points)), None)


def ranked(points: Sequence[DonePoint], together: Sequence[Sequence[int]] | None = None) -> list[int]:
    """Positions of the points, model by model as `ranked_models` has them; of one model in their order."""
    return [number for model in ranked_models(points, together) for number in model]


def ranked_models(
    points: Sequence[DonePoint], together: Sequence[Sequence[int]] | None = None
) -> list[Sequence[int]]:
    """Positions of the points of each model, from the best model downwards; those without a number last.

    A model is judged by the mean of all its trainings that were loaded, also where `points` has only some of
    them: a lucky training makes no better model. Models without folds that others of their dataset have come
    after those: a mean over fewer is of other events. Where points were tested on different events, by these
    first: their numbers do not compare.

    `together` has the positions of the points of each model, where `groups` has been asked already.
    """
    key = ranking_key(points)
    about = About() if key is None else about_metric(points, key)
    events = list(dict.fromkeys(point.events for point in points))
    models = groups(points) if together is None else together
    missing = folds_missing([first.trainings or (first,) for first in (points[model[0]] for model in models)])

    def place(number: int) -> tuple[int, bool, int, float]:
        first = points[models[number][0]]
        value = None if key is None else number_of_model(first, key)
        where = events.index(first.events)
        if value is None:
            return where, True, 0, 0.0
        return where, False, missing[number], -about.goodness(value)

    return [models[number] for number in sorted(range(len(models)), key=place)]


def number_of_model(point: DonePoint, key: str) -> float | None:
    """The mean of a number over the trainings of a point's model; None where one of them lacks it."""
    values = [_number(each, key) for each in point.trainings or (point,)]
    present = [value for value in values if value is not None]
    return statistics.fmean(present) if len(present) == len(values) else None


def about_metric(points: Sequence[DonePoint], name: str) -> About:
    """What a metric that a task names is."""
    known = (metrics.metric(name, str) for metrics in metrics_of(points))
    return next((found.about for found in known if found is not None), About())


def _number(point: DonePoint, key: str) -> float | None:
    value = point.record.metrics.get(key)
    return None if value is None or not math.isfinite(value) else value
