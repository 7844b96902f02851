"""An index of raw files that are no part of a dataset: what a network is applied to."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlscan.config import Experiment
from dlscan.config.build import Problem
from dlscan.config.cuts import Cuts
from dlscan.config.event_labels import LabelColumn
from dlscan.dataset import SPLITS, Manifest, SourceFile, SplitInfo
from dlscan.errors import BadFilesError, DataError
from dlscan.prepare.layout import roles_of
from dlscan.prepare.selecting import select_events
from dlscan.raw import FileLayout, RawFile, Recipe, check_files, index_file, read_rows
from dlscan.raw.faults import RawError
from dlscan.raw.places import ALL_SUFFIXES, by_number
from dlscan.raw.store import LEFT_OUT
from dlscan.raw.writer import FileIndex, IndexWriter

_TEST = SPLITS.index("test")


class Place(NamedTuple):
    """An event: the number of its file, and its row there."""

    file: int
    row: int


@dataclasses.dataclass(frozen=True)
class NewFiles:
    """Raw files to which a network is applied, checked by their headers.

    Attributes
    ----------
    files : tuple of RawFile
        All, in the order in which they were given.
    layouts : dict of RawFile to FileLayout
        Of those that can be used.
    bad : dict of RawFile to str
        The others, and why.
    known : bool
        Whether it is known what the events are: of which class, or their targets.
    extras : tuple of str
        Extras of the dataset that the files have too.
    """

    files: tuple[RawFile, ...]
    layouts: dict[RawFile, FileLayout]
    bad: dict[RawFile, str]
    known: bool
    extras: tuple[str, ...]


def find_new_files(paths: Sequence[Path]) -> list[Path]:
    """The HDF5 files that were given, and those in directories that were given, in order.

    Raises
    ------
    DataError
        If one is not there, or a directory has none.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(
                (item for item in path.rglob("*") if item.suffix.lower() in ALL_SUFFIXES and item.is_file()),
                key=by_number,
            )
            if not inside:
                raise DataError(f"{path}: no HDF5 files here ({', '.join(ALL_SUFFIXES)})")
            found += inside
        elif path.exists():
            found.append(path)
        else:
            raise DataError(f"{path}: no such file or directory")
    return found


