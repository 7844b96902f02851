"""Losses of regression."""

from typing import Any

import numpy as np

from dlscan.config import Train
from dlscan.models import keras
from dlscan.models.heads import rates
from dlscan.tasks import Head, Standards
from dlscan.train.objectives.losses import event_loss

KIND = "regress"


class NumberLoss:
    """A loss of numbers in standard units; see `HeadLoss`.

    Summed up: the mean over the targets of the absolute error, in standard units too.
    """

    # the task does not know the units
    is_usual = False

    def __init__(self, head: Head, train: Train, standards: Standards) -> None:
        standard = standards[head.name]
        self._mean, self._std = np.array(standard.mean, np.float32), np.array(standard.std, np.float32)
        self._are_rates = head.are_rates
        self._loss = event_loss(KIND, train, len(head.targets))

    def events(self, raw: Any, truth: Any) -> Any:
        """See `HeadLoss`."""
        if self._are_rates:
            return self._loss(keras.ops.divide(truth, self._mean), raw)
        return self._loss(self._standardised(truth), raw)

    def sums(self, raw: Any, truth: Any) -> list[Any]:
        """See `HeadLoss`."""
        predicted = raw[:, : len(self._mean)]
        if self._are_rates:
            predicted = self._standardised(rates(raw) * self._mean)
        errors = predicted - self._standardised(truth)
        return [keras.ops.sum(keras.ops.mean(keras.ops.abs(errors), axis=-1))]

    def _standardised(self, truth: Any) -> Any:
        return keras.ops.divide(keras.ops.subtract(truth, self._mean), self._std)
