"""The events of a piece of a raw file, block by block: read, selected, checked and encoded."""

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
from dlscan.dataset.words import event_hashes
from dlscan.errors import DataError
from dlscan.prepare.bins import bins_of
from dlscan.prepare.draw import split_codes, split_words, uniform
from dlscan.prepare.encode import encode, why_not_finite
from dlscan.prepare.layout import Format, deciding, entry_names, roles_of
from dlscan.prepare.measure import finite_weights
from dlscan.prepare.selecting import Selected, numbers_of, select_events
from dlscan.prepare.tasks import Piece
from dlscan.raw import DatasetIndex, Entries, LinkedFile, RawFileError, Vectors, index_file, read_events
from dlscan.raw.links import first_changed


class BadEvents(DataError):
    """The file is bad; the message is the reason."""


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


def indexed(piece: Piece, form: Format) -> dict[str, DatasetIndex]:
    """Where the chunks of a piece's file lie, if it still is what its header was."""
    file = piece.file
    known = file.path, file.stat(), tuple(form.datasets), file.roots, tuple(roles_of(form.recipes).items())
    index: dict[str, DatasetIndex] = checked(_index_once, *known)
    if first_changed(linked_of(index)) is not None:
        _index_once.cache_clear()
        index = checked(_index_once, *known)
    for name, found in index.items():
        if found.shape != form.shapes[name]:
            raise BadEvents(f"{name} changed its shape while it was being read")
    if any(found.rows < piece.stop for found in index.values() if found.role != "entries"):
        raise BadEvents("changed its length while it was being read")
    return index


def linked_of(index: dict[str, DatasetIndex]) -> tuple[LinkedFile, ...]:
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


def encoded_blocks(
    piece: Piece, form: Format, index: dict[str, DatasetIndex]
) -> Iterator[tuple[Events, Selected, dict[str, Vectors | Entries]]]:
    """Read and encode the blocks of a piece; whatever is wrong with the file is `BadEvents`."""
    types: dict[str, str | None] = {raw: form.inputs[name].dtype for name, raw in form.raw.items()}
    # what is an extra too, or decides, stays as it is in the file
    types |= {name: column.dtype for name, column in form.extras.items() if name in form.stored}
    types |= dict.fromkeys([*form.deciding, *form.selecting])
    blocks = read_events(piece.file.path, index, piece.start, piece.stop, types, form.recipes)
    lists = entry_names(form.recipes) if form.cuts else {}
    while (item := checked(next, blocks, None)) is not None:
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


def checked(read: Callable[..., Any], *arguments: object) -> Any:
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
            shape = "x".join(map(str, block[name].shape[1:]))
            raise BadEvents(
                f"{name}, which decides the fold or split, must hold one number per event, not {shape}"
            )
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
