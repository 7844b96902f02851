"""A split kept in memory, encoded as on disk: shards in files that have no name."""

import contextlib
import functools
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from dlscan.dataset import Manifest, Shard
from dlscan.dataset.events import DenseBlock, Events, RaggedBlock, SparseBlock
from dlscan.dataset.shard import write_shard
from dlscan.errors import StreamError
from dlscan.machine import free_memory
from dlscan.process import descriptors
from dlscan.sealed import SealedFile
from dlscan.stream.slots import Arrays

# Shards are at least so long, and about so few: a process has all of them open.
_SHARD_BYTES, _MOST_SHARDS = 32 * 2**20, 256
_COPY_BYTES = 2**30


class SplitCache:
    """Shards in memory. The files live as long as this object, or a process that has them open.

    Attributes
    ----------
    directory : Path
        Where other processes of this user find them.
    shards : tuple of Shard
        Like those of a dataset.
    """

    def __init__(self) -> None:
        self.directory = descriptors(os.getpid())
        self.shards: tuple[Shard, ...] = ()

    def copy(self, directory: Path, shards: Iterable[Shard], sealed: bool) -> None:
        """Take the shards of a prepared split into memory; `sealed` ones are compared with their checksums.

        Raises
        ------
        StreamError
            If there is not enough memory, or a shard cannot be read.
        """
        shards = list(shards)
        _require(sum(shard.size for shard in shards))
        for shard in shards:
            path = directory / shard.file
            try:
                with contextlib.closing(SealedFile(path, sealed)) as source:
                    source.check(0, source.size)
                    self._add(shard.events, functools.partial(_copy, source))
            except OSError as error:
                raise StreamError(f"{path}: cannot be read ({error.strerror})") from error
            except ValueError as error:
                raise StreamError(
                    f"{path}: cannot be read ({error}); remove it, then run `dlscan prepare` again"
                ) from None

    def encode(self, batches: Iterable[Arrays], manifest: Manifest, events: int) -> None:
        """Take batches into memory: inputs encoded as `prepare` would.

        Raises
        ------
        StreamError
            If there is not enough memory.
        """
        size = int(events * _stored_bytes(manifest))
        _require(size)
        most = max(_SHARD_BYTES, size // _MOST_SHARDS)
        waiting: list[Events] = []
        for arrays in batches:
            waiting.append(_encoded(arrays, manifest))
            if sum(part.nbytes for part in waiting) > most:
                self._write(waiting)
                waiting = []
        if waiting:
            self._write(waiting)

    def close(self) -> None:
        """Let the memory go."""
        for shard in self.shards:
            os.close(int(shard.file))
        self.shards = ()

    def _write(self, parts: list[Events]) -> None:
        events = sum(map(len, parts))

        def write(file: int) -> None:
            with os.fdopen(os.dup(file), "r+b") as target:
                write_shard(target, parts, list(parts[0].columns), np.arange(events))

        self._add(events, write)

    def _add(self, events: int, fill: Callable[[int], None]) -> None:
        file = os.memfd_create("dlscan-cache")
        try:
            fill(file)
        except BaseException:
            os.close(file)
            raise
        self.shards += (Shard(str(file), events, os.fstat(file).st_size),)


def _copy(source: SealedFile, target: int) -> None:
    """Copy a file without its checksums."""
    done = 0
    while done < source.size:
        copied = os.sendfile(target, source.fileno(), done, min(_COPY_BYTES, source.size - done))
        if not copied:
            raise ValueError("file is truncated")
        done += copied


def _require(size: int) -> None:
    free = free_memory()
    if size > 0.9 * free:
        raise StreamError(
            f"stream.cache: ram needs {size / 2**30:.1f} GiB and {free / 2**30:.1f} GiB are free; "
            "set stream.cache: none"
        )


def _stored_bytes(manifest: Manifest) -> float:
    """Of an event, about."""
    total = 12.0
    for name, column in manifest.inputs.items():
        occupancy = manifest.statistics[name].occupancy if column.encoding == "sparse" else 2 / 3
        total += 6 * occupancy * column.size
    return total


def _encoded(arrays: Arrays, manifest: Manifest) -> Events:
    columns: dict[str, DenseBlock | SparseBlock | RaggedBlock] = {}
    for name, array in arrays.items():
        kind, _, dataset = name.partition("/")
        if kind == "masks":
            continue
        if kind == "inputs" and manifest.inputs[dataset].masked:
            columns[name] = RaggedBlock.encode(array, arrays[f"masks/{dataset}"])
        elif kind == "inputs" and manifest.inputs[dataset].encoding == "sparse":
            columns[name] = SparseBlock.encode(array)
        else:
            columns[name] = DenseBlock(array.copy())  # the slot goes back to the ring
    return Events(columns)
