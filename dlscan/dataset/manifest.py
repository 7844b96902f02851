"""`manifest.json`: what a prepared dataset holds and what it was made from."""

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import Any

from dlscan.config import Data, Experiment, Normalization, Stream, event_labels, plain
from dlscan.dataset.array_spec import ArraySpec
from dlscan.dataset.folds import Fold, events_of, statistics_of, weights_of
from dlscan.dataset.made_input import MadeInput
from dlscan.dataset.resampled import Resampled
from dlscan.dataset.sources import BadFile, SourceFile, as_columns, from_columns
from dlscan.dataset.splits import SplitInfo
from dlscan.dataset.statistics import Statistics
from dlscan.dataset.weights import Weights, class_weights
from dlscan.errors import DataError, DlscanError
from dlscan.files import read_json, write_json

VERSION = 1


def content(data: Data) -> dict[str, Any]:
    """The keys of `data` that decide which events a dataset holds; normalising and balancing come later."""
    found = {
        "classes": data.classes,
        "inputs": plain(data.stored),
        "extras": list(data.extras),
        "split": plain(data.split),
    }
    # datasets of before have no such keys
    later = {
        "folds": plain(data.folds) if data.folds else None,
        "labels": None if data.label_column is None else event_labels.content(data.label_column),
        "where": plain(data.where),
        # which decides what is stored
        "weights": data.weights if data.resample or data.weights not in data.extras else None,
        "resample": None if data.resample is None else plain(data.resample),
    }
    return found | {key: value for key, value in later.items() if value is not None}


