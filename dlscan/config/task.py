"""The `task` key: what a network learns.

A task is a dataclass here, entered in `TASKS`; what it means for training and tables is in `dlscan.tasks` and
`dlscan.train.objectives`.
"""

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar

from dlscan.config.build import Above, Problem, build_fields, join, plain, require_mapping
from dlscan.config.labels import MEAN, VALIDATION_AREA
from dlscan.config.models import Model
from dlscan.config.selection import Selection
from dlscan.config.train import Train

# A target names columns of the table.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclasses.dataclass(frozen=True)
class Curve:
    """A column of a history, of training and with `val_` in front of validation.

    Attributes
    ----------
    name : str
        Of the column.
    less_is_better : bool
        Which way it improves.
    """

    name: str
    less_is_better: bool


def columns(curves: Iterable[Curve], monitored: Iterable[Curve] = ()) -> dict[str, bool]:
    """The columns of a history that early stopping may monitor, and whether less is better.

    Parameters
    ----------
    curves : iterable of Curve
        What steps tell.
    monitored : iterable of Curve
        What is only computed if it is monitored.
    """
    both = {
        f"{split}{curve.name}": curve.less_is_better
        for split in ("val_", "")
        for curve in dict.fromkeys(curves)
    }
    return both | {curve.name: curve.less_is_better for curve in monitored}


@dataclasses.dataclass(frozen=True)
class Classify:
    """Tell classes apart.

    `weight` is that of its loss among those of several tasks.
    """

    weight: Annotated[float, Above(0)] = 1.0

    kind: ClassVar = "classify"
    # what steps tell, the loss first; and columns of validation that are only there if they are monitored
    curves: ClassVar = (Curve("loss", True), Curve("accuracy", False))
    monitored: ClassVar = (Curve(VALIDATION_AREA, False),)


@dataclasses.dataclass(frozen=True)
class Targets:
    """What a regression predicts: the name of each target, and where its number is."""

    by_name: Mapping[str, Selection]

    @classmethod
    def parse(cls, value: Any, key: str) -> "Targets":
        """Read `{Energy: "target[:,0,1]"}`."""
        found: dict[str, Selection] = {}
        for name, text in require_mapping(value, key).items():
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise Problem(key, f"{name!r} is no name of a target: letters, digits and _, a letter first")
            if why := _why_not(name, found):
                raise Problem(join(key, name), f"{why}; choose another name")
            found[name] = Selection.parse(text, join(key, name))
        if not found:
            raise Problem(key, 'must name at least one target, such as {Energy: "target[:,0,1]"}')
        return cls(found)

    def plain(self) -> dict[str, str]:
        """What `parse` reads."""
        return {name: str(selection) for name, selection in self.by_name.items()}


def _why_not(name: str, others: Iterable[str]) -> str | None:
    """Why columns of the table could not be told apart with a target of this name beside these, if so."""
    folded = name.casefold()
    if folded == MEAN.casefold():
        return f"the column {MEAN}_MAE is the mean over all targets"
    if folded.startswith("val_"):
        return "val_ marks columns of the validation split"
    same = next((other for other in others if other.casefold() == folded), None)
    return same and f"it differs from {same} only in upper and lower case, which column names ignore"


@dataclasses.dataclass(frozen=True)
class Regress:
    """Predict numbers.

    `targets` says which. `weight` is that of its loss among those of several tasks.
    """

    targets: Targets
    weight: Annotated[float, Above(0)] = 1.0

    kind: ClassVar = "regress"
    curves: ClassVar = (Curve("loss", True), Curve("mae", True))
    monitored: ClassVar = ()


Task = Classify | Regress
TASKS: dict[str, Any] = {task.kind: task for task in (Classify, Regress)}


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

    def require_fit(self, train: Train, model: Model) -> None:
        """Check that a model can be trained for these tasks as `train` says, else a `Problem`."""
        for task in self.all:
            if trouble := train.loss.why_not(task.kind):
                raise Problem("train.loss", trouble)
        if train.label_smoothing and not any(isinstance(task, Classify) for task in self.all):
            raise Problem("train.label_smoothing", "is for classes, and task is regress")
        if trouble := model.why_not([task.kind for task in self.all], train.loss):
            raise Problem("model.family", trouble)
        stopping = train.early_stopping
        if stopping is not None and stopping.monitor not in self.columns:
            raise Problem(
                "train.early_stopping.monitor",
                f"must be a column of the history: {', '.join(self.columns)}; got {stopping.monitor!r}",
            )

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
    if kind == "regress" and mapping.keys() <= {"weight"}:
        raise Problem(key, 'regress needs targets, such as {Energy: "target[:,0,1]"}')
    task: Task = build_fields(TASKS[kind], mapping, key)
    return task


def _plain(task: Task) -> Any:
    """The task without its defaults."""
    values = {
        field.name: plain(getattr(task, field.name))
        for field in dataclasses.fields(task)
        if getattr(task, field.name) != field.default
    }
    return {"kind": task.kind, **values} if values else task.kind
