"""Write the index of a raw directory, file by file."""

import contextlib
import dataclasses
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np
from numpy.typing import DTypeLike, NDArray

from dlscan.files import written_whole
from dlscan.hdf5 import written_hdf5
from dlscan.raw.index import DatasetIndex, loads
from dlscan.raw.links import below
from dlscan.raw.store import VERSION
from dlscan.sealed import content_size, seal

# Rows that are decoded together are at least about so many bytes, which a disk delivers at full speed
_LEAST_UNIT = 2 * 2**20
_MOST_UNIT_ROWS = 4096
# Values that are collected before they are written
_COLLECTED = 2**20


@dataclasses.dataclass(frozen=True, eq=False)
class FileIndex:
    """What the index keeps of a raw file.

    Attributes
    ----------
    name : str
        Below the raw directory.
    label : int
        Index of its class.
    number : int
        Its number among the sources of the manifest.
    stat : (int, int)
        Size and time of change (ns) when it was read.
    datasets : dict of str to DatasetIndex
        Where its chunks lie.
    """

    name: str
    label: int
    number: int
    stat: tuple[int, int]
    datasets: dict[str, DatasetIndex]


class IndexWriter:
    """Writes an index; memory holds a few numbers per file.

    Parameters
    ----------
    path : Path
        The file to write.
    raw : Path
        The raw directory.
    datasets : sequence of str
        The names that every file has.
    events, chunks : int
        How many there will be at most; chunks of all datasets together.
    columns : mapping of str to dtype
        Numbers of events that the index itself has, such as their labels.
    """

    def __init__(
        self,
        path: Path,
        raw: Path,
        datasets: Sequence[str],
        events: int,
        chunks: int,
        columns: Mapping[str, DTypeLike] = {},
    ) -> None:
        self._path, self._open = path, contextlib.ExitStack()
        self._handle = self._open.enter_context(
            written_hdf5(path, alignment_threshold=1, alignment_interval=8)
        )
        self._handle.attrs["version"] = VERSION
        self._handle.attrs["datasets"] = json.dumps(list(datasets))
        self._handle["raw"] = np.frombuffer(os.fsencode(raw.resolve()), np.uint8)
        self._raw, self._datasets = raw, tuple(datasets)
        self._files: list[tuple[Any, ...]] = []
        self._kinds: dict[str, int] = {}
        self._chunk_starts, self._name_starts = [0], [0]
        self._starts: list[int] = []
        self._rows: list[list[int]] = []
        self._has_entries = False
        self._events = 0
        self._names: list[bytes] = []
        self._linked: dict[int, dict[str, list[tuple[str, int, int]]]] = {}
        self._columns = {
            "codes": _Column(self._handle, "codes", events, np.uint8),
            "offsets": _Column(self._handle, "offsets", chunks, np.int64),
            "sizes": _Column(self._handle, "sizes", chunks, np.uint32),
        }
        self._of_events = {
            name: _Column(self._handle, f"column-{number}", events, dtype)
            for number, (name, dtype) in enumerate(columns.items())
        }
        if columns:
            self._handle.attrs["columns"] = json.dumps(list(columns))

    def __enter__(self) -> "IndexWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._open:
            if error is None:
                self._finish()
        if error is None:
            seal(self._path)

    def add(self, file: FileIndex) -> None:
        """Add the next file; its events follow by `add_codes`."""
        kinds = []
        self._has_entries |= any(found.role != "events" for found in file.datasets.values())
        for name in self._datasets:
            found = file.datasets[name]
            kinds.append(self._kinds.setdefault(json.dumps(_plain(found)), len(self._kinds)))
            self._columns["offsets"].append(found.offsets)
            # that of a contiguous dataset may be longer than 32 bits, and follows from its shape
            contiguous = found.codec == "contiguous"
            self._columns["sizes"].append(np.zeros(1) if contiguous else found.sizes)
            self._chunk_starts.append(self._chunk_starts[-1] + len(found.offsets))
        linked = {name: self._describe(found) for name, found in file.datasets.items() if found.linked}
        if linked:
            self._linked[len(self._files)] = linked
        self._names.append(os.fsencode(file.name))
        self._name_starts.append(self._name_starts[-1] + len(self._names[-1]))
        self._starts.append(self._events)
        self._files.append((file.label, file.number, file.stat, kinds, unit_rows(file.datasets)))
        self._rows.append([file.datasets[name].rows for name in self._datasets])

    def add_codes(self, codes: NDArray[Any], columns: Mapping[str, NDArray[Any]] = {}) -> None:
        """Add events of the last file: their splits, `LEFT_OUT` for none, and what the index has of them."""
        self._columns["codes"].append(codes)
        for name, column in self._of_events.items():
            column.append(columns[name])
        self._events += len(codes)

    def _describe(self, found: DatasetIndex) -> list[tuple[str, int, int]]:
        return [(below(file.path, self._raw), file.size, file.mtime_ns) for file in found.linked or ()]

    def _finish(self) -> None:
        for column in (*self._columns.values(), *self._of_events.values()):
            column.flush()
        labels, numbers, stats, kinds, rows = zip(*self._files, strict=True)
        for name, values, dtype in (
            ("starts", [*self._starts, self._events], np.int64),
            ("labels", labels, np.int16),
            ("numbers", numbers, np.uint32),
            ("stats", stats, np.int64),
            ("kind", kinds, np.int32),
            ("unit_rows", rows, np.int32),
            ("chunk_starts", self._chunk_starts, np.int64),
            ("name_starts", self._name_starts, np.int64),
            ("names", np.frombuffer(b"".join(self._names), np.uint8), np.uint8),
            ("kinds", np.frombuffer(f"[{','.join(self._kinds)}]".encode(), np.uint8), np.uint8),
            ("linked", np.frombuffer(json.dumps(self._linked).encode(), np.uint8), np.uint8),
        ):
            self._handle[name] = np.array(values, dtype)
        if self._has_entries:
            self._handle["rows"] = np.array(self._rows, np.int64)


