"""The `task` key: what a network learns.

Each kind is in `task_kinds`; what it means for training and tables is in `dlscan.tasks` and
`dlscan.train.objectives`.
"""

import dataclasses
from typing import Any

from dlscan.config.build import Problem, build_fields, join, plain, require_mapping
from dlscan.config.curves import Curve, columns, has_curve
from dlscan.config.losses import Loss
from dlscan.config.models import Model
from dlscan.config.selection import Selection
from dlscan.config.task_kinds import (
    ALONE,
    TASKS,
    Classify,
    Generate,
    Reconstruct,
    Regress,
    Task,
    needs_head,
)
from dlscan.config.train import Train


@dataclasses.dataclass(frozen=True)
class Tasks:
    """One task, or several with a head each on one body."""

    all: tuple[Task, ...] = (Classify(),)

    @property
    def targets(self) -> dict[str, Selection]:
        """Where the number of each target is; of no regression there is none."""
        return {
            name: selection
            for task in self.all
            if isinstance(task, Regress)
            for name, selection in task.targets.by_name.items()
        }

    @property
    def classifies(self) -> bool:
        """Whether classes are to be told apart, of which there have to be several."""
        return any(isinstance(task, Classify) for task in self.all)

    @property
    def selections(self) -> list[tuple[str, Selection]]:
        """Where the numbers are that training needs of an event, each with the key that names it."""
        conditions = [task.condition.numbers for task in self.all if isinstance(task, Generate)]
        return [
            *((f"task.targets.{name}", selection) for name, selection in self.targets.items()),
            *(("task.condition", selection) for numbers in conditions for selection in numbers),
        ]

    @classmethod
    def parse(cls, value: Any, key: str) -> "Tasks":
        """Read `classify`, `{kind: regress, ...}`, or a list of these."""
        if not isinstance(value, list):
            return cls((_task(value, key),))
        found = tuple(_task(item, f"{key}[{number}]") for number, item in enumerate(value))
        if not found:
            raise Problem(key, f"must name a task: {', '.join(TASKS)}")
        kinds = [task.kind for task in found]
        for kind in kinds:
            if kinds.count(kind) > 1:
                advice = "; give one task all targets" if kind == "regress" else ""
                raise Problem(key, f"lists {kind} twice{advice}")
        if len(kinds) > 1 and (alone := next((kind for kind in kinds if kind in ALONE), None)):
            raise Problem(key, f"{alone} cannot be combined with other tasks; remove them")
        return cls(found)

    @property
    def columns(self) -> dict[str, bool]:
        """The columns of a history that early stopping may monitor, and whether less is better."""
        return columns(self.curves, [curve for task in self.all for curve in task.monitored])

    @property
    def curves(self) -> tuple[Curve, ...]:
        """What steps tell: the loss, that of each of several tasks, and what else each of them has."""
        loss, *rest = (curve for task in self.all for curve in task.curves)
        own = [Curve(f"{task.kind}_loss", True) for task in self.all] if len(self.all) > 1 else []
        return (loss, *own, *(curve for curve in rest if curve != loss))

    def outputs(self, classes: int, has_sigmas: bool) -> int:
        """How many numbers a network gives for an event.

        Parameters
        ----------
        classes : int
            Of the dataset.
        has_sigmas : bool
            Whether `train.loss` asks for an uncertainty of each number.
        """

        def of(task: Task) -> int:
            if isinstance(task, Classify):
                return classes
            if isinstance(task, Reconstruct | Generate):
                return 0
            sigmas = has_sigmas if task.loss is None else task.loss.name == "gaussian_nll"
            return len(task.targets.by_name) * (1 + sigmas)

        return sum(map(of, self.all))

    def loss_of(self, task: Task, default: Loss) -> Loss:
        """What one of these tasks minimises: its own loss, else `train.loss` where that fits."""
        if task.loss is not None:
            return task.loss
        return Loss() if default.why_not(task.kind) else default

    @property
    def train_on(self) -> tuple[str, ...]:
        """The classes that networks are trained on; none of them stands for all."""
        return next((task.train_on or () for task in self.all if isinstance(task, Reconstruct)), ())

    def require_fit(self, train: Train, model: Model) -> None:
        """Check that a model can be trained for these tasks as `train` says, else a `Problem`."""
        troubles = [train.loss.why_not(task.kind) for task in self.all if task.loss is None]
        if troubles and all(troubles):
            raise Problem("train.loss", str(troubles[0]))
        if not troubles and train.loss != Loss():
            raise Problem("train.loss", "no task takes it, since each has a loss of its own; remove it")
        if train.label_smoothing and not any(isinstance(task, Classify) for task in self.all):
            kind = self.all[0].kind
            raise Problem("train.label_smoothing", f"is for classification, but task is {kind}")
        loss = self.loss_of(self.all[0], train.loss)
        if trouble := model.why_not([task.kind for task in self.all], loss):
            raise Problem("model.family", trouble)
        if any(isinstance(task, Generate) for task in self.all):
            _require_plain(train)
        kind = self.all[0].kind
        if kind in ALONE and (model.pretrained is not None or train.body_rate is not None):
            key = "train.body_rate" if model.pretrained is None else "model.pretrained"
            raise Problem(key, needs_head(kind))
        if train.body_rate is not None and model.pretrained is not None and model.pretrained.freeze == "body":
            raise Problem("train.body_rate", "is of layers that model.pretrained.freeze: body does not train")
        stopping, known = train.early_stopping, self._columns_of(model)
        if stopping is not None and stopping.monitor not in known:
            raise Problem(
                "train.early_stopping.monitor",
                f"must be a column of the history: {', '.join(known)}; got {stopping.monitor!r}",
            )

    def _columns_of(self, model: Model) -> list[str]:
        """The columns of the history of a model: some are of variational autoencoders alone."""
        return [name for name in self.columns if has_curve(name, model.is_variational)]

    def plain(self) -> Any:
        """What `parse` reads, as short as it can be."""
        written = [_plain(task) for task in self.all]
        return written[0] if len(written) == 1 else written


