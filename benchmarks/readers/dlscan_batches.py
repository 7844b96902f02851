"""dlscan's own stream, through its public interface."""

from __future__ import annotations

import itertools
import time
from typing import Any

from benchmarks.cases import BATCH
from benchmarks.readers import Consume, Job
from dlscan.dataset import SPLITS, Manifest
from dlscan.stream import Batches


class BatchesReader:
    """Streams the training split; to be verified, all splits: together they are all events."""

    def __init__(self, job: Job, tensors: bool = False) -> None:
        self._job, self._tensors = job, tensors
        self.opened = 0.0

    def stream(self, consume: Consume, passes: int | None, check: bool) -> None:
        """See `Reader`."""
        assert self._job.prepared is not None
        splits = [name for name in SPLITS if Manifest.read(self._job.prepared).splits[name].events]
        for split in splits if check else ["train"]:
            if not self._stream(split, consume, passes):
                return

    def _stream(self, split: str, consume: Consume, passes: int | None) -> bool:
        prepared = str(self._job.prepared)
        start = time.perf_counter()
        workers, memory = self._job.workers, self._job.memory
        with Batches(prepared, split, BATCH, workers, seed=1, memory=memory) as batches:
            self.opened = time.perf_counter() - start
            for number in itertools.count() if passes is None else range(passes):
                for batch in batches.epoch(number):
                    inputs = _as_tensors(batch.inputs) if self._tensors else batch.inputs
                    if not consume(len(batch), inputs, batch.labels):
                        return False
                    del batch, inputs  # a slot is filled again once nothing holds its arrays
        return True


def _as_tensors(arrays: dict[str, Any]) -> dict[str, Any]:
    """Tensors that see the arrays' memory."""
    import tensorflow as tf

    return {name: tf.experimental.dlpack.from_dlpack(array.__dlpack__()) for name, array in arrays.items()}
