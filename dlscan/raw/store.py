"""The index of a raw directory: one file that says where every chunk of every raw file lies.

All arrays are contiguous in an HDF5 file. What is small is mapped into memory; what is known of a file is
read when it is asked for, so that an index of any size opens at once and takes little memory.
"""

import dataclasses
import json
import math
import mmap
import os
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.raw.fields import Part
from dlscan.raw.index import DatasetIndex
from dlscan.raw.links import LinkedFile
from dlscan.sealed import SealedFile

VERSION = 1
# The split of an event that is in none: its code in `RawIndex.codes`
LEFT_OUT = 255


class RawIndex:
    """An open index; made by `RawIndex.open`.

    Attributes
    ----------
    raw : Path
        The raw directory.
    starts : ndarray of int64, (F + 1,)
        The first event of each file, counted through all files.
    labels : ndarray of int16, (F,)
        The class of each file's events.
    codes : ndarray of uint8, (N,)
        The split of each event: its index in `SPLITS`, or `LEFT_OUT`.
    columns : dict of str to ndarray, (N,)
        What the index has of each event, by the name of the column that a shard would have: `labels` where
        they are not those of files, `extras/NAME` of what is no whole dataset.
    numbers : ndarray of uint32, (F,)
        The number of each file among the sources of the manifest.
    unit_rows_all : ndarray of int32, (F,)
        Rows of each file that are best decoded together.
    """

    def __init__(self, path: Path, sealed: bool) -> None:
        self._path = path
        self._places: dict[str, tuple[int, np.dtype[Any], tuple[int, ...]]] = {}
        self._file = SealedFile(path, sealed)
        try:
            self._read_structure()
            self._memory = mmap.mmap(self._file.fileno(), 0, prot=mmap.PROT_READ)
            self.starts: NDArray[np.int64] = self._view("starts")
            self.labels: NDArray[np.int16] = self._view("labels")
            self.codes: NDArray[np.uint8] = self._view("codes")
            self.numbers: NDArray[np.uint32] = self._view("numbers")
            self.unit_rows_all: NDArray[np.int32] = self._view("unit_rows")
            self.columns = {name: self._view(f"column-{n}") for n, name in enumerate(self._of_events)}
            self._require_consistent()
        except TypeError as error:  # of numpy, where an array would not lie in the file
            self.close()
            raise ValueError(f"damaged: {error}") from None
        except BaseException:
            self.close()
            raise

    def _read_structure(self) -> None:
        with self._file.hdf5() as handle:
            version = handle.attrs.get("version")
            self.raw = Path(os.fsdecode(handle["raw"][...].tobytes()))
            self._names: list[str] = json.loads(handle.attrs["datasets"])
            self._of_events: list[str] = json.loads(handle.attrs.get("columns", "[]"))
            self._kinds = [_kind(**kind) for kind in json.loads(handle["kinds"][...].tobytes())]
            linked = handle["linked"][...].tobytes() if "linked" in handle else b"null"
            self._linked: dict[str, dict[str, list[Any]]] | None = json.loads(linked)
            for name, stored in handle.items():
                self._places[name] = stored.id.get_offset() or 0, stored.dtype, stored.shape
        if version != VERSION:
            raise ValueError(f"{self._path}: written by another version of dlscan")

    def _require_consistent(self) -> None:
        """An index of an older version has no checksums: what others count on is compared at least."""
        events = np.diff(self.starts)
        if (events < 0).any() or self.starts[-1] > len(self.codes) or (self.unit_rows_all < 1).any():
            raise ValueError("damaged: its numbers do not fit each other")

    @classmethod
    def open(cls, path: Path, sealed: bool = True) -> "RawIndex":
        """Open the index at `path`; without `sealed` it is one of an old version, which has no checksums.

        Raises
        ------
        OSError, ValueError, KeyError
            If it is missing or damaged.
        """
        return cls(path, sealed)

    def __enter__(self) -> "RawIndex":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; arrays that were taken from the index stay valid."""
        self._file.close()

    def require_whole(self) -> None:
        """Read every byte once.

        Raises
        ------
        ValueError
            If one is damaged.
        """
        self._file.check(0, self._file.size)

    def __len__(self) -> int:
        return len(self.labels)

    def file(self, number: int) -> tuple[Path, dict[str, DatasetIndex], tuple[int, int]]:
        """Where file `number` is, where its chunks lie, and its size and time of change when it was read."""
        first, last = self._read("name_starts", number, 2).tolist()
        path = self.raw / os.fsdecode(self._read("names", first, last - first).tobytes())
        size, time = self._read("stats", number, 1)[0].tolist()
        width = len(self._names)
        kinds = self._read("kind", number, 1)[0].tolist()
        if not all(0 <= kind < len(self._kinds) for kind in kinds):
            raise ValueError(f"damaged: it has no kinds of datasets {kinds}")
        edges = self._read("chunk_starts", number * width, width + 1)
        offsets, sizes = (self._read(name, edges[0], edges[-1] - edges[0]) for name in ("offsets", "sizes"))
        edges = (edges - edges[0]).tolist()
        rows = int(self.starts[number + 1] - self.starts[number])
        datasets = {}
        for place, name in enumerate(self._names):
            here = slice(edges[place], edges[place + 1])
            found = dataclasses.replace(
                self._kinds[kinds[place]],
                linked=self._linked_of(number, name),
                rows=self._rows_of(number, place, rows),
                offsets=offsets[here],
                sizes=sizes[here].astype(np.int64),
            )
            if found.codec == "contiguous":
                found = dataclasses.replace(found, sizes=np.array([found.rows * found.whole.event_bytes]))
            datasets[name] = found
        return path, datasets, (size, time)

    def _rows_of(self, number: int, place: int, events: int) -> int:
        """Rows of a dataset: as many as events, unless the index says so."""
        if "rows" not in self._places:
            return events
        return int(self._read("rows", number, 1)[0, place])

    def _linked_of(self, number: int, name: str) -> tuple[LinkedFile, ...] | None:
        if self._linked is None:
            return None
        entries = self._linked.get(str(number), {}).get(name, [])
        return tuple(LinkedFile(self.raw / file, size, time) for file, size, time in entries)

    def _view(self, name: str) -> NDArray[Any]:
        offset, dtype, shape = self._places[name]
        self._file.check(offset, offset + dtype.itemsize * math.prod(shape))
        return np.ndarray(shape, dtype, self._memory, offset) if math.prod(shape) else np.empty(shape, dtype)

    def _read(self, name: str, start: int, count: int) -> NDArray[Any]:
        offset, dtype, shape = self._places[name]
        if not 0 <= start <= start + count <= shape[0]:
            raise ValueError(f"damaged: it has no {name} from {start} to {start + count}")
        width = dtype.itemsize * math.prod(shape[1:])
        found = np.empty((int(count), *shape[1:]), dtype)
        self._file.read(found, offset + int(start) * width)
        return found


def _kind(fill: str, part: dict[str, Any] | None = None, **fields: Any) -> DatasetIndex:
    """A dataset as `IndexWriter` describes it, but without rows and chunks."""
    nothing = np.zeros(0, np.int64)
    for name in ("shape", "chunks"):
        fields[name] = None if fields[name] is None else tuple(fields[name])
    found = None if part is None else Part(**part | {"shape": tuple(part["shape"])})
    return DatasetIndex(
        **fields, rows=0, offsets=nothing, sizes=nothing, fill=bytes.fromhex(fill), part=found
    )
