"""From what the passes found to a manifest."""

import csv
import dataclasses
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from dlscan.config import Experiment
from dlscan.dataset import (
    BadFile,
    Linked,
    MadeInput,
    Manifest,
    SourceFile,
    SplitInfo,
    Statistics,
    Weights,
    WeightSums,
    content,
)
from dlscan.dataset.folds import Fold
from dlscan.dataset.moments import Moments, merged
from dlscan.files import written_whole
from dlscan.prepare.layout import Format
from dlscan.prepare.measure import PerEvent, quantiles
from dlscan.prepare.scatter import PieceSummary
from dlscan.raw import FileLayout, LinkedFile, RawFile, Recipe
from dlscan.raw.find import BY_COLUMN
from dlscan.raw.links import below


@dataclasses.dataclass(frozen=True)
class RawFindings:
    """Everything that is known of the raw files once they are read.

    Attributes
    ----------
    classes : tuple of str
        The labels.
    stats : dict of RawFile to (int, int)
        Size and time of every file, good or bad, before it was read; a file's place is its number.
    layouts : dict of RawFile to FileLayout
        Headers of the files that fit together.
    bad : dict of RawFile to str
        Files that are left out.
    measured : list of PieceSummary
        Of each piece, in order.
    linked : dict of RawFile to tuple of LinkedFile
        The files that each file links to.
    """

    classes: tuple[str, ...]
    stats: dict[RawFile, tuple[int, int]]
    layouts: dict[RawFile, FileLayout]
    bad: dict[RawFile, str]
    measured: list[PieceSummary]
    linked: dict[RawFile, tuple[LinkedFile, ...]]


def linked_sources(files: Iterable[LinkedFile], raw: Path) -> tuple[Linked, ...]:
    """Files that a raw file links to, as a manifest lists them."""
    return tuple(Linked(below(file.path, raw), file.size, file.mtime_ns) for file in files)


def make_manifest(
    experiment: Experiment, form: Format, found: RawFindings, splits: dict[str, SplitInfo], index_only: bool
) -> Manifest:
    """Put together the manifest of a dataset, or of an index of raw files."""
    files = list(found.stats)
    good = [item for item in found.measured if files[item.number] not in found.bad]
    checksums = {item.number: item.checksum for item in good if item.checksum}
    sources = _sources(files, found, checksums, experiment.data.raw)
    config = content(experiment.data)
    identity = [config, [(source.file, source.checksum) for source in sources], *["index"] * index_only]
    weights = {name: _weights(name, form, files, good) for name in good[0].weights}
    manifest = Manifest(
        classes=found.classes,
        inputs=form.inputs,
        extras=form.extras,
        statistics={} if form.deal else {name: _statistics(name, good) for name in form.inputs},
        splits=splits,
        sources=sources,
        config=config,
        config_hash=hashlib.blake2b(json.dumps(identity).encode(), digest_size=16).hexdigest(),
        bad_files=tuple(
            BadFile(file.name, found.bad[file], *found.stats[file]) for file in files if file in found.bad
        ),
        raw=str(experiment.data.raw.resolve()) if index_only else None,
        weights=weights,
        sealed=True,
        flow=_flow(form, good),
        made={name: _made(name, recipe, good) for name, recipe in form.recipes.items()},
        resampled=form.resampled,
    )
    if form.deal is None:
        return manifest
    folds = tuple(_fold(number, part, manifest, form, good) for number, part in enumerate(form.parts[:-1]))
    return dataclasses.replace(manifest, folds=folds).leaving_out((1,))


def _made(name: str, recipe: Recipe, good: list[PieceSummary]) -> MadeInput:
    """What was done to make an input, from what was done to the pieces."""
    cut = np.sum([item.cut[name] for item in good], axis=0)
    events, entries = (tuple(map(int, column)) for column in cut.T)
    filled = sum(item.filled[name] for item in good)
    return MadeInput(dataclasses.asdict(recipe), recipe.features, events, entries, filled)


def _statistics(name: str, good: list[PieceSummary]) -> Statistics:
    """What was measured of an input over the training split, from that of the pieces."""
    found = _moments(name, 0, good).statistics()
    parts = [item.samples[name] for item in good if name in item.samples]
    return dataclasses.replace(found, quantiles=quantiles(np.concatenate(parts), found)) if parts else found


def _moments(name: str, part: int, good: list[PieceSummary]) -> Moments:
    # a piece of which no event is left has none
    return merged([item.moments[name][part] for item in good if name in item.moments])


def _fold(number: int, part: str, manifest: Manifest, form: Format, good: list[PieceSummary]) -> Fold:
    """A fold: its events, what was measured of them, and of the others what cannot be merged."""
    others = [other for other in form.measured if other != number]
    ranks = {}
    for name in good[0].samples:
        among = np.concatenate([item.sampled[name] for item in good]) != number
        sample = np.concatenate([item.samples[name] for item in good])[among]
        measured = merged([_moments(name, other, good) for other in others]).statistics()
        ranks[name] = quantiles(sample, measured)
    return Fold(
        manifest.splits[part],
        {name: _moments(name, number, good).plain() for name in form.inputs},
        {name: weights.splits[part] for name, weights in manifest.weights.items()},
        ranks,
    )


def write_bad_files(path: Path, manifest: Manifest) -> None:
    """Write the list of the files that were left out, with the reasons."""
    # a name that is not UTF-8 is written as the bytes it has
    with (
        written_whole(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8", errors="surrogateescape") as handle,
    ):
        writer = csv.writer(handle)
        writer.writerow(["file", "reason"])
        writer.writerows((bad.file, bad.reason) for bad in manifest.bad_files)


def _flow(form: Format, good: list[PieceSummary]) -> tuple[tuple[int, ...], ...]:
    """Events before and after each cut, by class; nothing where all events stay."""
    if not form.cuts and form.labels is None:
        return ()
    return tuple(map(tuple, np.sum([item.flow for item in good], axis=0).tolist()))


def _weights(name: str, form: Format, files: list[RawFile], good: list[PieceSummary]) -> Weights:
    """The sums of an extra by part of the dataset and class, from those of the pieces."""
    parts = [[item.weights[name][label] for item in good] for label in range(form.classes)]
    sums = [sum(own, start=PerEvent.nothing(len(form.parts))) for own in parts]
    splits = {
        split: WeightSums(
            tuple(float(own.total[code]) for own in sums),
            tuple(float(own.squares[code]) for own in sums),
            tuple(int(own.negative[code]) for own in sums),
        )
        for code, split in enumerate(form.parts)
    }
    bad = ((item.number, own.not_finite) for item in good for own in item.weights[name])
    first = min(((number, row) for number, row in bad if row is not None), default=None)
    return Weights(splits, None if first is None else f"{files[first[0]].name}, row {first[1]}")


def _sources(
    files: list[RawFile], found: RawFindings, checksums: dict[int, str], raw: Path
) -> tuple[SourceFile, ...]:
    return tuple(
        SourceFile(
            file.name,
            "" if file.label == BY_COLUMN else found.classes[file.label],
            found.layouts[file].events if number in checksums else 0,
            *found.stats[file],
            checksums.get(number, ""),
            linked_sources(found.linked[file], raw),
        )
        for number, file in enumerate(files)
    )