def changed_keys(prepared: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """The keys of `data` that a dataset was prepared with other values of: see `content`."""
    keys = dict.fromkeys([*wanted, *prepared])
    return [f"data.{key}" for key in keys if wanted.get(key) != prepared.get(key)]


@dataclasses.dataclass(frozen=True)
class Manifest:
    """Everything about a dataset but the events.

    Attributes
    ----------
    classes : tuple of str
        The labels; an event's label is its index here.
    config : dict
        `content` of the experiment it was made for.
    config_hash : str
        Of `config` and of the sources' checksums: two datasets with the same hash hold the same events.
    bad_files : tuple of BadFile
        What was left out.
    raw : str or None
        The raw directory, if the events stay there and only their places are indexed.
    weights : dict of str to Weights
        Of each extra with one number per event: any of them may become `data.weights`. Older versions
        measured none.
    sealed : bool
        Whether the shards, or the index, end with checksums; those of older versions do not.
    flow : tuple of tuple of int
        Events of each class, and of none, before and after each cut of `config["where"]`; empty where all
        events of all files are in the dataset.
    resampled : Resampled or None
        How classes are made alike, with `data.resample`.
    folds : tuple of Fold
        The folds that `train` and `validation` are made of; none without `data.folds`.
    made : dict of str to MadeInput
        The inputs that are more than a dataset of their name.
    left_out : tuple of int
        The folds that `validation` is made of, from 1: see `leaving_out`. On file it is the first.
    """

    classes: tuple[str, ...]
    inputs: dict[str, ArraySpec]
    extras: dict[str, ArraySpec]
    statistics: dict[str, Statistics]
    splits: dict[str, SplitInfo]
    sources: tuple[SourceFile, ...]
    config: dict[str, Any]
    config_hash: str
    bad_files: tuple[BadFile, ...] = ()
    raw: str | None = None
    weights: dict[str, Weights] = dataclasses.field(default_factory=dict)
    sealed: bool = False
    flow: tuple[tuple[int, ...], ...] = ()
    resampled: Resampled | None = None
    folds: tuple[Fold, ...] = ()
    left_out: tuple[int, ...] = ()
    made: dict[str, MadeInput] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, experiment: Experiment) -> "Manifest":
        """Read the manifest of the dataset of an experiment; errors as for `read`."""
        found = cls.read(experiment.data.prepared, experiment.command("prepare"))
        return found.leaving_out(experiment.data.left_out)

    def leaving_out(self, numbers: Collection[int]) -> "Manifest":
        """The dataset whose validation split is made of these folds, from 1, and train of all others.

        Statistics and sums of weights are those of the folds that train. With 0 all of them train, and the
        last one is looked at all the same: nothing of that is a number of validation. Without folds it is
        the dataset itself, and so it is where a number is that of no fold: `require` says what is wrong then.
        """
        wanted = tuple(sorted(numbers))
        if not wanted or not self.folds or wanted[-1] > len(self.folds) or wanted == self.left_out:
            return self
        left = [self.folds[(number or len(self.folds)) - 1] for number in wanted]
        kept = [fold for number, fold in enumerate(self.folds, 1) if number not in wanted]
        sides = {"train": kept, "validation": left}
        weights = {}
        for name, known in self.weights.items():
            sums = {side: weights_of(folds, name) for side, folds in sides.items()}
            weights[name] = dataclasses.replace(known, splits=sums | {"test": known.splits["test"]})
        return dataclasses.replace(
            self,
            statistics={name: statistics_of(kept, left, name) for name in self.inputs},
            splits={side: events_of(folds) for side, folds in sides.items()} | {"test": self.splits["test"]},
            weights=weights,
            left_out=wanted,
        )

    @classmethod
    def read(cls, directory: Path, command: str = "dlscan prepare") -> "Manifest":
        """Read the manifest of the dataset in `directory`; `command` would make it.

        Raises
        ------
        DataError
            If there is no dataset, or one of another version.
        """
        path = directory / "manifest.json"
        try:
            value = read_json(path)
        except (FileNotFoundError, NotADirectoryError):
            raise DataError(f"{directory}: no prepared dataset here; run `{command}` first") from None
        except DlscanError as error:
            raise DataError(f"{error}; run `{command}` to rebuild it") from None
        if not isinstance(value, dict) or value.get("version") != VERSION:
            raise DataError(f"{path}: written by another version of dlscan; run `{command}` to rebuild it")
        try:
            return cls._from_plain(value)
        except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
            raise DataError(f"{path}: damaged ({error!r}); run `{command}` to rebuild it") from None

    @property
    def whole(self) -> dict[str, str]:
        """The raw dataset of each input that is one: see `made` for the others."""
        said = self.config["inputs"]
        own = said if isinstance(said, dict) else {}
        return {name: own.get(name, {}).get("dataset", name) for name in self.inputs if name not in self.made}

    @property
    def events(self) -> int:
        """All events of all splits."""
        return sum(split.events for split in self.splits.values())

    @property
    def implied(self) -> tuple[str, ...]:
        """Extras that are no dataset of the raw files but numbers of events, which weigh them."""
        return tuple(name for name in self.extras if name not in self.config["extras"])

    @property
    def event_bytes(self) -> int:
        """Bytes of the inputs of an event, dense and as networks take them."""
        return sum(4 * column.size for column in self.inputs.values())

    def gives_entries(self, stream: Stream) -> bool:
        """Whether inputs of this dataset can travel as entries, with these settings."""
        return not self.why_dense(stream)

    def filled_by(self, experiment: Experiment) -> str | None:
        """An input that is stored sparse and whose zeros do not stay zeros in training."""
        for name, steps in experiment.data.augment.items():
            if self.inputs[name].encoding == "sparse" and any(step.fills_zeros for step in steps):
                return name
        return None

    def why_dense(self, stream: Stream) -> str | None:
        """Why no input can travel as entries with these settings, if so."""
        if all(column.encoding != "sparse" for column in self.inputs.values()):
            return "no input of this dataset is stored sparse"
        if self.raw is not None and stream.cache == "none":
            return "raw files are read dense (prepare them without --index-only, or set stream.cache: ram)"
        return None

    def fields_of(self, name: str) -> tuple[str, ...]:
        """What the fields of an input are called, as far as the experiment names them."""
        made = self.made.get(name)
        return () if made is None else tuple(made.features)

    def why_no_quantiles(self, name: str, wanted: Normalization) -> str | None:
        """Why an input cannot be scaled by its quantiles, if it is to be."""
        if wanted.kind != "quantile" or self.statistics[name].quantiles:
            return None
        if len(self.inputs[name].shape) > 1:
            shape = "x".join(map(str, self.inputs[name].shape))
            return (
                f"quantile is only for vectors, but {name} has the shape {shape}; choose another "
                "normalisation for it"
            )
        return f"an older version of dlscan prepared {name} without its quantiles; run `dlscan prepare` again"

    def number_of(self, label: str) -> int:
        """The number of a class.

        Raises
        ------
        DataError
            If there is none of this name.
        """
        if label not in self.classes:
            raise DataError(f"{label!r} is none of the classes {', '.join(self.classes)}")
        return self.classes.index(label)

    def class_weights(
        self, balance: str, name: str | None = None, only: Collection[str] = ()
    ) -> tuple[float, ...]:
        """The factor of each class with `balance`, for events that weigh 1 or what the extra `name` says.

        It is that of the training split, for all splits: a loss must mean the same everywhere. With `only`,
        other classes than these have 0.

        Raises
        ------
        DataError
            If the weights cannot be used so.
        """
        problem = None if name is None else self.why_no_weights(name, balance)
        if problem:
            raise DataError(f"{problem}; run `dlscan prepare` again")
        measured = None if name is None else self.weights.get(name)
        sums = None if measured is None else measured.splits["train"]
        counts = self.splits["train"].counts
        if not only:
            return class_weights(balance, self.classes, counts, name or "", sums)
        there = [label in only for label in self.classes]
        some = [count * own for count, own in zip(counts, there, strict=True)]
        found = class_weights(balance, self.classes, some, name or "", sums)
        return tuple(factor * own for factor, own in zip(found, there, strict=True))

    def why_no_weights(self, name: str, balance: str) -> str | None:
        """Why an extra with one number per event cannot weigh events, as far as was measured."""
        if name not in self.weights:
            if balance == "none":
                return None
            return f"an older version of dlscan did not add up the event weights {name} of this dataset"
        place = self.weights[name].not_finite
        return None if place is None else f"the event weight {name} is not finite as float32 in {place}"

    def write(self, directory: Path) -> None:
        """Write the manifest, whole, into `directory`: from then on there is a dataset."""
        columns = {
            kind: {name: column.plain() for name, column in getattr(self, kind).items()}
            for kind in ("inputs", "extras")
        }
        whole = {"version": VERSION, **dataclasses.asdict(dataclasses.replace(self, sources=())), **columns}
        del whole["sources"]
        for key in ("flow", "resampled", "folds", "left_out", "made"):
            if not whole[key]:
                del whole[key]
        write_json(directory / "manifest.json", whole, {"sources": as_columns(self.sources)})

    @classmethod
    def _from_plain(cls, value: dict[str, Any]) -> "Manifest":
        def columns(items: dict[str, Any]) -> dict[str, ArraySpec]:
            return {name: ArraySpec.from_plain(item) for name, item in items.items()}

        return cls(
            classes=tuple(value["classes"]),
            inputs=columns(value["inputs"]),
            extras=columns(value["extras"]),
            statistics={name: Statistics.from_plain(item) for name, item in value["statistics"].items()},
            splits={name: SplitInfo.from_plain(item) for name, item in value["splits"].items()},
            sources=from_columns(value["sources"]),
            config=value["config"],
            config_hash=value["config_hash"],
            bad_files=tuple(BadFile(**item) for item in value["bad_files"]),
            raw=value.get("raw"),
            weights={name: Weights.from_plain(item) for name, item in value.get("weights", {}).items()},
            sealed=value.get("sealed", False),
            flow=tuple(map(tuple, value.get("flow", ()))),
            resampled=Resampled.from_plain(value["resampled"]) if "resampled" in value else None,
            folds=tuple(Fold.from_plain(item) for item in value.get("folds", ())),
            left_out=tuple(value.get("left_out", ())),
            made={name: MadeInput.from_plain(item) for name, item in value.get("made", {}).items()},
        )
