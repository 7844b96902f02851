"""What finished points have learned: what tables and pictures ask about them."""

import functools
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dlscan.analysis.labels import called, merged
from dlscan.analysis.points.done import DonePoint
from dlscan.errors import UsageError
from dlscan.record import Record
from dlscan.tasks import metrics as of_task
from dlscan.tasks.metric import Called, TaskMetrics


def metrics_of(points: Iterable[DonePoint]) -> tuple[TaskMetrics, ...]:
    """The metrics of the tasks of points, an entry for each kind of task, with the names of all points.

    Points of several tasks on one body have one for each.
    """
    # many points of a scan, one task
    different = {(_as_text(point.record.task), point.record.classes): point.record for point in points}
    found: dict[str, TaskMetrics] = {}
    for record in different.values():
        for metrics in _metrics_of(record):
            known = found.get(metrics.kind)
            found[metrics.kind] = metrics if known is None else known.merged(metrics)
    return tuple(found.values())


def kinds_of(point: DonePoint) -> list[str]:
    """The kinds of task that a point has learned."""
    return [metrics.kind for metrics in _metrics_of(point.record)]


def require_takes_events(point: DonePoint) -> None:
    """Check that the model of a point takes events, else a `UsageError`: a generator makes them."""
    if "generate" in kinds_of(point):
        raise UsageError(
            f"point {point.record.point} of {point.scan} is a generator, which takes noise and no events; "
            f"`dlscan generate` makes events with it, and {point.paths.best} opens with Keras alone"
        )


def different_tasks(points: Iterable[DonePoint]) -> bool:
    """Whether points have learned different things, so that their losses are different quantities."""
    return len({_as_text(point.record.task) for point in points}) > 1


def caller(points: Sequence[DonePoint]) -> Called:
    """What people call a class or a target: `data.labels` of all points, else its name."""
    labels: Mapping[str, str] = merged(point.labels for point in points)
    return lambda name: called(name, labels)


def _metrics_of(record: Record) -> tuple[TaskMetrics, ...]:
    if isinstance(record.task, str):
        return _of_word(record.task, record.classes)
    return of_task.metrics_of(record.task, record.classes)


# asked for each of ten thousand points
_of_word = functools.lru_cache(of_task.metrics_of)


def _as_text(task: Any) -> str:
    """What tells one task from another; most are a word, of which no JSON needs to be made."""
    return task if isinstance(task, str) else json.dumps(task)
