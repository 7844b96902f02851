"""What a network learns, and what that means for histories, records and tables. No Keras here.

A task is a class with the attributes of `Task`, entered in `_MADE` under its name in the experiment file. Its
losses are in `dlscan.train.objectives`, its last layers in `dlscan.models.heads`.
"""

from collections.abc import Callable, Sequence
from typing import Any

from dlscan.config.build import Problem
from dlscan.config.task import Tasks
from dlscan.errors import ScanError
from dlscan.record import Record
from dlscan.tasks.classify import Classification
from dlscan.tasks.regress import Regression
from dlscan.tasks.several import Several
from dlscan.tasks.task import Arrays, Head, Task

_MADE: dict[str, Callable[[Any, tuple[str, ...]], Task]] = {
    "classify": Classification.of,
    "regress": Regression.of,
}


def make(tasks: Tasks, classes: Sequence[str]) -> Task:
    """The task of an experiment.

    Parameters
    ----------
    tasks : Tasks
        The key `task`.
    classes : sequence of str
        Labels of the dataset.
    """
    made = [_MADE[config.kind](config, tuple(classes)) for config in tasks.all]
    return made[0] if len(made) == 1 else Several(tuple(made))


def of_record(record: Record) -> Task:
    """The task of a finished point.

    Raises
    ------
    ScanError
        If this version does not know it.
    """
    try:
        return make(Tasks.parse(record.task, "task"), record.classes)
    except Problem as problem:
        raise ScanError(
            f"point {record.point} of {record.scan}: this version does not know its task: {problem}"
        ) from None


__all__ = ["Arrays", "Head", "Task", "make", "of_record"]
