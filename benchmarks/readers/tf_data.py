"""tf.data: a generator in Python, or a map over the numbers of groups with parallel calls."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks.cases import BATCH
from benchmarks.readers import Consume, Job
from benchmarks.slices import Group, pools, read_shuffled, slices


class TfDataReader:
    """Iterates a tf.data.Dataset as an eager loop does."""

    def __init__(self, job: Job, mapped: bool) -> None:
        self._job, self._mapped = job, mapped
        self._inputs = job.case.sample.inputs
        self._plan = (pools if job.case.sample.tabular else slices)(job.case, job.root)

    def stream(self, consume: Consume, passes: int | None, check: bool) -> None:
        """See `Reader`."""
        dataset = self._map(passes) if self._mapped else self._from_generator(passes)
        if self._job.case.sample.tabular:  # pools are cut into batches in C++
            dataset = dataset.rebatch(BATCH)
        for arrays, labels in dataset.prefetch(2):
            if not consume(int(labels.shape[0]), arrays, labels):
                return

    def _from_generator(self, passes: int | None) -> Any:
        signature = (
            {name: tf.TensorSpec((None, *shape), tf.float32) for name, shape in self._inputs.items()},
            tf.TensorSpec((None,), tf.int32),
        )

        def groups() -> Any:
            for group in self._plan.endless(passes):
                yield read_shuffled(group, self._inputs)

        return tf.data.Dataset.from_generator(groups, output_signature=signature)

    def _map(self, passes: int | None) -> Any:
        order = _Order(self._plan.endless(passes))
        count = len(self._plan.groups(0)) * passes if passes is not None else np.iinfo(np.int64).max
        names = list(self._inputs)

        def load(number: Any) -> list[Any]:
            arrays, labels = read_shuffled(order.group(int(number)), self._inputs)
            return [*arrays.values(), labels]

        def element(number: Any) -> Any:
            types = [tf.float32] * len(names) + [tf.int32]
            *values, labels = tf.numpy_function(load, [number], types)
            for name, value in zip(names, values, strict=True):
                value.set_shape((None, *self._inputs[name]))
            labels.set_shape((None,))
            return dict(zip(names, values, strict=True)), labels

        numbers = tf.data.Dataset.range(count)
        return numbers.map(element, num_parallel_calls=self._job.workers, deterministic=False)


class _Order:
    """The groups of an iterator by their number, asked for by several threads."""

    def __init__(self, groups: Any) -> None:
        self._groups, self._lock = groups, threading.Lock()
        self._seen: list[Group] = []

    def group(self, number: int) -> Group:
        with self._lock:
            missing = number + 1 - len(self._seen)
            self._seen.extend(itertools.islice(self._groups, max(missing, 0)))
            group: Group = self._seen[number]
        return group
