"""First pass: read raw events once, check, measure, encode, and leave what the second pass needs."""

import dataclasses
import functools
import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config.build import Problem
from dlscan.config.resample import WEIGHT
from dlscan.dataset.events import DenseBlock, Events, RaggedBlock, SparseBlock
from dlscan.dataset.moments import Moments
from dlscan.errors import DataError
from dlscan.prepare.bins import bins_of
from dlscan.prepare.collected import Collected
from dlscan.prepare.draw import event_hashes, split_codes, split_words, uniform
from dlscan.prepare.encode import encode, why_not_finite
from dlscan.prepare.layout import Format, Piece, deciding, entry_names, roles_of
from dlscan.prepare.measure import PerEvent, finite_weights
from dlscan.prepare.selecting import Selected, Unlabelled, both, numbers_of, select_events
from dlscan.prepare.spill import Spill, make_spill
from dlscan.raw import DatasetIndex, Entries, LinkedFile, RawFileError, Vectors, index_file, read_events
from dlscan.raw.links import first_changed


@dataclasses.dataclass(frozen=True)
class ScatterTask:
    """Some pieces of raw files, and what to leave of them where: see `make_spill`."""

    number: int
    pieces: list[Piece]
    format: Format
    kind: str
    spill: Path
    run_bytes: int


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


class BadEvents(DataError):
    """The file is bad; the message is the reason."""


def scatter(task: ScatterTask) -> list[PieceSummary]:
    """Do the first pass over the pieces of a task, and leave what it is for in its spill.

    A bad file does not end the task: what was already written of it is dropped in the second pass.
    """
    spill = make_spill(task.kind, task.spill, task.number, task.format, task.run_bytes)
    measured = [_scatter_piece(piece, task.format, spill) for piece in task.pieces]
    spill.end()
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
        index = _indexed(piece, form)
        linked = _linked(index)
        spill.begin(piece, index)
        for events, selected, made in _encoded_blocks(piece, form, index):
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
            checksum = _checked(file_checksum, piece.file.path, linked)
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


def file_checksum(path: Path, linked: Sequence[LinkedFile] = ()) -> str:
    """Checksum of a file's bytes, and of those of the files that it links to."""
    own = _digest(path)
    if not linked:
        return own
    digests = [own, *(_linked_digest(file) for file in linked)]
    return hashlib.blake2b(" ".join(digests).encode(), digest_size=16).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


@functools.cache
def _linked_digest(file: LinkedFile) -> str:
    """Digest of a file that many raw files may link to; read once by a process."""
    return _digest(file.path)


def _indexed(piece: Piece, form: Format) -> dict[str, DatasetIndex]:
    """Where the chunks of a piece's file lie, if it still is what its header was."""
    file = piece.file
    known = file.path, file.stat(), tuple(form.datasets), file.roots, tuple(roles_of(form.recipes).items())
    index: dict[str, DatasetIndex] = _checked(_index_once, *known)
    if first_changed(_linked(index)) is not None:
        _index_once.cache_clear()
        index = _checked(_index_once, *known)
    for name, found in index.items():
        if found.shape != form.shapes[name]:
            raise BadEvents(f"{name} changed its shape while it was being read")
    if any(found.rows < piece.stop for found in index.values() if found.role != "entries"):
        raise BadEvents("changed its length while it was being read")
    return index


def _linked(index: dict[str, DatasetIndex]) -> tuple[LinkedFile, ...]:
    """The other files that the values of a file come from, each once."""
    return tuple(dict.fromkeys(file for found in index.values() for file in found.linked or ()))


@functools.lru_cache(maxsize=2)
def _index_once(
    path: Path,
    stat: tuple[int, int],
    datasets: tuple[str, ...],
    roots: tuple[Path, ...] | None,
    roles: tuple[tuple[str, str], ...],
) -> dict[str, DatasetIndex]:
    """Where the chunks of a file lie, for all its pieces: it may link to a thousand others."""
    return index_file(path, datasets, roots, dict(roles))


def _encoded_blocks(
    piece: Piece, form: Format, index: dict[str, DatasetIndex]
) -> Iterator[tuple[Events, Selected, dict[str, Vectors | Entries]]]:
    """Read and encode the blocks of a piece; whatever is wrong with the file is `BadEvents`."""
    types: dict[str, str | None] = {raw: form.inputs[name].dtype for name, raw in form.raw.items()}
    # what is an extra too, or decides, stays as it is in the file
    types |= {name: column.dtype for name, column in form.extras.items() if name in form.stored}
    types |= dict.fromkeys([*form.deciding, *form.selecting])
    blocks = read_events(piece.file.path, index, piece.start, piece.stop, types, form.recipes)
    lists = entry_names(form.recipes) if form.cuts else {}
    while (item := _checked(next, blocks, None)) is not None:
        first, count, block, made = item
        numbers = {**numbers_of(made, lists), **block}
        try:
            selected = select_events(form, numbers, first, count, piece.file.label)
        except Problem as problem:  # of lists that differ in length, which no header says
            raise BadEvents(f"data.where: {problem}") from None
        if form.thinned:
            selected = _thinned(piece, first, selected, block, form)
        rows = first + np.flatnonzero(selected.kept)
        if not selected.kept.all():
            block = {name: values[selected.kept] for name, values in block.items()}
            made = {name: found.chosen(selected.kept) for name, found in made.items()}
        yield _encode(piece, rows, selected.labels[selected.kept], block, made, form), selected, made


