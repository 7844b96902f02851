"""First pass: read raw events once, check, measure, encode, and scatter them by shard into run files."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dlscan.dataset import SPLITS
from dlscan.dataset.events import Dense, Events, Sparse
from dlscan.dataset.shard import write_shard
from dlscan.prepare.draw import buckets, event_hashes, split_codes
from dlscan.prepare.layout import Format, Piece
from dlscan.prepare.measure import Moments
from dlscan.raw import read_rows


@dataclasses.dataclass(frozen=True)
class ScatterTask:
    """Some pieces of raw files, and where the runs go; `spill` None only checks."""

    number: int
    pieces: list[Piece]
    format: Format
    spill: Path | None
    run_bytes: int


@dataclasses.dataclass(frozen=True)
class Measured:
    """What a piece of a file holds.

    Attributes
    ----------
    number : int
        Of the file.
    reason : str or None
        Why the file is bad.
    counts : tuple of int
        Events of each split.
    moments : dict of str to Moments
        Of each input, over the training split.
    checksum : str or None
        Of the whole file; only with its first piece.
    """

    number: int
    reason: str | None
    counts: tuple[int, ...]
    moments: dict[str, Moments]
    checksum: str | None


class _BadEvents(Exception):
    """The file is bad; the message is the reason."""


def scatter(task: ScatterTask) -> list[Measured]:
    """Do the first pass over the pieces of a task, and leave its runs in `spill`.

    A run is a shard whose events are sorted by the shard that they will go to: shard i gets the rows from
    starts[i] to starts[i + 1]. A bad file does not end the task: what was already written of it is dropped in
    the second pass.
    """
    runs = 0
    measured = []
    waiting: list[Events] = []
    for piece in task.pieces:
        counts = np.zeros(len(SPLITS), np.int64)
        moments: dict[str, Moments] = {}
        checksum = reason = None
        try:
            for events, codes in _encoded_blocks(piece, task.format):
                counts += np.bincount(codes, minlength=len(SPLITS))
                _measure(moments, events, codes, task.format)
                if task.spill is not None:
                    waiting.append(events)
                    if sum(part.nbytes for part in waiting) > task.run_bytes:
                        _write_run(task, runs, waiting)
                        runs, waiting = runs + 1, []
            if piece.start == 0:
                checksum = _checked(file_checksum, piece.file.path)
        except _BadEvents as error:
            reason = " ".join(str(error).split())
        measured.append(Measured(piece.number, reason, tuple(map(int, counts)), moments, checksum))
    if waiting:
        _write_run(task, runs, waiting)
    return measured


def file_checksum(path: Path) -> str:
    """Checksum of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def _encoded_blocks(piece: Piece, form: Format) -> Iterator[tuple[Events, NDArray[np.int8]]]:
    """Read and encode the blocks of a piece; whatever is wrong with the file is `_BadEvents`."""
    blocks = read_rows(piece.file, form.datasets, piece.start, piece.stop)
    rows = 0
    while (item := _checked(next, blocks, None)) is not None:
        first, block = item
        expected = {name: column.shape for name, column in {**form.inputs, **form.extras}.items()}
        for name, values in block.items():
            if len(values) != len(block[form.datasets[0]]) or values.shape[1:] != expected.get(
                name, values.shape[1:]
            ):
                raise _BadEvents(f"{name} changed its shape while it was read")
        rows += len(block[form.datasets[0]])
        yield _encode(piece, first, block, form)
    if rows != piece.stop - piece.start:
        raise _BadEvents("changed its length while it was read")


def _checked(read: Callable[..., Any], *arguments: object) -> Any:
    """What `read` gives; an error of reading is the file's, unlike one of writing what was read."""
    try:
        return read(*arguments)
    except KeyError:
        raise _BadEvents("lost a dataset while it was read") from None
    except (OSError, RuntimeError, ValueError) as error:
        raise _BadEvents(str(error)) from error


def _encode(
    piece: Piece, first: int, block: dict[str, NDArray[Any]], form: Format
) -> tuple[Events, NDArray[np.int8]]:
    rows = np.arange(first, first + len(next(iter(block.values()))))
    name, seed = piece.file.name, form.split.seed
    column = getattr(form.split, "column", None)
    values = block[column] if column else None
    if values is not None and values.size != len(rows):
        raise _BadEvents(f"{column} must hold a number an event, its shape is {values.shape}")
    codes = split_codes(form.split, event_hashes(name, rows, seed, "split"), values)
    if values is not None and (codes < 0).any():
        row = int(np.argmax(codes < 0))
        raise _BadEvents(f"{column} is {values[row]!s} in row {first + row}, which is none of the splits")
    columns: dict[str, Dense | Sparse] = {
        "keys": Dense(event_hashes(name, rows, seed, "order")),
        "codes": Dense(codes),
        "labels": Dense(np.full(len(rows), piece.file.label, np.int16)),
        "sources": Dense(np.column_stack([np.full(len(rows), piece.number), rows]).astype(np.uint32)),
    }
    for name, spec in form.inputs.items():
        with np.errstate(over="ignore"):  # a double beyond float32 becomes infinite and is reported below
            dense = np.asarray(block[name], np.dtype(spec.dtype))
        encoded = Sparse.encode(dense) if spec.encoding == "sparse" else Dense(dense)
        if not np.isfinite(encoded.values).all():
            row = int(np.argmax(~np.isfinite(dense).reshape(len(dense), -1).all(axis=1)))
            raise _BadEvents(f"{name} is not finite as float32 in row {first + row}")
        columns[f"inputs/{name}"] = encoded
    for name, spec in form.extras.items():
        columns[f"extras/{name}"] = Dense(np.asarray(block[name], np.dtype(spec.dtype)))
    return Events(columns), codes


def _measure(moments: dict[str, Moments], events: Events, codes: NDArray[np.int8], form: Format) -> None:
    train = np.flatnonzero(codes == 0)
    for name, spec in form.inputs.items():
        block = events.columns[f"inputs/{name}"].take(train)
        found = Moments.of(block, spec.size, vector=len(spec.shape) <= 1)
        moments[name] = moments[name] + found if name in moments else found


def _write_run(task: ScatterTask, number: int, waiting: list[Events]) -> None:
    assert task.spill is not None
    keys, codes = (np.concatenate([part.array(name) for part in waiting]) for name in ("keys", "codes"))
    places = buckets(keys, codes, task.format.shards)
    order = np.argsort(places, kind="stable")
    starts = np.searchsorted(places[order], np.arange(sum(task.format.shards) + 1))
    path = task.spill / f"run-{task.number:06d}-{number:04d}.h5"
    write_shard(path, waiting, [name for name in waiting[0].columns if name != "codes"], order)
    with h5py.File(path, "a") as handle:
        handle["starts"] = starts
