"""torch.utils.data.DataLoader: each item is read at once by a worker and comes through shared memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler, get_worker_info

from benchmarks.cases import BATCH
from benchmarks.readers import Consume, Job
from benchmarks.slices import Group, Plan, cut, pools, read, read_shuffled, slices


class _Order(Sampler[Group]):
    """Groups of one pass after the other, so that workers never wait at the end of a pass."""

    def __init__(self, plan: Plan, passes: int | None) -> None:
        self.plan, self.passes = plan, passes

    def __iter__(self) -> Iterator[Group]:
        return self.plan.endless(self.passes)


class _Groups(Dataset[tuple[dict[str, torch.Tensor], torch.Tensor]]):
    """A map-style dataset whose items are groups."""

    def __init__(self, inputs: dict[str, tuple[int, ...]]) -> None:
        self.inputs = inputs

    def __getitem__(self, group: Group) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        arrays, labels = read_shuffled(group, self.inputs)
        return {name: torch.from_numpy(array) for name, array in arrays.items()}, torch.from_numpy(labels)


class _Files(IterableDataset[tuple[dict[str, torch.Tensor], torch.Tensor]]):
    """Each worker reads whole files, one of each class, and yields batches of their events at random."""

    def __init__(self, plan: Plan, passes: int | None) -> None:
        self.plan, self.passes = plan, passes

    def __iter__(self) -> Iterator[tuple[dict[str, torch.Tensor], torch.Tensor]]:
        worker = get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        inputs, rng = self.plan.inputs, np.random.default_rng()
        events = len(self.plan.paths) * self.plan.rows
        pool = {name: np.empty((events, *shape), np.float32) for name, shape in inputs.items()}
        for group in itertools.islice(self.plan.endless(self.passes), first, None, step):
            arrays, labels = read(group, inputs, pool)
            order = rng.permutation(len(labels))
            for start in range(0, len(order), BATCH):
                rows = order[start : start + BATCH]
                batch = {name: torch.from_numpy(np.take(a, rows, axis=0)) for name, a in arrays.items()}
                yield batch, torch.from_numpy(labels[rows])


class LoaderReader:
    """A DataLoader without batching of its own.

    By slices, an item is a batch. By whole files, items are batches that a worker draws from the files it has
    read; of tables, whose batches are small, an item is a pool of which the batches are views.
    """

    def __init__(self, job: Job, whole: bool) -> None:
        self._job, self._whole = job, whole

    def stream(self, consume: Consume, passes: int | None, check: bool) -> None:
        """See `Reader`."""
        case, root = self._job.case, self._job.root
        plan = (pools if self._whole else slices)(case, root)
        dataset: Dataset[Any]
        if self._whole and not case.sample.tabular:
            dataset, order = _Files(plan, passes), None
        else:
            dataset, order = _Groups(case.sample.inputs), _Order(plan, passes)
        loader: DataLoader[Any] = DataLoader(
            dataset, batch_size=None, sampler=order, num_workers=self._job.workers
        )
        for arrays, labels in loader:
            for batch, own in cut(arrays, labels):
                if not consume(len(own), batch, own):
                    return
