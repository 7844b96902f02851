"""The metrics of a task that a record or a file of predictions names."""

from collections.abc import Callable, Sequence
from typing import Any

from dlscan.config.build import Problem
from dlscan.config.task import Tasks
from dlscan.errors import ScanError
from dlscan.tasks.classify_metrics import ClassificationMetrics
from dlscan.tasks.metric import TaskMetrics
from dlscan.tasks.regress_metrics import RegressionMetrics

_MADE: dict[str, Callable[[Any, tuple[str, ...]], TaskMetrics]] = {
    "classify": lambda _, classes: ClassificationMetrics(classes),
    "regress": lambda task, _: RegressionMetrics(tuple(task.targets.by_name)),
}


def metrics_of(task: Any, classes: Sequence[str]) -> tuple[TaskMetrics, ...]:
    """The metrics of each task that a network learned.

    Parameters
    ----------
    task : object
        As in the experiment file.
    classes : sequence of str
        Labels of the dataset.

    Raises
    ------
    ScanError
        If this version does not know it.
    """
    try:
        return tuple(_MADE[each.kind](each, tuple(classes)) for each in Tasks.parse(task, "task").all)
    except Problem as problem:
        raise ScanError(f"this version does not know its task ({problem}); upgrade dlscan") from None
