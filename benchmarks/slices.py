"""How the peers read: the same careful h5py code for all of them.

A *slice* is some events of one file, one after the other; a *group* is one slice of each class, so that
every batch is mixed over all classes, and its events are put into a random order. Datasets stay open, slices
end where chunks end, arrays are filled in place, and groups come in another order each pass.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import BATCH, LABELS, Case

Arrays = dict[str, NDArray[np.float32]]
Labels = NDArray[np.int32]
Slice = tuple[Path, int, int]
Group = tuple[Slice, ...]


@dataclasses.dataclass(frozen=True)
class Plan:
    """Which groups to read, and in which order.

    Attributes
    ----------
    paths : list of list of Path
        Files, class by class, equally many.
    inputs : dict of str to tuple of int
        Datasets and the shape of one event.
    events : range
        Of each file.
    rows : int
        Of each slice.
    scattered : bool
        Slices in any order; otherwise each file is read from its beginning to its end and only the files come
        in any order, which saves inflating a chunk once for every slice in it.
    """

    paths: list[list[Path]]
    inputs: dict[str, tuple[int, ...]]
    events: range
    rows: int
    scattered: bool

    def groups(self, number: int) -> list[Group]:
        """All groups of pass `number`: every event of every file once."""
        rng = np.random.default_rng([1, number])
        starts, end = range(self.events.start, self.events.stop, self.rows), self.events.stop
        of_class = []
        for paths in self.paths:
            order = rng.permutation(len(paths))
            slices = [(paths[n], a, min(a + self.rows, end)) for n in order for a in starts]
            of_class.append([slices[n] for n in rng.permutation(len(slices))] if self.scattered else slices)
        if self.scattered:  # short slices meet short ones: a batch is then either whole or short
            for slices in of_class:
                slices.sort(key=lambda item: item[2] - item[1] < self.rows)
        groups = list(zip(*of_class, strict=True))
        return [groups[n] for n in rng.permutation(len(groups))] if self.scattered else groups

    def endless(self, passes: int | None) -> Iterator[Group]:
        """The groups of so many passes, or of ever more."""
        for number in itertools.count() if passes is None else range(passes):
            yield from self.groups(number)


def slices(case: Case, root: Path) -> Plan:
    """One batch a group. Tables are read from beginning to end, else slices come in any order."""
    rows = BATCH // len(LABELS)
    if not case.sample.tabular:
        rows = _aligned(case, root, rows)
    events = range(case.sample.events)
    return Plan(case.paths(root), case.sample.inputs, events, rows, not case.sample.tabular)


def pools(case: Case, root: Path) -> Plan:
    """Many batches a group: whole files, or as much of them as is shuffled at once."""
    rows = case.sample.pool // len(LABELS)
    if rows < case.sample.events:
        rows = _aligned(case, root, rows)
    return Plan(case.paths(root), case.sample.inputs, range(case.sample.events), max(rows, 1), True)


def _aligned(case: Case, root: Path, rows: int) -> int:
    """About `rows`, in whole chunks: a careful reader inflates no chunk for two batches."""
    with h5py.File(case.paths(root)[0][0]) as handle:
        chunks = handle[next(iter(case.sample.inputs))].chunks
    depth = 1 if chunks is None else chunks[0]
    return max(rows // depth, 1) * depth


def read(
    group: Group, inputs: dict[str, tuple[int, ...]], into: Arrays | None = None
) -> tuple[Arrays, Labels]:
    """Read a group as h5py is meant to be used: large slices, straight into the batch.

    Parameters
    ----------
    group : Group
        What to read.
    inputs : dict of str to tuple of int
        Datasets and the shape of one event.
    into : dict of str to ndarray, optional
        Arrays that are long enough, to be used again.

    Returns
    -------
    arrays : dict of str to ndarray of float32, each (B, ...)
        Class after class.
    labels : ndarray of int32, (B,)
        Numbers of the classes.
    """
    ends = list(itertools.accumulate((stop - start for _, start, stop in group), initial=0))
    if into is None:
        arrays = {name: np.empty((ends[-1], *shape), np.float32) for name, shape in inputs.items()}
    else:
        arrays = {name: into[name][: ends[-1]] for name in inputs}
    for (path, start, stop), begin, end in zip(group, ends, ends[1:], strict=False):
        datasets = _open(path)
        for name, array in arrays.items():
            datasets[name].read_direct(array, np.s_[start:stop], np.s_[begin:end])
    labels = np.repeat(np.arange(len(group), dtype=np.int32), np.diff(ends))
    return arrays, labels


def read_shuffled(group: Group, inputs: dict[str, tuple[int, ...]]) -> tuple[Arrays, Labels]:
    """Read a group and put its events into a random order, which need not be the same again."""
    arrays, labels = read(group, inputs)
    order = np.random.default_rng().permutation(len(labels))
    return {name: np.take(array, order, axis=0) for name, array in arrays.items()}, labels[order]


def cut(arrays: dict[str, Any], labels: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    """Batches of a pool: views of arrays or of tensors."""
    for start in range(0, len(labels), BATCH):
        part = slice(start, start + BATCH)
        yield {name: array[part] for name, array in arrays.items()}, labels[part]


@functools.lru_cache(maxsize=1024)
def _open(path: Path) -> dict[str, h5py.Dataset]:
    """The datasets of a file; they stay open, because HDF5 forgets what it inflated when one is closed."""
    return dict(h5py.File(path).items())
