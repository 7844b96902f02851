"""The metrics of the tasks that a record or a file of predictions names."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dlscan.config.build import Problem
from dlscan.config.task import Tasks
from dlscan.config.task_kinds import Regress
from dlscan.errors import ScanError
from dlscan.tasks.classify_metrics import ClassificationMetrics
from dlscan.tasks.generate_metrics import GenerationMetrics
from dlscan.tasks.metric import TaskMetrics
from dlscan.tasks.reconstruct_metrics import ReconstructionMetrics
from dlscan.tasks.regress_metrics import RegressionMetrics

# From the classes or targets, and the classes of `train_on`.
_MADE: dict[str, Callable[[tuple[str, ...], tuple[str, ...]], TaskMetrics]] = {
    "classify": lambda names, _: ClassificationMetrics(names),
    "regress": lambda names, _: RegressionMetrics(names),
    "reconstruct": ReconstructionMetrics.of,
    "generate": lambda names, _: GenerationMetrics(names),
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
        tasks = Tasks.parse(task, "task")
    except Problem as problem:
        raise ScanError(f"this version does not know its task ({problem}); upgrade dlscan") from None
    return metrics_by_kind(
        {
            each.kind: tuple(each.targets.by_name) if isinstance(each, Regress) else tuple(classes)
            for each in tasks.all
        },
        tasks.train_on,
    )


def metrics_by_kind(
    names: Mapping[str, tuple[str, ...]], train_on: tuple[str, ...] = ()
) -> tuple[TaskMetrics, ...]:
    """The metrics of tasks by kind, with the classes or targets of each; errors as for `metrics_of`."""
    unknown = [kind for kind in names if kind not in _MADE]
    if unknown:
        raise ScanError(f"this version does not know the task {unknown[0]}; upgrade dlscan")
    return tuple(_MADE[kind](own, train_on) for kind, own in names.items())
