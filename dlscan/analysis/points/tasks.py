"""What finished points have learned: what tables and pictures ask about them."""

import json
from collections.abc import Iterable, Mapping, Sequence

from dlscan.analysis.labels import called, merged
from dlscan.analysis.points.done import DonePoint
from dlscan.errors import UsageError
from dlscan.tasks import metrics as of_task
from dlscan.tasks.metric import Called, TaskMetrics


def metrics_of(points: Iterable[DonePoint]) -> tuple[TaskMetrics, ...]:
    """The metrics of the tasks of points, an entry for each kind of task, with the names of all points.

    Points of several tasks on one body have one for each.
    """
    # many points of a scan, one task
    different = {(json.dumps(point.record.task), point.record.classes): point.record for point in points}
    found: dict[str, TaskMetrics] = {}
    for record in different.values():
        for metrics in of_task.metrics_of(record.task, record.classes):
            known = found.get(metrics.kind)
            found[metrics.kind] = metrics if known is None else known.merged(metrics)
    return tuple(found.values())


def require_takes_events(point: DonePoint) -> None:
    """Check that the model of a point takes events, else a `UsageError`: a generator makes them."""
    kinds = [metrics.kind for metrics in of_task.metrics_of(point.record.task, point.record.classes)]
    if "generate" in kinds:
        raise UsageError(
            f"point {point.record.point} of {point.scan} is a generator, which takes noise and no events; "
            f"`dlscan generate` makes events with it, and {point.paths.best} opens with Keras alone"
        )


def different_tasks(points: Iterable[DonePoint]) -> bool:
    """Whether points have learned different things, so that their losses are different quantities."""
    return len({json.dumps(point.record.task) for point in points}) > 1


def caller(points: Sequence[DonePoint]) -> Called:
    """What people call a class or a target: `data.labels` of all points, else its name."""
    labels: Mapping[str, str] = merged(point.labels for point in points)
    return lambda name: called(name, labels)
