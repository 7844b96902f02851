"""keras.utils.PyDataset through `Model.fit`, by processes or by threads."""

from __future__ import annotations

from typing import Any

import keras

from benchmarks.readers import Consume, Job
from benchmarks.slices import Group, Labels, read_shuffled, slices

_ENDLESS_BATCHES = 1_000_000


class _Batches(keras.utils.PyDataset):
    """An item is a batch; `fit` takes them in order, which is the plan's."""

    def __init__(self, groups: list[Group], inputs: dict[str, tuple[int, ...]], **how: Any) -> None:
        super().__init__(**how)
        self.groups, self.inputs = groups, inputs
        self.repeat = 1

    def __len__(self) -> int:
        return len(self.groups) * self.repeat

    def __getitem__(self, number: int) -> tuple[dict[str, Any], Labels]:
        return read_shuffled(self.groups[number % len(self.groups)], self.inputs)


class _Idle(keras.Model):
    """A model that takes batches and learns nothing."""

    def __init__(self, consume: Consume | None, touch: bool) -> None:
        super().__init__()
        self.consume, self.touch, self.going = consume, touch, True

    def call(self, inputs: Any) -> Any:
        return inputs

    def train_step(self, data: Any) -> dict[str, Any]:
        arrays, labels = data[0], data[1]
        if self.consume is not None:  # eagerly, to look at the batch
            self.going = self.consume(int(labels.shape[0]), arrays, labels)
        logs = {"events": keras.ops.shape(labels)[0]}
        if self.touch:
            logs["sum"] = sum(keras.ops.sum(array) for array in arrays.values())
        return logs


class _Count(keras.callbacks.Callback):
    def __init__(self, consume: Consume) -> None:
        super().__init__()
        self.consume = consume

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if not self.consume(int((logs or {})["events"]), {}, None):
            self.model.stop_training = True


class PyDatasetReader:
    """`fit` of a model that does nothing, so that what is left is the feeding."""

    def __init__(self, job: Job, processes: bool) -> None:
        self._job, self._processes = job, processes

    def stream(self, consume: Consume, passes: int | None, check: bool) -> None:
        """See `Reader`. One epoch of Keras is many passes: it starts its workers anew for each epoch."""
        plan = slices(self._job.case, self._job.root)
        groups = list(plan.endless(4 if passes is None else passes))
        dataset = _Batches(
            groups,
            self._job.case.sample.inputs,
            workers=self._job.workers,
            use_multiprocessing=self._processes,
            max_queue_size=4,
        )
        if passes is None:
            dataset.repeat = -(-_ENDLESS_BATCHES // len(groups))
        model = _Idle(consume if check else None, self._job.touch)
        model.compile(run_eagerly=check, jit_compile=False)
        callbacks = [] if check else [_Count(consume)]
        model.fit(dataset, epochs=1, shuffle=False, verbose=0, callbacks=callbacks)
