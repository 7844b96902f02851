"""What the machine could do at best: two processes that inflate, set or copy memory, and do nothing else."""

from __future__ import annotations

import abc
import ctypes
import importlib
import itertools
import mmap
import multiprocessing
import os
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from benchmarks.cases import BATCH
from benchmarks.readers import Job

Inflate = Callable[[bytes | memoryview, int], bytes | bytearray]
Work = Callable[[int], Iterator[float]]  # number of the process -> events done, step by step

_BUFFERS = 6
_GATHERED = 70_000_000  # bytes of batches that rows are gathered to, too many for any cache
_PIECE = 2**20  # what is read at once of a contiguous dataset


class Limit(abc.ABC):
    """Runs the same work in as many processes as readers have workers, and adds up their rates."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def rate(self, seconds: float) -> float:
        """Events a second of all processes."""
        context = multiprocessing.get_context("fork")
        queue = context.SimpleQueue()
        workers = [
            context.Process(target=self._run, args=(number, seconds, queue))
            for number in range(self._job.workers)
        ]
        for worker in workers:
            worker.start()
        rates = [queue.get() for _ in workers]
        for worker in workers:
            worker.join()
        return float(sum(rates))

    def _run(self, number: int, seconds: float, queue: multiprocessing.SimpleQueue[float]) -> None:
        _keep_memory()
        steps = self.steps(number)
        begin, events = time.perf_counter(), 0.0
        warm = True
        for done in steps:
            now = time.perf_counter()
            if warm and now - begin > seconds / 4:  # buffers are in the caches' reach, files are open
                begin, events, warm = now, 0.0, False
                continue
            events += done
            if not warm and now - begin > seconds:
                break
        queue.put(events / (time.perf_counter() - begin))

    @abc.abstractmethod
    def steps(self, number: int) -> Iterator[float]:
        """Work without an end; yields what share of an event, or how many, a step was."""


class InflateLimit(Limit):
    """Positioned reads of the files' chunks and the fastest inflater that is installed, into hot memory."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        paths = [path for paths in job.case.paths(job.root) for path in paths]
        self._chunks = {path: list(_chunks(path, job.case.sample.inputs)) for path in paths}
        self.inflater, self._inflate = self._fastest()

    def steps(self, number: int) -> Iterator[float]:
        """See `Limit`."""
        buffer = bytearray(max(size for chunks in self._chunks.values() for _, size, _ in chunks))
        files = [(os.open(path, os.O_RDONLY), chunks) for path, chunks in self._chunks.items()]
        while True:
            for file, chunks in files[number :: self._job.workers]:
                share = self._job.case.sample.events / len(chunks)
                for offset, size, dense in chunks:
                    view = memoryview(buffer)[:size]
                    os.preadv(file, [view], offset)
                    if dense:
                        self._inflate(view, dense)
                    yield share

    def check(self) -> int:
        """Whether the inflater gives the bits that zlib gives; returns the number of chunks."""
        path, chunks = next(iter(self._chunks.items()))
        content = path.read_bytes()
        for offset, size, dense in chunks:
            if dense and self._inflate(content[offset : offset + size], dense) != zlib.decompress(
                content[offset : offset + size]
            ):
                raise ValueError(f"{self.inflater} does not inflate as zlib does")
        return len(chunks)

    def _fastest(self) -> tuple[str, Inflate]:
        path, chunks = next(iter(self._chunks.items()))
        content = path.read_bytes()
        blobs = [(content[offset : offset + size], dense) for offset, size, dense in chunks[:200] if dense]
        if not blobs:
            return "none", lambda blob, size: b""
        _keep_memory()

        def seconds(inflate: Inflate) -> float:
            start = time.perf_counter()
            for blob, dense in blobs:
                inflate(blob, dense)
            return time.perf_counter() - start

        found = dict(_inflaters())
        best = min(found, key=lambda name: min(seconds(found[name]) for _ in range(3)))
        return best, found[best]


class MemoryLimit(Limit):
    """Sets or copies buffers as large as a batch of LCD events, turn about, so that no cache holds them."""

    def __init__(self, job: Job, copy: bool) -> None:
        super().__init__(job)
        self._copy = copy

    def steps(self, number: int) -> Iterator[float]:
        """See `Limit`."""
        size = BATCH * 68_500
        buffers = [np.frombuffer(mmap.mmap(-1, size), np.float32) for _ in range(_BUFFERS)]
        for buffer in buffers:
            buffer.fill(1)
        for number in itertools.count():
            target, source = buffers[number % _BUFFERS], buffers[number % _BUFFERS - 1]
            if self._copy:
                np.copyto(target, source)
            else:
                target.fill(0)
            yield size / self._job.case.sample.event_bytes

    def check(self) -> int:
        """Nothing to verify."""
        return 0


class GatherLimit(Limit):
    """Copies rows of pools in random order to buffers as large as a batch, turn about; reads nothing."""

    def steps(self, number: int) -> Iterator[float]:
        """See `Limit`."""
        sample, random = self._job.case.sample, np.random.default_rng(number)
        width = sample.event_bytes // 4
        pool = np.ones((sample.pool, width), np.float32)
        buffers = np.ones((_GATHERED // (BATCH * sample.event_bytes) + 1, BATCH, width), np.float32)
        batches = itertools.cycle(buffers)
        while True:
            rows = random.permutation(sample.pool)
            for start in range(0, sample.pool, BATCH):
                hand = rows[start : start + BATCH]
                np.take(pool, hand, axis=0, out=next(batches)[: len(hand)], mode="clip")
                yield len(hand)

    def check(self) -> int:
        """Nothing to verify."""
        return 0


def _chunks(path: Path, names: dict[str, tuple[int, ...]]) -> Iterator[tuple[int, int, int]]:
    """Offset, size in the file and dense size (0: not compressed) of what a file's datasets are stored in."""
    with h5py.File(path) as handle:
        for name in names:
            dataset = handle[name]
            if dataset.chunks is None:
                begin, size = dataset.id.get_offset(), dataset.id.get_storage_size()
                for offset in range(0, size, _PIECE):
                    yield begin + offset, min(_PIECE, size - offset), 0
            else:
                dense = int(np.prod(dataset.chunks)) * dataset.dtype.itemsize
                found: list[Any] = []
                dataset.id.chunk_iter(found.append)
                for info in found:
                    yield info.byte_offset, info.size, dense


def _inflaters() -> Iterator[tuple[str, Inflate]]:
    yield "zlib", lambda blob, size: zlib.decompress(blob, bufsize=size)
    for package, module, function, by_name in (
        ("zlib-ng", "zlib_ng.zlib_ng", "decompress", True),
        ("isal", "isal.isal_zlib", "decompress", True),
        ("deflate", "deflate", "zlib_decompress", False),
    ):
        try:
            inflate = getattr(importlib.import_module(module), function)
        except ImportError:
            continue
        yield package, _with_size(inflate) if by_name else inflate


def _with_size(inflate: Any) -> Inflate:
    def call(blob: bytes | memoryview, size: int) -> bytes:
        inflated: bytes = inflate(blob, bufsize=size)
        return inflated

    return call


def _keep_memory() -> None:
    """Tell malloc to give nothing back, so that each result lies where the last one lay, which is hot."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(-3, 2**30)  # M_MMAP_THRESHOLD
        libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD
