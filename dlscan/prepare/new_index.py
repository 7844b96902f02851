"""An index of raw files that are no part of a dataset: what a network is applied to."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlscan.config import Experiment
from dlscan.config.build import Problem
from dlscan.config.cuts import Cuts
from dlscan.config.event_labels import LabelColumn
from dlscan.config.selection import Selection
from dlscan.dataset import SPLITS, Manifest, SourceFile, SplitInfo
from dlscan.errors import BadFilesError
from dlscan.prepare.layout import entry_names, roles_of
from dlscan.prepare.new_files import NewFiles, recipes_of, weight_of
from dlscan.prepare.selecting import holds, numbers_of
from dlscan.raw import RawFile, Recipe, index_file, read_events
from dlscan.raw.faults import RawError
from dlscan.raw.store import LEFT_OUT
from dlscan.raw.writer import FileIndex, IndexWriter

_TEST = SPLITS.index("test")


class Place(NamedTuple):
    """An event: the number of its file, and its row there."""

    file: int
    row: int


def index_new_files(
    experiment: Experiment, manifest: Manifest, found: NewFiles, place: Path, after: Place | None
) -> Manifest:
    """Write an index of files to the directory `place`; all events that pass the cuts are its test split.

    Parameters
    ----------
    after : Place or None
        Leave out events up to this one, which were done before.

    Returns
    -------
    Manifest
        Of what `Batches` reads there: with the extras of `found`, and labels, which are below zero where an
        event is of no class. The number of a file is its place in `found.files`.

    Raises
    ------
    BadFilesError
        If a file cannot be read after all.
    """
    rules = _Rules.of(experiment, manifest, found)
    roles = roles_of(recipes_of(manifest))
    whole = [name for name in found.extras if name not in rules.implied]
    stored = list(dict.fromkeys([*manifest.whole.values(), *roles, *whole]))
    counts = np.zeros(len(manifest.classes), np.int64)
    kept: list[tuple[FileIndex, _Chosen]] = []
    for number, file in enumerate(found.files):
        if file not in found.layouts or (after is not None and number < after.file):
            continue
        try:
            indexed = index_file(file.path, stored, file.roots, roles)
            chosen = _choose(rules, file, found.layouts[file].events)
        except (RawError, OSError, ValueError) as error:
            raise BadFilesError([(file.path, " ".join(str(error).split()))], False) from error
        if after is not None and number == after.file:
            chosen.codes[: after.row + 1] = LEFT_OUT
        kept.append((FileIndex(file.name, max(file.label, 0), number, file.stat(), indexed), chosen))
        own = chosen.labels[chosen.codes == _TEST]
        counts += np.bincount(own.clip(min=0), minlength=len(counts))
    events = sum(len(chosen.codes) for _, chosen in kept)
    chunks = sum(len(each.offsets) for file, _ in kept for each in file.datasets.values())
    columns = {"labels": "<i2"} | {f"extras/{name}": manifest.extras[name].dtype for name in rules.implied}
    with IndexWriter(place / "index.h5", Path("/"), stored, events, chunks, columns) as writer:
        for index, chosen in kept:
            writer.add(index)
            writer.add_codes(chosen.codes, {"labels": chosen.labels, **chosen.numbers})
    nothing = SplitInfo((), (0,) * len(counts))
    made = dataclasses.replace(
        manifest,
        extras={name: manifest.extras[name] for name in found.extras},
        splits=dict.fromkeys(SPLITS, nothing) | {"test": SplitInfo((), tuple(counts.tolist()))},
        sources=tuple(_source(file, found) for file in found.files),
        raw="/",
        sealed=True,
        weights={},
        folds=(),
        left_out=(),
        bad_files=(),
        resampled=None,
        config_hash=f"{manifest.config_hash}-new",
    )
    made.write(place)
    return made


def _source(file: RawFile, found: NewFiles) -> SourceFile:
    events = found.layouts[file].events if file in found.layouts else 0
    return SourceFile(str(file.path), "", events, 0, 0, "")


@dataclasses.dataclass(frozen=True)
class _Rules:
    """What is looked at in each event before it is read as a whole.

    Attributes
    ----------
    cuts : tuple of str
        Expressions that must hold.
    labels : LabelColumn or None
        What says the class of an event.
    numbers : ndarray of int16, (names,)
        The number in the dataset of each class of `labels`.
    implied : dict of str to Selection
        Of extras that are not read as a whole: what of which dataset.
    types : dict of str to str
        How these are stored.
    recipes : dict of str to Recipe
        Inputs whose entries cuts regard.
    lists : dict of str to (str, int)
        What cuts call the numbers of these: see `entry_names`.
    """

    cuts: tuple[str, ...]
    labels: LabelColumn | None
    numbers: NDArray[np.int16]
    implied: dict[str, Selection]
    types: dict[str, str]
    recipes: dict[str, Recipe]
    lists: dict[str, tuple[str, int]]

    @classmethod
    def of(cls, experiment: Experiment, manifest: Manifest, found: NewFiles) -> "_Rules":
        data, recipes = experiment.data, recipes_of(manifest)
        cut = {each.extra for each in data.where.selections.values()}
        lists = {name: own for name, own in entry_names(recipes).items() if name in cut}
        # an experiment may list the classes in another order than the dataset has
        names = () if found.column is None else found.column.names
        implied = {name: weight_of(experiment) for name in found.extras if name in manifest.implied}
        return cls(
            data.where.texts,
            found.column,
            np.array([manifest.classes.index(name) for name in names], np.int16),
            implied,
            {name: manifest.extras[name].dtype for name in implied},
            {own: recipes[own] for own, _ in lists.values()},
            lists,
        )

    @property
    def datasets(self) -> list[str]:
        """Those with a row for each event."""
        cuts = Cuts.parse(list(self.cuts), "data.where").selections.values()
        found = [*cuts, *([] if self.labels is None else [self.labels.column]), *self.implied.values()]
        return list(dict.fromkeys(each.extra for each in found if each.extra not in self.lists))


@dataclasses.dataclass(frozen=True)
class _Chosen:
    """The split of each event of a file, or that it is left out, its class, and columns of the index."""

    codes: NDArray[np.uint8]
    labels: NDArray[np.int16]
    numbers: dict[str, NDArray[Any]]


def _choose(rules: _Rules, file: RawFile, events: int) -> _Chosen:
    codes, labels = np.full(events, _TEST, np.uint8), np.full(events, file.label, np.int16)
    numbers = {f"extras/{name}": np.zeros(events, dtype) for name, dtype in rules.types.items()}
    types, roles = dict.fromkeys(rules.datasets), roles_of(rules.recipes)
    if types or rules.recipes:
        more = {name: role for name, role in roles.items() if name not in types}
        index = index_file(file.path, [*types, *more], file.roots, more)
        for first, rows, block, made in read_events(file.path, index, 0, events, types, rules.recipes):
            here = slice(first, first + rows)
            if rules.labels is not None:
                own = rules.labels.of(rules.labels.column.of(block[rules.labels.column.extra]))
                labels[here] = np.where(own < 0, own, rules.numbers[own])
            for name, selection in rules.implied.items():
                numbers[f"extras/{name}"][here] = selection.of(block[selection.extra])
            values = {**numbers_of(made, rules.lists), **block}
            # an event of a class that is none is predicted too
            try:
                for number in range(len(rules.cuts)):
                    codes[here][~holds(rules.cuts, number, values, rows)] = LEFT_OUT
            except (Problem, IndexError) as problem:
                raise RawError(f"data.where does not fit: {problem}") from None
    return _Chosen(codes, labels, numbers)
