"""All records of a scan in one file, so that ten thousand points need not be opened one by one.

The cache is never the truth: an entry counts only while the record's file is the very one that was read
(inode, size, times of change), and a cache that is damaged, foreign or of another version is as good as none.
A line of JSON says what it is; then there are texts, as JSON, and floats, see `packed`.
"""

import json
import logging
import os
import sys
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlscan.analysis.points.packed import FIELDS, PackedRecord, pack, unpack
from dlscan.files import written_whole
from dlscan.record import Record

log = logging.getLogger("dlscan")

FILE = ".records-cache"
VERSION = 2
# of older versions
_BEFORE = ".records-cache.json"
# fewer are read as quickly as the cache is written, and a small scan needs none
FEWEST_NEW = 200
# seconds; it takes one or two to write
_ABANDONED = 3600

# inode, size, time of the last change of the content and of the file, in ns
Stamp = tuple[int, int, int, int]


def stamp_of(status: os.stat_result) -> Stamp:
    """What tells one state of a file from another."""
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
        self._entries: dict[str, tuple[Stamp, PackedRecord]] = {}
        try:
            line, _, body = self._path.read_bytes().partition(b"\n")
            head = json.loads(line)
            if head == _head(body, head.get("texts")):
                texts = head["texts"]
                rows = unpack(json.loads(body[:texts]), body[texts:], beside=5)
                self._entries = {row[0]: (tuple(row[1:]), packed) for row, packed in rows}
        except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
            self._entries = {}
            if not isinstance(error, FileNotFoundError):
                log.debug("%s: not used (%s)", self._path, error)

    def get(self, folder: str, path: str) -> tuple[Stamp, Record] | None:
        """The record of the point in `folder`, if its file at `path` is the one that was read."""
        known = self._entries.get(folder)
        # os, because a Path costs as much again, ten thousand times
        if known is None or known[0] != stamp_of(os.stat(path)):  # noqa: PTH116
            return None
        return known[0], known[1].record()

    def put(self, records: Mapping[str, tuple[Stamp, Record]], new: int) -> None:
        """Write `records`, by folder, if enough of them were `new`; where that is not allowed, do nothing."""
        if new < FEWEST_NEW:
            return
        parts, floats = pack(((folder, *stamp), record) for folder, (stamp, record) in records.items())
        texts = json.dumps(parts, separators=(",", ":")).encode()
        body = texts + floats
        try:
            self._sweep()
            with written_whole(self._path) as temporary:
                temporary.write_bytes(json.dumps(_head(body, len(texts))).encode() + b"\n" + body)
        except OSError as error:
            log.debug("%s: not written (%s)", self._path, error)

    def _sweep(self) -> None:
        """Remove what writers that were killed have left, but nothing that one may be at work on."""
        (self._path.parent / _BEFORE).unlink(missing_ok=True)
        for leftover in self._path.parent.glob(f".{self._path.stem}-*{self._path.suffix}"):
            if time.time() - leftover.stat().st_mtime > _ABANDONED:
                leftover.unlink()


def _head(body: bytes, texts: Any) -> dict[str, Any]:
    """What a cache of ours starts with; a record of other fields makes another one."""
    own = {"dlscan records": VERSION, "fields": FIELDS, "floats": sys.byteorder, "texts": texts}
    return own | {"crc32": zlib.crc32(body), "size": len(body)}
