"""The mean AUC of networks over the events of an epoch, for early stopping."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.models import keras
from dlscan.train.area import mean_area
from dlscan.train.feed import Fed


class Areas:
    """Scores of several networks, kept until their areas are asked for.

    Parameters
    ----------
    factors : sequence of float
        The weight of each class in the loss.
    """

    def __init__(self, factors: Sequence[float]) -> None:
        self._factors = np.array(factors)
        self._batches: list[tuple[NDArray[Any], ...]] = []

    @property
    def empty(self) -> bool:
        """Whether there are no scores, as where all that have them are finished."""
        return not self._batches

    def add(self, logits: Sequence[Any], batch: Fed) -> None:
        """Take the logits (B, C) of each network for a batch; waits for them."""
        scores = keras.ops.softmax(keras.ops.stack(logits))
        told = scores, batch.truth["scores"], batch.weights
        # copies: the batch goes back to its ring
        self._batches.append(tuple(np.array(keras.ops.convert_to_numpy(tensor)) for tensor in told))

    def read(self) -> list[float | None]:
        """The mean AUC of each network, and forget the scores; None where no class has one.

        Raises
        ------
        DataError
            If a weight is not finite.
        """
        scores, labels, weights = (
            np.concatenate(parts, axis=axis)
            for parts, axis in zip(zip(*self._batches, strict=True), (1, 0, 0), strict=True)
        )
        self._batches.clear()
        return [mean_area(table, labels, weights, self._factors) for table in scores]
