"""Losses of classification."""

from typing import Any

from dlscan.config import Train
from dlscan.models import keras
from dlscan.tasks import Head, Standards
from dlscan.train.objectives.losses import event_loss

KIND = "classify"


class ClassLoss:
    """A loss of logits; see `HeadLoss`. Summed up: events whose highest logit is in the right class.

    Scores would not do: where a network is wrong beyond doubt they are 0, and each back end clips in its way.
    """

    def __init__(self, head: Head, train: Train, standards: Standards) -> None:
        self._classes, self._smoothing = head.size, train.label_smoothing
        self.is_usual = train.loss.of(KIND) == "cross_entropy" and not train.label_smoothing
        self._loss = event_loss(KIND, train, self._classes)

    def events(self, raw: Any, truth: Any) -> Any:
        """See `HeadLoss`."""
        if self.is_usual:
            # the same numbers from indices, without a table of zeros and ones
            return keras.ops.sparse_categorical_crossentropy(truth, raw, from_logits=True)
        share = self._smoothing / self._classes
        targets = keras.ops.one_hot(truth, self._classes, dtype="float32") * (1 - self._smoothing) + share
        return self._loss(targets, raw)

    def sums(self, raw: Any, truth: Any) -> list[Any]:
        """See `HeadLoss`."""
        best = keras.ops.cast(keras.ops.argmax(raw, axis=-1), truth.dtype)
        return [keras.ops.sum(keras.ops.cast(best == truth, "float32"))]
