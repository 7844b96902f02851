"""All records of a scan in one file, so that ten thousand points need not be opened one by one.

The cache is never the truth: an entry counts only while the record's file is the very one that was read
(inode, size, times of change), and a cache that is damaged, foreign or of another version is as good as none.
It holds names once and values per record, because that is what makes it quick to read.
"""

import dataclasses
import itertools
import json
import logging
import os
import time
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dlscan.files import written_whole
from dlscan.record import Record

log = logging.getLogger("dlscan")

FILE = ".records-cache.json"
VERSION = 1
# fewer are read as quickly as the cache is written, and a small scan needs none
FEWEST_NEW = 200
# seconds; it takes one or two to write
_ABANDONED = 3600

_FIELDS = [field.name for field in dataclasses.fields(Record)]
_TUPLES = [number for number, name in enumerate(_FIELDS) if name in ("varied", "classes")]

# inode, size, time of the last change of the content and of the file, in ns
Stamp = tuple[int, int, int, int]


def stamp_of(path: Path) -> Stamp:
    """What tells one state of a file from another."""
    status = os.stat(path)  # noqa: PTH116 - a Path's own way costs as much again, ten thousand times
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class Cache:
    """What was read of a scan's records before.

    Parameters
    ----------
    directory : Path
        Of the scan. Whatever is wrong with its cache file, it is then empty.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE
        self._shapes: list[tuple[str, ...]] = []
        self._entries: dict[str, tuple[Stamp, list[Any]]] = {}
        try:
            head, _, body = self._path.read_bytes().partition(b"\n")
            if json.loads(head) == _head(body):
                content = json.loads(body)
                self._shapes = [tuple(names) for names in content["shapes"]]
                self._entries = {
                    folder: ((stamp[0], stamp[1], stamp[2], stamp[3]), values)
                    for folder, stamp, values in content["records"]
                }
        except (OSError, ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
            self._shapes, self._entries = [], {}
            if not isinstance(error, FileNotFoundError):
                log.debug("%s: not used (%s)", self._path, error)

    def get(self, folder: str, stamp: Stamp) -> Record | None:
        """The record of the point in `folder`, if its file is the one that was read."""
        known, packed = self._entries.get(folder, (None, []))
        if known != stamp:
            return None
        values: list[Any] = [self._unpacked(value) if isinstance(value, dict) else value for value in packed]
        for number in _TUPLES:
            values[number] = tuple(values[number])
        return Record(*values)

    def _unpacked(self, value: dict[str, Any]) -> dict[str, Any]:
        entries = value["values"]
        if value["pairs"]:
            entries = map(list, zip(entries[::2], entries[1::2], strict=True))
        return dict(zip(self._shapes[value["shape"]], entries, strict=True))

    def put(self, records: Mapping[str, tuple[Stamp, Record]], new: int) -> None:
        """Write `records`, by folder, if enough of them were `new`; where that is not allowed, do nothing."""
        if new < FEWEST_NEW:
            return
        body = json.dumps(_packed(records.items()), separators=(",", ":")).encode()
        try:
            self._sweep()
            with written_whole(self._path) as temporary:
                temporary.write_bytes(json.dumps(_head(body)).encode() + b"\n" + body)
        except OSError as error:
            log.debug("%s: not written (%s)", self._path, error)

    def _sweep(self) -> None:
        """Remove what writers that were killed have left, but nothing that one may be at work on."""
        for leftover in self._path.parent.glob(f".{self._path.stem}-*{self._path.suffix}"):
            if time.time() - leftover.stat().st_mtime > _ABANDONED:
                leftover.unlink()


def _head(body: bytes) -> dict[str, Any]:
    """What a cache of ours starts with; a record of other fields makes another one."""
    return {"dlscan records": VERSION, "fields": _FIELDS, "crc32": zlib.crc32(body), "size": len(body)}


def _packed(records: Iterable[tuple[str, tuple[Stamp, Record]]]) -> dict[str, Any]:
    shapes: dict[tuple[str, ...], int] = {}

    def packed(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        shape = shapes.setdefault(tuple(value), len(shapes))
        # intervals of sixty metrics of each point: half a million small lists are slow to read
        pairs = all(type(item) is list and len(item) == 2 for item in value.values())
        values = itertools.chain(*value.values()) if pairs else value.values()
        return {"shape": shape, "pairs": pairs, "values": list(values)}

    entries = [
        (folder, stamp, [packed(getattr(record, name)) for name in _FIELDS])
        for folder, (stamp, record) in records
    ]
    return {"shapes": list(shapes), "records": entries}
