"""What a step tells of its batch."""

from typing import Any

from dlscan.models import keras
from dlscan.train.entries import dense


class Measure:
    """Losses and right answers of networks for one batch, from their logits.

    Scores would not do: where a network is wrong beyond doubt they are 0, and each back end clips in its way.
    """

    def __init__(self, network: Any) -> None:
        self._shapes = {tensor.name: tuple(tensor.shape[1:]) for tensor in network.inputs}
        self._loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def dense(self, inputs: Any, labels: Any) -> dict[str, Any]:
        return dense(inputs, self._shapes, keras.ops.shape(labels)[0])

    def __call__(self, logits: Any, labels: Any, weights: Any, losses: list[Any]) -> tuple[Any, Any]:
        """The loss and both numbers; `losses` are those that layers add."""
        loss = sum(losses, start=self._loss(labels, logits, sample_weight=weights))
        best = keras.ops.cast(keras.ops.argmax(logits, axis=-1), labels.dtype)
        hits = keras.ops.sum(keras.ops.cast(best == labels, "float32"))
        return loss, keras.ops.stack([loss, hits])
