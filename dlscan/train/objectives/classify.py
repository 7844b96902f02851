"""Losses of classification."""

from typing import Any

from dlscan.config import Train
from dlscan.models import keras
from dlscan.tasks import Task


class CrossEntropy:
    """Cross-entropy of logits; see `HeadLoss`. Summed up: events whose highest logit is in the right class.

    Scores would not do: where a network is wrong beyond doubt they are 0, and each back end clips in its way.
    """

    def __init__(self, task: Task, train: Train) -> None:
        self._loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def __call__(self, raw: Any, truth: Any, weights: Any) -> tuple[Any, list[Any]]:
        loss = self._loss(truth, raw, sample_weight=weights)
        best = keras.ops.cast(keras.ops.argmax(raw, axis=-1), truth.dtype)
        return loss, [keras.ops.sum(keras.ops.cast(best == truth, "float32"))]
