"""What a search makes good: columns of the validation split, and which way each of them is better."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dlscan.config import Experiment
from dlscan.record import Record
from dlscan.spelling import hint

if TYPE_CHECKING:
    from dlscan.tasks.metric import About, TaskMetrics

# what a record has that is no metric of a split
_COSTS: dict[str, Callable[[Record], float | None]] = {
    "Parameters": lambda record: record.model_parameters,
    "FLOPs": lambda record: record.flops,
    "Train_Seconds": lambda record: record.train_seconds,
    "Epochs": lambda record: record.epochs,
}


@dataclasses.dataclass(frozen=True)
class Target:
    """One number that is to become good.

    Attributes
    ----------
    column : str
        As in the table.
    about : About
        What it is, and which way it is better.
    """

    column: str
    about: "About"

    def worth(self, record: Record) -> float | None:
        """The number of a point, larger is better; None where it has none."""
        cost = _COSTS.get(self.column)
        value = record.metrics.get(self.column) if cost is None else cost(record)
        return None if value is None else self.about.goodness(value)

    def error(self, record: Record) -> float:
        """The uncertainty of the number, half of its interval; 0 where it is not known."""
        return sum(record.errors.get(self.column, (0.0, 0.0))) / 2


def targets_of(experiment: Experiment, classes: Sequence[str]) -> tuple[Target, ...]:
    """What the search of an experiment makes good.

    Parameters
    ----------
    experiment : Experiment
        With `scan.search`.
    classes : sequence of str
        Labels of its dataset.

    Raises
    ------
    ConfigError
        If a column is of the test split, or there is none, or nobody knows which way it is better.
    """
    # `dlscan status` has no need of them, and is to start at once
    from dlscan.tasks.metrics import metrics_of

    tasks = metrics_of(experiment.plain()["task"], classes)
    search = experiment.scan.search
    assert search is not None
    return tuple(_target(experiment, name, tasks) for name in search.metric or (tasks[0].chosen_by[0],))


def _target(experiment: Experiment, name: str, tasks: "Sequence[TaskMetrics]") -> Target:
    from dlscan.tasks.metric import About, short_names

    bare = name.removeprefix("-")
    usual = tasks[0].chosen_by[0]
    if bare in _COSTS:
        if bare == name:
            raise experiment.problem(
                "scan.search.metric", f"{name}: write -{name}, for as little as possible"
            )
        return Target(bare, About(better="less"))
    bare = short_names(tasks).get(bare, bare)
    about = next((found.about for task in tasks if (found := task.metric(bare, str))), None)
    if about is None:
        known = [column for task in tasks for column in task.chosen_by] + [f"-{cost}" for cost in _COSTS]
        raise experiment.problem("scan.search.metric", f"no column {name!r}; {hint(name, known)}")
    if about.split != "validation":
        raise experiment.problem(
            "scan.search.metric",
            f"{bare} is of the {about.split or 'whole'} split; a search may look at the validation split "
            f"alone, or its test results would be worth nothing: take {usual}, or another val_*",
        )
    if about.better is None or (name.startswith("-") and about.better != "less"):
        raise experiment.problem(
            "scan.search.metric", f"{name}: this is not a number that is better when low"
        )
    return Target(bare, about)