def check_new_files(
    experiment: Experiment, manifest: Manifest, paths: Sequence[Path], skip_bad: bool = False
) -> NewFiles:
    """Check that files have what a network of a dataset takes.

    Parameters
    ----------
    experiment : Experiment
        Of the point: its inputs, cuts and labels.
    manifest : Manifest
        Of the dataset that it was trained on.
    paths : sequence of Path
        The files.
    skip_bad : bool
        Leave bad files out instead of stopping.

    Raises
    ------
    BadFilesError
        With every bad file, unless `skip_bad`; in any case if no file is left.
    """
    data = experiment.data
    labels = _directories(data.classes, manifest.classes)
    files = tuple(
        RawFile(
            path,
            str(path.resolve()),
            labels.get(path.resolve().parent.name, -1),
            None if data.follow_links else (path.resolve().parent,),
        )
        for path in paths
    )
    roles = _roles(manifest)
    inputs = [*manifest.whole.values(), *roles]
    needed = dict.fromkeys([*inputs, *(each.extra for each in data.where.selections.values())])
    column = data.label_column
    also = [*manifest.extras, *([] if column is None else [column.column.extra])]
    layouts, bad = check_files(files, list(dict.fromkeys([*needed, *also])), roles)
    if bad:  # without what only tells the truth
        layouts, bad = check_files(files, list(needed), roles)
        also = []
    for file, layout in list(layouts.items()):
        reason = _unlike(layout, manifest)
        if reason:
            bad[file] = reason
            del layouts[file]
    if bad and (not skip_bad or not layouts):
        raise BadFilesError([(file.path, bad[file]) for file in files if file in bad], skip_bad)
    has_column = column is not None and column.column.extra in also
    known = has_column or (column is None and all(file.label >= 0 for file in layouts))
    return NewFiles(files, layouts, bad, known, tuple(name for name in manifest.extras if name in also))


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
        Of what `Batches` reads there. The number of a file is its place in `found.files`.

    Raises
    ------
    BadFilesError
        If a file cannot be read after all.
    """
    data, column = experiment.data, experiment.data.label_column
    if column is not None and column.column.extra not in _datasets(found):
        column = None
    rules = _Rules(len(manifest.classes), data.where.texts, column)
    roles = _roles(manifest)
    stored = list(dict.fromkeys([*manifest.whole.values(), *roles, *found.extras]))
    counts = np.zeros(len(manifest.classes), np.int64)
    kept: list[tuple[FileIndex, NDArray[np.uint8], NDArray[np.int16]]] = []
    for number, file in enumerate(found.files):
        if file not in found.layouts or (after is not None and number < after.file):
            continue
        try:
            names = list(dict.fromkeys([*stored, *rules.datasets]))
            indexed = index_file(file.path, names, file.roots, roles)
            codes, labels = _select(rules, file, found.layouts[file].events, indexed)
        except (RawError, OSError, ValueError) as error:
            raise BadFilesError([(file.path, " ".join(str(error).split()))], False) from error
        if after is not None and number == after.file:
            codes[: after.row + 1] = LEFT_OUT
        label = max(file.label, 0)
        own = {name: indexed[name] for name in stored}
        kept.append((FileIndex(file.name, label, number, file.stat(), own), codes, labels))
        counts += np.bincount(labels[codes == _TEST].clip(min=0), minlength=len(counts))
    events = sum(len(codes) for _, codes, _ in kept)
    chunks = sum(len(each.offsets) for file, _, _ in kept for each in file.datasets.values())
    with IndexWriter(place / "index.h5", Path("/"), stored, events, chunks, {"labels": "<i2"}) as writer:
        for index, codes, labels in kept:
            writer.add(index)
            writer.add_codes(codes, {"labels": labels.clip(min=0)})
    nothing = SplitInfo((), (0,) * len(counts))
    made = dataclasses.replace(
        manifest,
        extras={name: manifest.extras[name] for name in found.extras},
        splits=dict.fromkeys(SPLITS, nothing) | {"test": SplitInfo((), tuple(counts.tolist()))},
        sources=tuple(
            SourceFile(
                str(file.path), "", found.layouts[file].events if file in found.layouts else 0, 0, 0, ""
            )
            for file in found.files
        ),
        raw="/",
        sealed=True,
        weights={},
        folds=(),
        left_out=(),
        bad_files=(),
        config_hash=f"{manifest.config_hash}-new",
    )
    made.write(place)
    return made


@dataclasses.dataclass(frozen=True)
class _Rules:
    """See `dlscan.prepare.selecting.Rules`."""

    classes: int
    cuts: tuple[str, ...]
    labels: LabelColumn | None

    @property
    def datasets(self) -> list[str]:
        """What decides."""
        cuts = Cuts.parse(list(self.cuts), "data.where").selections.values()
        found = [*cuts, *([] if self.labels is None else [self.labels.column])]
        return list(dict.fromkeys(selection.extra for selection in found))


def _select(
    rules: _Rules, file: RawFile, events: int, indexed: Mapping[str, Any]
) -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
    """The split of each event, or that it is left out, and its class."""
    codes, labels = np.full(events, _TEST, np.uint8), np.full(events, file.label, np.int16)
    if not rules.datasets:
        return codes, labels
    needed = {name: indexed[name] for name in rules.datasets}
    for first, block in read_rows(file.path, needed, 0, events):
        rows = len(next(iter(block.values())))
        here = slice(first, first + rows)
        try:
            selected = select_events(rules, block, first, rows, file.label)
        except (Problem, IndexError) as problem:
            raise RawError(f"data.where does not fit: {problem}") from None
        labels[here] = selected.labels
        # an event of a class that is none is predicted too
        passed = np.ones(rows, bool)
        if rules.cuts:
            without = dataclasses.replace(rules, labels=None)
            passed = select_events(without, block, first, rows, 0).kept
        codes[here][~passed] = LEFT_OUT
    return codes, labels


def _roles(manifest: Manifest) -> dict[str, str]:
    """The raw datasets of inputs that are put together, and what their rows are."""
    return roles_of({name: Recipe.from_plain(made.recipe) for name, made in manifest.made.items()})


def _datasets(found: NewFiles) -> set[str]:
    return set(itertools.chain.from_iterable(layout.shapes for layout in found.layouts.values()))


def _directories(classes: Mapping[str, str] | None, labels: Sequence[str]) -> dict[str, int]:
    """The class of each directory that has one."""
    named = classes or {label: label for label in labels}
    return {Path(named[label]).name: number for number, label in enumerate(labels) if label in named}


def _unlike(layout: FileLayout, manifest: Manifest) -> str:
    """What of a file is not as the dataset has it; empty if nothing is."""
    for name, dataset in manifest.whole.items():
        shape, wanted = layout.shapes.get(dataset), manifest.inputs[name].shape
        if shape is not None and shape != wanted:
            return f"{dataset} has shape {shape}, but the network takes {wanted}"
    return ""
