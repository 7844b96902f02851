"""The `adversary` key: what works against a network while it learns. Kinds are in `KINDS`."""

import dataclasses
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from dlscan.config.build import Above, Min, Problem, build_fields, join, keys, plain, require_mapping
from dlscan.config.curves import Curve
from dlscan.config.models import Model
from dlscan.config.selection import Selection
from dlscan.config.task import Tasks
from dlscan.config.task_kinds import Classify
from dlscan.config.train import Train
from dlscan.spelling import hint

ADVERSARY_LOSS, DOMAIN_LOSS = "adversary_loss", "domain_loss"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclasses.dataclass(frozen=True)
class Nuisance:
    """A number of each event that scores are not to depend on, and what columns call it."""

    name: str
    selection: Selection

    @classmethod
    def parse(cls, value: Any, key: str) -> "Nuisance":
        """Read `target[:,0,1]`, or `{Energy: "target[:,0,1]"}`."""
        if isinstance(value, str):
            selection = Selection.parse(value, key)
            name = re.sub(r"\W+", "_", str(selection)).strip("_")
            return cls(name, selection)
        if not isinstance(value, Mapping) or len(value) != 1:
            raise Problem(key, 'must be a number per event, "target[:,0,1]", or {NAME: "target[:,0,1]"}')
        ((name, text),) = value.items()
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name.casefold().startswith("val_"):
            raise Problem(
                key, f"{name!r} is no name for columns: letters, digits and _, a letter first, and no val_"
            )
        return cls(name, Selection.parse(text, join(key, name)))

    def plain(self) -> dict[str, str]:
        """What `parse` reads."""
        return {self.name: str(self.selection)}


@dataclasses.dataclass(frozen=True)
class Pivot:
    """A second network guesses the nuisance from the scores, and the first one makes that hard.

    The network minimises its own loss less `strength` times that of the adversary. Scores are not to depend
    on the nuisance within each of `classes`, by default all. `density` is how the adversary tells the
    nuisance: a mixture of `components` Gaussians, or a probability of each of `bins`. It has `depth` layers
    of `width` units, and takes `steps` steps at `learning_rate` for each of the network. The strength rises
    from 0 over the first `warm_up` epochs.
    """

    nuisance: Nuisance
    strength: Annotated[float, Min(0)] = 1.0
    classes: tuple[str, ...] = ()
    density: Literal["mixture", "bins"] = "mixture"
    components: Annotated[int, Min(1)] = 5
    bins: Annotated[int, Min(2)] = 10
    width: Annotated[int, Min(1)] = 32
    depth: Annotated[int, Min(0)] = 2
    learning_rate: Annotated[float, Above(0)] = 0.001
    steps: Annotated[int, Min(1)] = 1
    warm_up: Annotated[int, Min(0)] = 0

    kind: ClassVar = "pivot"
    curves: ClassVar = (Curve(ADVERSARY_LOSS, False, of_some=True),)


@dataclasses.dataclass(frozen=True)
class Domain:
    """What the network makes of events is to be the same for those of another domain, which have no labels.

    `raw` is the directory of the others, which are prepared beside the dataset. With `reversal` a second
    network, of `depth` layers of `width` units, tells the domains apart from the last hidden layer of the
    first one; it takes `steps` steps at `learning_rate` for each of that one, which gets its gradient turned
    round and multiplied by `strength`. `coral` and `mmd` minimise `strength` times a distance of both
    distributions there: of their covariances, or of means of kernels. The strength rises from 0 over the
    first `warm_up` epochs.
    """

    raw: Path
    strength: Annotated[float, Min(0)] = 1.0
    method: Literal["reversal", "coral", "mmd"] = "reversal"
    width: Annotated[int, Min(1)] = 32
    depth: Annotated[int, Min(0)] = 1
    learning_rate: Annotated[float, Above(0)] = 0.003
    steps: Annotated[int, Min(1)] = 3
    warm_up: Annotated[int, Min(0)] = 0

    kind: ClassVar = "domain"
    curves: ClassVar = (Curve(DOMAIN_LOSS, False),)