def _task(value: Any, key: str) -> Task:
    known = ", ".join(TASKS)
    if isinstance(value, str):
        value = {"kind": value}
    mapping = dict(require_mapping(value, key))
    kind = mapping.pop("kind", None)
    if not isinstance(kind, str) or kind not in TASKS:
        raise Problem(join(key, "kind") if kind is not None else key, f"must be one of {known}, got {kind!r}")
    if kind == "regress" and mapping.keys() <= {"weight", "loss"}:
        raise Problem(key, 'regress needs targets, such as {Energy: "target[:,0,1]"}')
    task: Task = build_fields(TASKS[kind], mapping, key)
    if isinstance(task, Reconstruct):
        _require_train_on(task, join(key, "train_on"))
    if task.loss is not None and task.loss.is_own:
        raise Problem(join(key, "loss"), "a function in a file is for train.loss alone; name a loss")
    if task.loss is not None and (trouble := task.loss.why_not(kind)):
        raise Problem(join(key, "loss"), trouble)
    return task


def _require_train_on(task: Reconstruct, key: str) -> None:
    names = task.train_on or ()
    if task.train_on is not None and not names:
        raise Problem(key, "must name at least one class; leave it out to train on all")
    for name in names:
        if names.count(name) > 1:
            raise Problem(key, f"lists {name!r} twice")


def _require_plain(train: Train) -> None:
    """Check that a training asks for nothing that networks which compete cannot do, else a `Problem`."""
    if train.precision != Train.precision:
        raise Problem("train.precision", f"must be {Train.precision} for the task generate")
    if train.devices != Train.devices:
        raise Problem(
            "train.devices", f"must be {Train.devices} for the task generate, whose loss is of a whole batch"
        )


def _plain(task: Task) -> Any:
    """The task without its defaults."""
    values = {
        field.name: plain(getattr(task, field.name))
        for field in dataclasses.fields(task)
        if getattr(task, field.name) != field.default
    }
    return {"kind": task.kind, **values} if values else task.kind
