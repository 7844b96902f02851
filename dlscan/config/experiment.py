"""What an experiment file says, as frozen objects. Each attribute is a key of the file."""

import dataclasses
import shlex
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from dlscan.config.adversary import Adversary
from dlscan.config.augment import Augment
from dlscan.config.batch import BatchOptions
from dlscan.config.build import (
    NOT_A_KEY,
    Min,
    Problem,
    keys,
    plain,
)
from dlscan.config.combinations import Combinations
from dlscan.config.data import Data
from dlscan.config.dotted import get
from dlscan.config.fitting import SECTIONS
from dlscan.config.models import Model
from dlscan.config.normalization import Normalization
from dlscan.config.scan import ScanOptions
from dlscan.config.selection import Selection
from dlscan.config.source import Source
from dlscan.config.task import Tasks
from dlscan.config.task_kinds import Reconstruct
from dlscan.config.train import Train
from dlscan.config.units import Size
from dlscan.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Stream:
    """How batches reach the network.

    `memory` bounds what batches take, in bytes. `cache: ram` keeps the encoded events of a split in memory.
    `transport: sparse` sends inputs that are stored sparse as entries: dense, if need be, on the device.
    """

    workers: Literal["auto"] | Annotated[int, Min(0)] = "auto"
    memory: Size | None = None
    cache: Literal["none", "ram"] = "none"
    transport: Literal["auto", "dense", "sparse"] = "auto"


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A whole experiment file; paths are absolute once it is loaded."""

    name: str
    data: Data
    output: Path = Path("scans")
    task: Tasks = Tasks()
    model: Model = Model()
    train: Train = Train()
    adversary: Adversary = Adversary()
    scan: ScanOptions = ScanOptions()
    stream: Stream = Stream()
    batch: BatchOptions = BatchOptions()
    file: Path | None = dataclasses.field(default=None, compare=False, metadata=NOT_A_KEY)
    overrides: tuple[str, ...] = dataclasses.field(default=(), compare=False, metadata=NOT_A_KEY)
    combinations: Combinations = dataclasses.field(
        default_factory=lambda: Combinations({}, ScanOptions()), compare=False, repr=False, metadata=NOT_A_KEY
    )

    def __post_init__(self) -> None:
        if self.task.classifies and self.data.classes is not None and len(self.data.classes) < 2:
            raise Problem("data.classes", "must name at least two classes")
        for key, selection in self.numbers:
            if selection.extra not in self.data.extras:
                known = ", ".join(self.data.extras) or "empty"
                raise Problem(
                    key,
                    f"{selection.extra} is not in data.extras ({known}), the datasets that events carry "
                    "along; add it there",
                )

        if self.data.classes is not None:
            self.require_classes(self.data.classes)

    def require_classes(self, classes: Collection[str]) -> None:
        """Check that the classes which task and adversary name are some of these, else a `Problem`."""
        for task in self.task.all:
            if isinstance(task, Reconstruct):
                task.require_classes(classes)
        self.adversary.require_classes(classes)

    @property
    def numbers(self) -> list[tuple[str, Selection]]:
        """Where the numbers are that training needs of an event, each with the key that names it."""
        return [*self.task.selections, *self.adversary.numbers.items()]

    @property
    def other_domain(self) -> "Experiment | None":
        """The events of the other domain as an experiment of their own, prepared beside the dataset.

        Raises
        ------
        ConfigError
            If they are those of the dataset itself.
        """
        domain = self.adversary.domain
        if domain is None:
            return None
        if domain.raw.resolve() == self.data.raw.resolve():
            raise self.problem("adversary.raw", "is data.raw; name the directory of another domain")
        data = dataclasses.replace(
            self.data,
            raw=domain.raw,
            prepared=self.data.prepared.with_name(f"{self.data.prepared.name}-domain"),
            # no labels are needed; where they are there, scores are measured
            classes=self.data.classes if self._has_classes(domain.raw) else None,
            extras=(),
            # the network scales them as its own
            normalize={},
            balance="none",
            weights=None,
            resample=None,
            folds=None,
            fold=None,
            fraction=None,
        )
        # a directory of events without labels is enough
        task = Tasks((Reconstruct(),))
        return dataclasses.replace(self, data=data, task=task, adversary=Adversary())

    def _has_classes(self, raw: Path) -> bool:
        return all((raw / name).exists() for name in (self.data.classes or {}).values())

    @property
    def directory(self) -> Path:
        """Where the scan of this experiment lives."""
        return self.output / self.name

    def plain(self) -> dict[str, Any]:
        """The mapping that builds this experiment again, defaults written out."""
        mapping = {name: plain(getattr(self, name)) for name in keys(Experiment)}
        for section in SECTIONS:
            mapping[section] |= self.combinations.left_out(section)
        if not mapping["adversary"]:
            # as it was before there was one
            del mapping["adversary"]
        return mapping

    @property
    def written(self) -> dict[str, dict[str, Any]]:
        """The sections that a scan varies as they stand in the file, without defaults."""
        written = {section: dict(mapping) for section, mapping in self.combinations.written.items()}
        return {name: own for name, own in written.items() if own or name != "adversary"}

    @property
    def sources(self) -> dict[str, Source]:
        """The files, by their paths, of which the experiment has functions, such as families of networks."""
        return {str(each.source.path): each.source for each in self.combinations.functions}

    def at(self, params: Mapping[str, Any]) -> "Experiment":
        """The experiment at one point: the same events, the point's keys set, and no scan.

        Parameters
        ----------
        params : mapping of str to object
            Dotted keys with their values.

        Raises
        ------
        ConfigError
            If that cannot be.
        """
        try:
            single = self.combinations.at(params)
            (point,) = single.all
        except Problem as problem:
            raise self.problem(problem.key, str(problem)) from None
        data = dataclasses.replace(self.data, **{name: getattr(point.data, name) for name in Data.varied})
        sections = {name: getattr(point, name) for name in SECTIONS if name != "data"}
        return dataclasses.replace(self, data=data, **sections, scan=ScanOptions(), combinations=single)

    def normalizations(self, name: str) -> tuple[Normalization, ...]:
        """How the points scale input `name`; each way once."""
        return tuple(dict.fromkeys(point.data.normalization(name) for point in self.combinations.examples))

    @property
    def augmentations(self) -> tuple[Augment, ...]:
        """How the points augment events."""
        return tuple(point.data.augment for point in self.combinations.examples if point.model.augments)

    def applies(self, key: str) -> bool:
        """Whether a key that points set is for this family of networks, or for this optimizer."""
        section, _, name = key.partition(".")
        if section == "model":
            return self.model.has(name)
        rule, first = SECTIONS[section], name.split(".")[0]
        known: bool = rule.applies(first, getattr(getattr(self, section), rule.decided_by(first)))
        return known and self.model.reads(key)

    def value(self, key: str) -> Any:
        """The plain value of a key that points set; None where there is none, as below a key that is null."""
        section, _, name = key.partition(".")
        own = getattr(self, section)
        return own.value(name) if section == "data" else get(plain(own), name)

    def command(self, verb: str, *options: str) -> str:
        """The command line for this experiment, with the overrides that it was loaded with.

        Without them the command would be about another experiment, and the advice would go round in circles.
        """
        return shlex.join(["dlscan", verb, str(self.file), *self.overrides, *options])

    def problem(self, key: str, message: str) -> ConfigError:
        """The error that says what is wrong with `key` of this file."""
        return ConfigError(f"{self.file}: {key}: {message}")