def _thinned(
    piece: Piece, first: int, selected: Selected, block: dict[str, NDArray[Any]], form: Format
) -> Selected:
    """What is left when events of bins that a class fills more than others are left out at random.

    Test events stay as they are.
    """
    rows = np.flatnonzero(selected.kept)
    own = {name: values[rows] for name, values in block.items()}
    factors = _factors(own, selected.labels[rows], form)
    words = event_hashes(piece.file.name, first + rows, form.split.seed, "resample counts")
    test = event_codes(piece, first + rows, own, form) == len(form.parts) - 1
    kept = selected.kept.copy()
    kept[rows] = test | (uniform(words) < factors)
    return dataclasses.replace(selected, kept=kept)


def _factors(block: dict[str, NDArray[Any]], labels: NDArray[np.int16], form: Format) -> NDArray[np.float64]:
    """What each event counts, so that classes are alike."""
    assert form.resampled is not None
    numbers = []
    for name in form.resampled.variables:
        selection = form.number(name)
        numbers.append(selection.of(block[selection.extra]))
        if not np.isfinite(numbers[-1]).all():
            raise BadEvents(f"{name}, in which events are resampled, is not finite in some rows")
    found: NDArray[np.float64] = np.array(form.resampled.factors)[
        labels, bins_of(numbers, form.resampled.edges)
    ]
    return found


def _checked(read: Callable[..., Any], *arguments: object) -> Any:
    """What `read` gives; an error of reading is the file's, unlike one of writing what was read."""
    try:
        return read(*arguments)
    except RawFileError as error:
        raise BadEvents(error.reason) from error
    except (OSError, RuntimeError, ValueError) as error:
        raise BadEvents(str(error)) from error


def _encode(
    piece: Piece,
    rows: NDArray[np.int64],
    labels: NDArray[np.int16],
    block: dict[str, NDArray[Any]],
    made: dict[str, Vectors | Entries],
    form: Format,
) -> Events:
    """Encode the events that are `rows` of the file."""
    name, seed = piece.file.name, form.split.seed
    codes = event_codes(piece, rows, block, form)
    columns: dict[str, DenseBlock | SparseBlock | RaggedBlock] = {
        "keys": DenseBlock(event_hashes(name, rows, seed, "order")),
        "codes": DenseBlock(codes),
        "labels": DenseBlock(labels),
        "sources": DenseBlock(np.column_stack([np.full(len(rows), piece.number), rows]).astype(np.uint32)),
    }
    for name, spec in form.inputs.items():
        encoded = encode(made[name] if name in made else block[form.raw[name]], spec)
        if reason := why_not_finite(name, encoded, rows):
            raise BadEvents(reason)
        columns[f"inputs/{name}"] = encoded
    for name, spec in form.extras.items():
        if name == WEIGHT and form.resampled is not None:
            factors = _factors(block, labels, form)
            if form.weights is not None:
                weighing = form.number(form.weights)
                factors = factors * weighing.of(block[weighing.extra])
            columns[f"extras/{name}"] = DenseBlock(factors.astype(np.float32))
            continue
        selection = form.implied.get(name)
        extra = block[name] if selection is None else selection.of(block[selection.extra])
        columns[f"extras/{name}"] = DenseBlock(extra.astype(spec.dtype))
    if form.weights in form.extras:
        weights = columns[f"extras/{form.weights}"].values
        finite = finite_weights(weights.reshape(len(rows), form.extras[form.weights].size)).all(axis=1)
        if not finite.all():
            row = rows[np.argmin(finite)]
            raise BadEvents(f"{form.weights}, the event weight, is not finite as float32 in row {row}")
    return Events(columns)


def event_codes(
    piece: Piece, rows: NDArray[np.int64], block: dict[str, NDArray[Any]], form: Format
) -> NDArray[np.int8]:
    """The part of the dataset that each event of a block belongs to, as its index in `form.parts`."""
    split = form.split
    folds = None if form.deal is None else form.deal.folds.column
    for name in deciding(split, folds):
        if block[name].size != len(rows):
            raise BadEvents(f"{name} must hold one number per event, but its shape is {block[name].shape}")
    for name in deciding(split, folds):
        if name != getattr(split, "column", None) and not np.isfinite(block[name]).all():
            raise BadEvents(f"{name}, which decides the fold or split of events, is not finite in some rows")
    own = next(iter(deciding(split, None)), None)
    values = block[own] if own else None
    codes = split_codes(split, split_words(split, piece.file.name, rows, values), values)
    if values is not None and (codes < 0).any():
        row = int(np.argmax(codes < 0))
        raise BadEvents(f"{own} is {values[row]!s} in row {rows[row]}, which is not the value of any split")
    if form.deal is None:
        return codes
    return form.deal.codes(codes, piece.file.name, rows, split.seed, block[folds] if folds else None)


def _measure(
    moments: dict[str, list[Moments]], events: Events, codes: NDArray[np.int8], form: Format
) -> None:
    for name, spec in form.inputs.items():
        block = events.columns[f"inputs/{name}"]
        found = [Moments.of(block, spec.size, spec.by_feature, codes == code) for code in form.measured]
        before = moments.get(name)
        moments[name] = found if before is None else [a + b for a, b in zip(before, found, strict=True)]
