"""A generator over h5py in the process that takes the batches: what most people write first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.readers import Consume, Job
from benchmarks.slices import cut, pools, read, read_shuffled, slices


class GeneratorReader:
    """Reads a group, shuffles it, yields it; rows of tables, which are small, by pools of many batches.

    Without `shuffled`, events lie in a batch as they lie in the files; that is less than the others do, and
    shows what the shuffling costs.
    """

    def __init__(self, job: Job, shuffled: bool) -> None:
        self._job, self._read = job, read_shuffled if shuffled else read

    def stream(self, consume: Consume, passes: int | None, check: bool) -> None:
        """See `Reader`."""
        for arrays, labels in self.batches(passes):
            if not consume(len(labels), arrays, labels):
                return

    def batches(self, passes: int | None) -> Iterator[tuple[dict[str, Any], Any]]:
        """Batches of NumPy arrays."""
        case, root = self._job.case, self._job.root
        plan = (pools if case.sample.tabular else slices)(case, root)
        for group in plan.endless(passes):
            yield from cut(*self._read(group, case.sample.inputs))
