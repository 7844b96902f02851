"""Whether a reader delivers the events of the files: each exactly once, every bit of it, with its label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import LABELS, Case


class Wrong(Exception):
    """A reader delivers something else than what is in the files."""


# Batches of small events are compared by so many bytes at once.
_AT_ONCE = 64 * 2**20


class Check:
    """Takes the batches of one pass and compares them with the uncompressed files, mapped into memory.

    Parameters
    ----------
    case : Case
        What is read.
    root : Path
        Of the generated files.
    """

    def __init__(self, case: Case, root: Path) -> None:
        self._case, self._root = case, root
        self._mapped: dict[int, dict[str, NDArray[np.uint32]]] = {}
        # events are numbered through all files of the sample; a case may have fewer
        sample = case.sample
        self._expected = np.zeros(sample.total, bool)
        for label in range(len(LABELS)):
            first = label * sample.files * sample.events
            self._expected[first : first + case.files * sample.events] = True
        self._seen = np.zeros(sample.total, bool)
        self._waiting: list[tuple[dict[str, NDArray[np.uint32]], NDArray[Any]]] = []

    def __call__(self, events: int, arrays: dict[str, Any], labels: Any) -> bool:
        """Take a batch; always asks for more."""
        bits = {}
        for name, shape in self._case.sample.inputs.items():
            array = np.asarray(arrays[name])
            if array.dtype != np.float32 or array.shape != (events, *shape):
                raise Wrong(f"{name} is {array.dtype} {array.shape}")
            bits[name] = array.reshape(events, -1).view(np.uint32).copy()
        self._waiting.append((bits, np.array(labels)))
        if sum(len(own) for _, own in self._waiting) * self._case.sample.event_bytes >= _AT_ONCE:
            self._compare()
        return True

    def _compare(self) -> None:
        sample = self._case.sample
        labels = np.concatenate([own for _, own in self._waiting])
        bits = {name: np.concatenate([own[name] for own, _ in self._waiting]) for name in sample.inputs}
        self._waiting.clear()
        number = bits[next(iter(sample.inputs))][:, 0].copy().view(np.float32)
        which = number.astype(np.int64)
        if not ((which == number) & (which >= 0) & (which < sample.total)).all():
            raise Wrong("an event with a number that no event has")
        if self._seen[which].any() or len(np.unique(which)) < len(which):
            raise Wrong("an event was delivered twice")
        self._seen[which] = True
        file, row = which // sample.events, which % sample.events
        if not np.array_equal(labels, file // sample.files):
            raise Wrong("a wrong label")
        order = np.argsort(file, kind="stable")
        cuts = np.flatnonzero(np.diff(file[order])) + 1
        for rows in np.split(order, cuts):
            truth = self._truth(int(file[rows[0]]))
            for name, values in bits.items():
                if not np.array_equal(values[rows], truth[name][row[rows]]):
                    raise Wrong(f"{name}: other bits than in the file")

    def finish(self) -> int:
        """Ask whether all events came; return how many."""
        if self._waiting:
            self._compare()
        if not np.array_equal(self._seen, self._expected):
            raise Wrong(f"{self._seen.sum()} events of {self._expected.sum()} were delivered")
        return int(self._seen.sum())

    def _truth(self, file: int) -> dict[str, NDArray[np.uint32]]:
        if file not in self._mapped:
            sample = self._case.sample
            path = sample.path(self._root, "plain", file // sample.files, file % sample.files)
            with h5py.File(path) as handle:
                offsets = {name: handle[name].id.get_offset() for name in sample.inputs}
            self._mapped[file] = {
                name: np.memmap(
                    path, np.uint32, "r", offset, (sample.events, int(np.prod(sample.inputs[name])))
                )
                for name, offset in offsets.items()
            }
        return self._mapped[file]
