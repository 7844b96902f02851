"""First pass: read raw events once, check, measure, encode, and leave what the second pass needs."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.dataset.events import Events
from dlscan.dataset.moments import Moments
from dlscan.dataset.words import event_hashes
from dlscan.prepare.blocks import BadEvents, checked, encoded_blocks, file_checksum, indexed, linked_of
from dlscan.prepare.collected import Collected
from dlscan.prepare.draw import uniform
from dlscan.prepare.layout import Format
from dlscan.prepare.measure import PerEvent
from dlscan.prepare.notes import noted, write_note
from dlscan.prepare.selecting import Unlabelled, both
from dlscan.prepare.spill import Spill, make_spill
from dlscan.prepare.tasks import Piece
from dlscan.raw import DatasetIndex, LinkedFile


@dataclasses.dataclass(frozen=True)
class ScatterTask:
    """Some pieces of raw files, and what to leave of them where: see `make_spill`."""

    number: int
    pieces: list[Piece]
    format: Format
    kind: str
    spill: Path
    run_bytes: int

    @property
    def note(self) -> Path:
        """Where it is noted that the task has ended."""
        return self.spill / f"read-{self.number:06d}.json"


@noted
@dataclasses.dataclass(frozen=True)
class PieceSummary:
    """What a piece of a file holds.

    Attributes
    ----------
    number : int
        Of the file.
    reason : str or None
        Why the file is bad.
    counts : ndarray of int64, (classes, parts)
        Events of each class in each part.
    moments : dict of str to list of Moments
        Of each input, over each part that is measured: see `Format`.
    weights : dict of str to (tuple of PerEvent, (classes,))
        Of each extra with one number per event, by class.
    samples : dict of str to ndarray, (n, features)
        Some events of the measured parts, of each input that is a vector; of entries those of these events.
    sampled : dict of str to ndarray of int8, (n,)
        The parts that these belong to.
    cut : dict of str to ndarray of int64, (classes, 2)
        Events of each class that have too many entries in an input, and the entries that are left out.
    filled : dict of str to int
        Numbers of an input that were nan.
    checksum : str or None
        Of the whole file; only with its first piece.
    chunks : int
        Chunks of all datasets of the file; only with its first piece.
    slow : dict of str to str
        Why HDF5 must read a dataset, for those that it must read.
    linked : tuple of LinkedFile
        Other files that the events come from, as they were before they were read.
    flow : ndarray of int64, (cuts + 1, classes + 1)
        Events of each class, and of none, before and after each cut.
    unlabelled : Unlabelled or None
        Those that must have a class, and have none.
    """

    number: int
    reason: str | None
    counts: NDArray[np.int64]
    moments: dict[str, list[Moments]]
    weights: dict[str, tuple[PerEvent, ...]]
    samples: dict[str, NDArray[Any]]
    sampled: dict[str, NDArray[np.int8]]
    cut: dict[str, NDArray[np.int64]]
    filled: dict[str, int]
    checksum: str | None
    chunks: int
    slow: dict[str, str]
    linked: tuple[LinkedFile, ...]
    flow: NDArray[np.int64]
    unlabelled: Unlabelled | None

    @property
    def read(self) -> int:
        """Events that were read."""
        return int(self.flow[0].sum())


def scatter(task: ScatterTask) -> list[PieceSummary]:
    """Do the first pass over the pieces of a task, and leave what it is for in its spill.

    A bad file does not end the task: what was already written of it is dropped in the second pass.
    """
    spill = make_spill(task.kind, task.spill, task.number, task.format, task.run_bytes)
    measured = [_scatter_piece(piece, task.format, spill) for piece in task.pieces]
    spill.end()
    write_note(task.note, measured, spill.files)
    return measured


def _scatter_piece(piece: Piece, form: Format, spill: Spill) -> PieceSummary:
    parts_ = len(form.parts)
    counts = np.zeros((form.classes, parts_), np.int64)
    flow = np.zeros((len(form.cuts) + 1, form.classes + 1), np.int64)
    unlabelled: Unlabelled | None = None
    moments: dict[str, list[Moments]] = {}
    scalars = [name for name, column in form.extras.items() if column.size == 1]
    weights = {name: (PerEvent.nothing(parts_),) * form.classes for name in scalars}
    collected = Collected(form)
    index: dict[str, DatasetIndex] = {}
    linked: tuple[LinkedFile, ...] = ()
    checksum = reason = None
    try:
        index = indexed(piece, form)
        linked = linked_of(index)
        spill.begin(piece, index)
        for events, selected, made in encoded_blocks(piece, form, index):
            flow += selected.flow
            unlabelled = both(unlabelled, selected.unlabelled)
            spill.add(events, selected.kept)
            if not len(events):
                continue
            codes = events.array("codes")
            places = events.array("labels").astype(np.int64) * parts_ + codes
            counts += np.bincount(places, minlength=counts.size).reshape(counts.shape)
            _measure(moments, events, codes, form)
            for name, sums in weights.items():
                weights[name] = _added(sums, events.array(f"extras/{name}").reshape(len(codes)), events)
            collected.add(events, _sampled(piece, events, codes, form), made)
        if piece.start == 0:
            checksum = checked(file_checksum, piece.file.path, linked)
    except BadEvents as error:
        reason = " ".join(str(error).split())
    chunks = sum(len(found.offsets) for found in index.values()) if piece.start == 0 else 0
    slow = {name: found.why for name, found in index.items() if found.why}
    return PieceSummary(
        number=piece.number,
        reason=reason,
        counts=counts,
        moments=moments,
        weights=weights,
        samples=collected.samples,
        sampled=collected.sampled,
        cut=collected.cut,
        filled=collected.filled,
        checksum=checksum,
        chunks=chunks,
        slow=slow,
        linked=linked,
        flow=flow,
        unlabelled=unlabelled,
    )


def _added(sums: tuple[PerEvent, ...], values: NDArray[Any], events: Events) -> tuple[PerEvent, ...]:
    """The sums of each class, with those of a block of events added."""
    labels, codes, rows = events.array("labels"), events.array("codes"), events.array("sources")[:, 1]
    found = list(sums)
    for label in np.unique(labels).tolist():
        own, parts = labels == label, len(sums[label].total)
        found[label] += PerEvent.of(values[own], codes[own], rows[own], parts)
    return tuple(found)


def _sampled(piece: Piece, events: Events, codes: NDArray[np.int8], form: Format) -> NDArray[np.bool_]:
    """Which events of a block quantiles are taken from: the same whoever reads it, in whatever blocks."""
    rows = events.array("sources")[:, 1].astype(np.int64)
    words = event_hashes(piece.file.name, rows, form.split.seed, "quantiles")
    chosen: NDArray[np.bool_] = (codes < len(form.measured)) & (uniform(words) < form.sampled)
    return chosen


def _measure(
    moments: dict[str, list[Moments]], events: Events, codes: NDArray[np.int8], form: Format
) -> None:
    for name, spec in form.inputs.items():
        block = events.columns[f"inputs/{name}"]
        found = [Moments.of(block, spec.size, spec.by_feature, codes == code) for code in form.measured]
        before = moments.get(name)
        moments[name] = found if before is None else [a + b for a, b in zip(before, found, strict=True)]