def refresh_stats(
    path: Path, stats: Sequence[tuple[int, int]], linked: Mapping[str, tuple[int, int]], sealed: bool
) -> None:
    """Replace sizes and times of files whose content is still the same.

    Parameters
    ----------
    path : Path
        The index.
    stats : sequence of (int, int)
        Of its files, in its order.
    linked : mapping of str to (int, int)
        Of the files that they link to, by their names in the manifest.
    sealed : bool
        Whether the index is sealed; it is then sealed again.
    """
    with written_whole(path) as temporary:
        shutil.copyfile(path, temporary)
        if sealed:
            os.truncate(temporary, content_size(temporary))
        with written_hdf5(temporary, "r+") as handle:
            handle["stats"][...] = np.array(stats, np.int64)
            known = json.loads(handle["linked"][...].tobytes()) if "linked" in handle else {}
            for datasets in known.values():
                for name, files in datasets.items():
                    datasets[name] = [(file, *linked[file]) for file, *_ in files]
            handle.pop("linked", None)
            handle["linked"] = np.frombuffer(json.dumps(known).encode(), np.uint8)
        if sealed:
            seal(temporary)


def unit_rows(datasets: Mapping[str, DatasetIndex]) -> int:
    """Rows of a file that are best decoded together: whole chunks of its largest dataset."""
    read = loads(datasets.values())
    event = max(1, sum(size for size, _ in read))
    wanted = max(1, min(_LEAST_UNIT // event, _MOST_UNIT_ROWS))
    chunk = max(read, key=lambda load: load[0])[1] or 1
    if chunk > _MOST_UNIT_ROWS:
        # equal parts, so that as few as possible need two chunks
        return -(-chunk // -(-chunk // _MOST_UNIT_ROWS))
    return chunk * max(1, wanted // chunk)


def _plain(found: DatasetIndex) -> dict[str, Any]:
    """What many files have in common."""
    return {
        "dtype": found.dtype,
        "shape": found.shape,
        "chunks": found.chunks,
        "codec": found.codec,
        "why": found.why,
        "fill": found.fill.hex(),
        **({} if found.part is None else {"part": dataclasses.asdict(found.part)}),
        **({} if found.role == "events" else {"role": found.role}),
    }


class _Column:
    """A long dataset that is written in order, a good piece at a time."""

    def __init__(self, handle: h5py.File, name: str, length: int, dtype: DTypeLike) -> None:
        self._stored = handle.create_dataset(name, (length,), dtype)
        self._waiting: list[NDArray[Any]] = []
        self._collected = self._written = 0

    def append(self, values: NDArray[Any]) -> None:
        self._waiting.append(values)
        self._collected += len(values)
        if self._collected > _COLLECTED:
            self.flush()

    def flush(self) -> None:
        if self._collected:
            end = self._written + self._collected
            self._stored[self._written : end] = np.concatenate(self._waiting)
            self._waiting, self._collected, self._written = [], 0, end
