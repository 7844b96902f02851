"""What the first pass leaves for the second: runs of encoded events, or parts of an index."""

import dataclasses
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from dlscan.dataset.events import Events
from dlscan.dataset.shard import write_shard
from dlscan.hdf5 import written_hdf5
from dlscan.prepare.draw import buckets
from dlscan.prepare.layout import Format
from dlscan.prepare.runs import STARTS
from dlscan.prepare.tasks import Piece
from dlscan.raw import DatasetIndex
from dlscan.raw.store import LEFT_OUT
from dlscan.raw.writer import FileIndex, IndexWriter
from dlscan.sealed import seal

Kept = NDArray[np.bool_]
Arrays = dict[str, NDArray[Any]]


class Spill(Protocol):
    """Takes the events of a task, piece by piece."""

    def begin(self, piece: Piece, index: dict[str, DatasetIndex]) -> None:
        """The events that follow are of this piece."""

    def add(self, events: Events, kept: Kept) -> None:
        """Take some events: those that are `kept` of a run of rows."""

    def end(self) -> None:
        """There are no more."""

    @property
    def files(self) -> list[Path]:
        """What was written, sealed."""


def make_spill(kind: str, place: Path, number: int, form: Format, run_bytes: int) -> Spill:
    """The spill of task `number` in the directory `place`.

    Parameters
    ----------
    kind : {"runs", "index", "nothing"}
        For a dataset, for an index, or only to check the files.
    run_bytes : int
        Bytes of encoded events in a run.
    """
    if kind == "runs":
        return _Runs(place, number, form, run_bytes)
    return _IndexPart(place, number, form) if kind == "index" else _Nothing()


class _Nothing:
    files: ClassVar[list[Path]] = []

    def begin(self, piece: Piece, index: dict[str, DatasetIndex]) -> None:
        pass

    def add(self, events: Events, kept: Kept) -> None:
        pass

    def end(self) -> None:
        pass


class _Runs:
    """Writes runs.

    A run is a shard whose events are sorted by the shard that they will go to: shard i gets the rows from
    starts[i] to starts[i + 1].
    """

    def __init__(self, place: Path, number: int, form: Format, run_bytes: int) -> None:
        self._place, self._number, self._format, self._most = place, number, form, run_bytes
        self.files: list[Path] = []
        self._bytes = 0
        self._waiting: list[Events] = []

    def begin(self, piece: Piece, index: dict[str, DatasetIndex]) -> None:
        pass

    def add(self, events: Events, kept: Kept) -> None:
        if not len(events):
            return
        self._waiting.append(events)
        self._bytes += events.nbytes
        if self._bytes > self._most:
            self.end()

    def end(self) -> None:
        waiting = self._waiting
        if not waiting:
            return
        shards = self._format.shards
        keys, codes = (np.concatenate([part.array(name) for part in waiting]) for name in ("keys", "codes"))
        places = buckets(keys, codes, shards)
        order = np.argsort(places, kind="stable")
        path = self._place / f"run-{self._number:06d}-{len(self.files):04d}.h5"
        write_shard(path, waiting, [name for name in waiting[0].columns if name != "codes"], order)
        with written_hdf5(path, "r+") as handle:
            handle[STARTS] = np.searchsorted(places[order], np.arange(sum(shards) + 1))
        seal(path)
        self.files.append(path)
        self._bytes, self._waiting = 0, []


class _IndexPart:
    """Writes an index of the pieces of a task; a piece that does not begin a file has no chunks."""

    def __init__(self, place: Path, number: int, form: Format) -> None:
        self._path = place / f"part-{number:06d}.h5"
        self._names = form.stored
        self._columns = form.indexed
        self._files: list[FileIndex] = []
        # of each file: the splits of its events, and what else the index has of them
        self._rows: list[list[tuple[NDArray[np.uint8], Arrays]]] = []

    @property
    def files(self) -> list[Path]:
        return [self._path] if self._files else []

    def begin(self, piece: Piece, index: dict[str, DatasetIndex]) -> None:
        datasets = {name: index[name] for name in self._names}
        if piece.start:
            nothing = np.zeros(0, np.int64)
            datasets = {
                name: dataclasses.replace(found, offsets=nothing, sizes=nothing)
                for name, found in datasets.items()
            }
        self._files.append(FileIndex(piece.file.name, piece.file.label, piece.number, (0, 0), datasets))
        self._rows.append([])

    def add(self, events: Events, kept: Kept) -> None:
        codes = np.full(len(kept), LEFT_OUT, np.uint8)
        codes[kept] = events.array("codes")
        columns = {}
        for name, dtype in self._columns.items():
            columns[name] = np.zeros(len(kept), dtype)
            columns[name][kept] = events.array(name)
        self._rows[-1].append((codes, columns))

    def end(self) -> None:
        if not self._files:
            return
        events = sum(len(codes) for parts in self._rows for codes, _ in parts)
        chunks = sum(len(found.offsets) for file in self._files for found in file.datasets.values())
        with IndexWriter(self._path, Path(), self._names, events, chunks, self._columns) as writer:
            for file, parts in zip(self._files, self._rows, strict=True):
                writer.add(file)
                for codes, columns in parts:
                    writer.add_codes(codes, columns)