KINDS: dict[str, Any] = {own.kind: own for own in (Pivot, Domain)}


@dataclasses.dataclass(frozen=True)
class Adversary:
    """The adversary of a network; by default it has none."""

    kind: str = ""
    own: Pivot | Domain | None = None

    # what a scan may vary; the others decide what is read of events, or what a column means
    varied: ClassVar = (
        *("strength", "method", "density", "components", "bins", "width", "depth", "learning_rate", "steps"),
        "warm_up",
    )

    @classmethod
    def parse(cls, value: Any, key: str) -> "Adversary":
        """Read `{kind: pivot, nuisance: ..., strength: ...}`; nothing, or null, is none."""
        mapping = dict(require_mapping({} if value is None else value, key))
        if not mapping:
            return cls()
        kind = mapping.pop("kind", None)
        if not isinstance(kind, str) or kind not in KINDS:
            where = key if kind is None else join(key, "kind")
            raise Problem(where, f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
        return cls(kind, build_fields(KINDS[kind], mapping, key))

    @staticmethod
    def decided_by(name: str) -> str:
        """The key that decides whether there is the key `name`."""
        return "kind"

    @staticmethod
    def applies(name: str, kind: Any) -> bool:
        """Whether an adversary of this kind has the key `name`."""
        return kind not in KINDS or name == "kind" or name in keys(KINDS[kind])

    @property
    def pivot(self) -> Pivot | None:
        """The adversary, if it is of this kind."""
        return self.own if isinstance(self.own, Pivot) else None

    @property
    def domain(self) -> Domain | None:
        """The adversary, if it is of this kind."""
        return self.own if isinstance(self.own, Domain) else None

    @property
    def numbers(self) -> dict[str, Selection]:
        """Numbers of events that it needs, by the keys that name them."""
        pivot = self.pivot
        return {} if pivot is None else {"adversary.nuisance": pivot.nuisance.selection}

    @property
    def columns(self) -> tuple[Curve, ...]:
        """What it adds to a history."""
        return () if self.own is None else self.own.curves

    @property
    def shared(self) -> dict[str, Any]:
        """What points have to have in common to be trained together; empty without an adversary."""
        return {name: value for name, value in self.plain().items() if name not in self.varied}

    def require_classes(self, classes: Collection[str]) -> None:
        """Check that `classes` are some of these, else a `Problem`."""
        for name in self.pivot.classes if self.pivot else ():
            if name not in classes:
                raise Problem("adversary.classes", f"no class {name!r}; {hint(name, classes)}")

    def require_fit(self, task: Tasks, train: Train, model: Model, folds: bool = False) -> None:
        """Check that it can work against this model, trained so for these tasks, else a `Problem`."""
        if self.own is None:
            return
        if model.trainer != "networks":
            raise Problem("adversary", f"works against networks, and model.family is {model.family}")
        if not any(isinstance(each, Classify) for each in task.all):
            raise Problem(
                "adversary", f"{self.kind} works on scores of classes, and task is {task.all[0].kind}"
            )
        if train.devices != 1:
            raise Problem("train.devices", "must be 1 with an adversary, which learns from whole batches")
        if train.schedule == "plateau":
            raise Problem(
                "train.schedule",
                "plateau waits until the loss no longer falls, which says little with an adversary; choose "
                "another one, such as cosine",
            )
        if self.domain is not None and folds:
            raise Problem("adversary", "the other domain has no folds; remove data.folds, or the adversary")
        if self.own.warm_up > train.epochs:
            raise Problem(
                "adversary.warm_up",
                f"must be at most train.epochs, which is {train.epochs}, got {self.own.warm_up}",
            )
        if train.early_stopping is not None:
            raise Problem(
                "train.early_stopping",
                "must be null with an adversary, which is also the default there: the last epoch is kept, "
                "because the epoch with the lowest loss is one that ignores the adversary",
            )

    def plain(self) -> dict[str, Any]:
        """What `parse` reads."""
        if self.own is None:
            return {}
        own = {field.name: plain(getattr(self.own, field.name)) for field in dataclasses.fields(self.own)}
        return {"kind": self.kind, **own}
