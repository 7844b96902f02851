"""What each task is in the experiment file: a dataclass per kind, entered in `TASKS`."""

import dataclasses
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, ClassVar

from dlscan.config.build import Above, Min, Problem, join, require_mapping
from dlscan.config.curves import CURVES, MONITORED
from dlscan.config.labels import MEAN
from dlscan.config.losses import Loss
from dlscan.config.selection import Selection
from dlscan.spelling import hint

# A target names columns of the table.
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclasses.dataclass(frozen=True)
class Classify:
    """Tell classes apart.

    `weight` is that of its loss among those of several tasks, `loss` its own in place of `train.loss`.
    """

    weight: Annotated[float, Above(0)] = 1.0
    loss: Loss | None = None

    kind: ClassVar = "classify"
    # what steps tell, and columns of validation that are only there if they are monitored
    curves: ClassVar = CURVES[kind]
    monitored: ClassVar = MONITORED[kind]


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

    `targets` says which. `weight` is that of its loss among those of several tasks, `loss` its own in place
    of `train.loss`.
    """

    targets: Targets
    weight: Annotated[float, Above(0)] = 1.0
    loss: Loss | None = None

    kind: ClassVar = "regress"
    curves: ClassVar = CURVES[kind]
    monitored: ClassVar = MONITORED[kind]


@dataclasses.dataclass(frozen=True)
class Reconstruct:
    """Give back what goes in, by way of a code of fewer numbers.

    `noise` is the standard deviation of what is added to the scaled inputs while training, `sparsity` what
    the mean of the code's absolute values adds to the loss. Of classes that are not in `train_on`, if that is
    given, no event is trained on: they are anomalies.
    """

    noise: Annotated[float, Min(0)] = 0.0
    sparsity: Annotated[float, Min(0)] = 0.0
    train_on: tuple[str, ...] | None = None

    kind: ClassVar = "reconstruct"
    curves: ClassVar = CURVES[kind]
    monitored: ClassVar = MONITORED[kind]
    # it is alone, and has `train.loss`
    weight: ClassVar = 1.0
    loss: ClassVar[Loss | None] = None

    def require_classes(self, classes: Collection[str]) -> None:
        """Check that the classes of `train_on` are some of these, else a `Problem`."""
        for name in self.train_on or ():
            if name not in classes:
                raise Problem("task.train_on", f"{name!r} is none of the classes; {hint(name, classes)}")


# What stands for the class of an event in a condition.
CLASS = "class"


@dataclasses.dataclass(frozen=True)
class Condition:
    """What is known of an event before it is generated.

    Attributes
    ----------
    numbers : tuple of Selection
        Where each number is.
    by_class : bool
        Whether the class of the event is known too.
    """

    numbers: tuple[Selection, ...] = ()
    by_class: bool = False

    @classmethod
    def parse(cls, value: Any, key: str) -> "Condition":
        """Read `target[:,0,1]`, `class`, or a list of these."""
        texts = value if isinstance(value, list) else [value]
        if not texts:
            raise Problem(key, 'must name a number of an event, such as "target[:,0,1]", or class')
        if twice := [text for text in texts if texts.count(text) > 1]:
            raise Problem(key, f"lists {twice[0]} twice")
        numbers = tuple(Selection.parse(text, key) for text in texts if text != CLASS)
        return cls(numbers, CLASS in texts)

    def plain(self) -> Any:
        """What `parse` reads."""
        return self.names[0] if len(self.names) == 1 else list(self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the numbers, as in the file; that of the class is the last."""
        return (*map(str, self.numbers), *([CLASS] if self.by_class else []))


@dataclasses.dataclass(frozen=True)
class Generate:
    """Make events like those of the dataset; `condition` is what is known of an event before."""

    condition: Condition = Condition()

    kind: ClassVar = "generate"
    curves: ClassVar = CURVES[kind]
    monitored: ClassVar = MONITORED[kind]
    # it is alone, and has `train.loss`
    weight: ClassVar = 1.0
    loss: ClassVar[Loss | None] = None


Task = Classify | Regress | Reconstruct | Generate
TASKS: dict[str, Any] = {task.kind: task for task in (Classify, Regress, Reconstruct, Generate)}
# Networks that learn one of these learn nothing else.
ALONE = (Reconstruct.kind, Generate.kind)


def needs_head(kind: str) -> str:
    """Why networks that learn a task of this kind, one of `ALONE`, take no keys of heads and bodies."""
    return f"is for networks with a head, and task is {kind}"
