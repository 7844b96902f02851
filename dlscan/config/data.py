"""The `data` section: where the events are and what of them the network sees."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from dlscan.config.augment import Augment
from dlscan.config.build import Above, Below, Problem, build_fields, join, plain, require_mapping
from dlscan.config.cuts import Cuts
from dlscan.config.event_labels import LabelColumn, Labels
from dlscan.config.file_names import FileNames
from dlscan.config.folds import NO_FOLD, Folds, require_folds
from dlscan.config.inputs import Inputs, is_plain
from dlscan.config.labels import check_label
from dlscan.config.normalization import Normalization
from dlscan.config.resample import WEIGHT, Resample
from dlscan.config.selection import Selection
from dlscan.config.share import Share
from dlscan.spelling import hint, near_miss

Fraction = Annotated[float, Above(0), Below(1)]


@dataclasses.dataclass(frozen=True)
class FractionSplit:
    """Random fractions of the events: each event's side is a hash of its file's name, row and the seed."""

    train: Fraction = 0.8
    validation: Fraction = 0.1
    test: Fraction = 0.1
    seed: int = 1


@dataclasses.dataclass(frozen=True)
class GroupSplit(FractionSplit):
    """Fractions of the values of a dataset, such as runs: all events with the same value are on one side."""

    group: str = ""


@dataclasses.dataclass(frozen=True)
class ColumnSplit:
    """A dataset in the raw files says which side an event is on.

    `validation` is a value of the column too, or, as a fraction between 0 and 1, the share cut out of train.
    """

    column: str
    train: int = 0
    test: int = 1
    validation: int | Fraction = 0.1
    seed: int = 1


class Split:
    """The `data.split` key: shares, of events or of groups, or a column."""

    @classmethod
    def parse(cls, value: Any, key: str) -> FractionSplit | ColumnSplit:
        """Read `{train: 0.8, ...}`, `{group: run, ...}` or `{column: split, ...}`."""
        if "column" in require_mapping(value, key):
            column: ColumnSplit = build_fields(ColumnSplit, value, key)
            if len({column.train, column.test, column.validation}) < 3:
                raise Problem(key, "train, validation and test must be three different values")
            return column
        shares: FractionSplit = build_fields(GroupSplit if "group" in value else FractionSplit, value, key)
        total = shares.train + shares.validation + shares.test
        if abs(total - 1) > 1e-9:
            raise Problem(key, f"train, validation and test must add up to 1, got {total:g}")
        return shares


# null is another way to leave these out
_MAY_BE_NULL = (
    "extras",
    "normalize",
    "split",
    "labels",
    "where",
    "files",
    "resample",
    "folds",
    "fold",
    "augment",
    "fraction",
)


@dataclasses.dataclass(frozen=True)
class Data:
    """Where the events are and what of them the network sees."""

    raw: Path
    inputs: Inputs
    prepared: Path
    classes: dict[str, str] | None = None
    files: FileNames | None = None
    where: Cuts = Cuts()
    extras: tuple[str, ...] = ()
    split: Split = FractionSplit()  # type: ignore[assignment]  # Split.parse gives one of its two kinds
    normalize: dict[str, Normalization] = dataclasses.field(default_factory=dict)
    balance: Literal["none", "weights", "oversample"] = "none"
    weights: str | None = None
    resample: Resample | None = None
    folds: Folds | None = None
    fold: int | Literal["none"] | tuple[int, ...] | None = None
    fraction: Share | None = None
    follow_links: bool = False
    labels: Labels = dataclasses.field(default_factory=Labels)
    augment: Augment = dataclasses.field(default_factory=Augment)

    # what points of a scan may differ in
    varied: ClassVar = ("normalize", "fold", "augment", "fraction")

    def __post_init__(self) -> None:
        if not isinstance(self.inputs, Inputs):
            object.__setattr__(self, "inputs", Inputs(self.inputs))

    @classmethod
    def parse(cls, value: Any, key: str) -> "Data":
        """Read the mapping; what it says of datasets must fit together."""
        mapping = dict(require_mapping(value, key))
        if isinstance(mapping.get("normalize"), str):
            # one kind for all inputs
            mapping["normalize"] = dict.fromkeys(_scaled(mapping.get("inputs")), mapping["normalize"])
        data: Data = build_fields(
            cls,
            {name: item for name, item in mapping.items() if item is not None or name not in _MAY_BE_NULL},
            key,
        )
        _check_names(data, key)
        _check_resample(data, join(key, "resample"))
        require_folds(data.fold, data.folds, join(key, "fold"))
        for part, first in (("normalize", "scaled"), ("augment", "augmented")):
            _require_stored(data, getattr(data, part), first, join(key, part))
        if data.weights is not None and data.weights not in data.extras:
            if meant := near_miss(data.weights, data.extras):
                message = f"must be one of data.extras, got {data.weights!r}; did you mean {meant!r}?"
                raise Problem(join(key, "weights"), message)
            Selection.parse(data.weights, join(key, "weights"))
        if data.label_column is not None and data.classes is not None:
            raise Problem(
                join(key, "classes"),
                "names directories, but data.labels says what the classes are; remove one",
            )
        if data.classes is not None and not data.classes:
            raise Problem(join(key, "classes"), "must name a class")
        for name in data.classes or {}:
            check_label(name, data.classes or {}, join(key, "classes"), Problem)
        return data

    @property
    def stored(self) -> Inputs:
        """The inputs that a dataset holds: without those that the network makes itself."""
        return self.inputs.stored

    @property
    def carried(self) -> tuple[str, ...]:
        """The extras, and what else events carry along: what weighs them, and in what they are made alike."""
        names = [*self.extras, *([] if self.weights is None else [self.weights])]
        alike = [] if self.resample is None else map(str, self.resample.variables)
        return tuple(dict.fromkeys([*names, *alike]))

    @property
    def implied(self) -> dict[str, Selection]:
        """What of that is no extra but a number of an event, by its name."""
        return {
            name: Selection.parse(name, "data.weights") for name in self.carried if name not in self.extras
        }

    @property
    def training_weights(self) -> str | None:
        """The extra that weighs events while networks train: with `resample` not the one that metrics use."""
        return WEIGHT if self.resample is not None and self.resample.by == "weights" else self.weights

    @property
    def label_column(self) -> LabelColumn | None:
        """The number of an event that says its class; None where each class has its files."""
        return getattr(self.labels, "by_column", None)

    @staticmethod
    def decided_by(name: str) -> str:
        """The key that decides whether there is the key `name`: any will do."""
        return "balance"

    @staticmethod
    def applies(name: str, kind: Any) -> bool:
        """Whether the key `name` is for this section, whatever else it says."""
        return True

    def value(self, name: str) -> Any:
        """The plain value of a key that points set; one kind of `normalize` for all is written once.

        Without `fraction` that is 1.
        """
        if name in ("fold", "augment"):
            return plain(getattr(self, name))
        if name == "fraction":
            return 1.0 if self.fraction is None else plain(self.fraction)
        _, _, own = name.partition(".")
        if own:
            return plain(self.normalization(own))
        kinds = {self.normalize.get(name) for name in self.stored}
        kind = kinds.pop() if len(kinds) == 1 else None
        return kind.kind if kind and kind.factor is None else plain(self.normalize)

    @property
    def left_out(self) -> tuple[int, ...]:
        """The folds that validate, from 1: the first unless `fold` says which; none without folds.

        `NO_FOLD` where all of them train.
        """
        if self.folds is None:
            return ()
        if isinstance(self.fold, str):
            return NO_FOLD
        return self.fold if isinstance(self.fold, tuple) else (self.fold or 1,)

    @property
    def validates(self) -> bool:
        """Whether there are events that validate, as without `fold: none`."""
        return self.left_out != NO_FOLD

    @property
    def dealing(self) -> Folds | None:
        """How events are dealt into folds: no group of `split` is torn apart."""
        if self.folds is None or self.folds.column or not isinstance(self.split, GroupSplit):
            return self.folds
        return dataclasses.replace(self.folds, group=self.split.group)

    def normalization(self, name: str) -> Normalization:
        """The normalisation of input `name`; `standard` where the file is silent."""
        return self.normalize.get(name, Normalization())


def _scaled(inputs: Any) -> list[str]:
    """The names of the inputs that are scaled, as far as what the file says can be read."""
    try:
        return list(Inputs.parse(inputs, "").stored)
    except Problem:
        return []  # what is wrong is said where they are read in earnest


def _require_stored(data: Data, names: Iterable[str], first: str, key: str) -> None:
    """Check that these are inputs that a dataset holds; what is made of one is so after that is `first`."""
    for name in names:
        where = join(key, str(name))
        if name in data.inputs.views:
            image = data.inputs[name].dataset
            raise Problem(where, f"{name} is made from {image}, which is {first} first; write {image}")
        if name not in data.stored:
            raise Problem(where, f"is none of data.inputs; {hint(name, data.stored)}")


def _check_resample(data: Data, key: str) -> None:
    """Check that resampling goes with what else the file says."""
    if data.resample is None:
        return
    if data.folds is not None:
        raise Problem(
            key, "is measured on one training split, and data.folds makes several; remove one of them"
        )
    if WEIGHT in data.extras:
        raise Problem(
            key, f"stores its weights as the extra {WEIGHT!r}, which data.extras has too; rename that"
        )


def _check_names(data: Data, key: str) -> None:
    """Check the names of inputs and extras: in the files, and in the network."""
    data.inputs.check(join(key, "inputs"))
    names = [*data.stored, *data.extras]
    for name in names:
        if names.count(name) > 1:
            raise Problem(join(key, "inputs"), f"{name!r} is listed twice in inputs and extras")
        if not is_plain(name):
            raise Problem(join(key, "inputs"), f"{name!r} must be a plain HDF5 name such as ECAL or jets/pt")
