"""Classification: tell classes apart."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config.curves import columns
from dlscan.config.losses import Loss
from dlscan.config.task_kinds import Classify
from dlscan.metrics import Measured, losses_from_logits, measure, measure_validation
from dlscan.tasks.task import Arrays, Head, OnAllClasses

_SCORES = "scores"


@dataclasses.dataclass(frozen=True)
class Classification(OnAllClasses):
    """Scores per class that add up to 1; see `Task`.

    Attributes
    ----------
    classes : tuple of str
        Their labels.
    weight : float
        Of its loss among those of several tasks.
    loss : Loss or None
        See `Head`.
    """

    classes: tuple[str, ...]
    weight: float = 1.0
    loss: Loss | None = None

    kinds = (Classify.kind,)
    curves = Classify.curves
    columns = columns(Classify.curves, Classify.monitored)
    extras = ()

    @classmethod
    def of(cls, config: Classify, classes: tuple[str, ...], loss: Loss, own: bool) -> "Classification":
        """That of an experiment file, for a dataset with these classes; `own` is whether the loss is."""
        return cls(classes, config.weight, loss if own else None)

    @property
    def heads(self) -> tuple[Head, ...]:
        """See `Task`."""
        return (Head(_SCORES, len(self.classes), weight=self.weight, loss=self.loss),)

    def truth(self, labels: NDArray[Any], extras: Mapping[str, NDArray[Any]]) -> Arrays:
        """See `Task`."""
        return {_SCORES: labels}

    def predicted(self, final: Arrays) -> Arrays:
        """`scores` (B, C)."""
        return {_SCORES: final[_SCORES]}

    def written(
        self, final: Arrays, raw: Arrays, truth: Arrays, losses: NDArray[np.float32] | None = None
    ) -> Arrays:
        """`scores` (B, C), and `losses` (B,); scores may not tell the cross-entropy, which is written too."""
        entropies = losses_from_logits(raw[_SCORES], truth[_SCORES]).astype(np.float32)
        if losses is None:
            return {_SCORES: final[_SCORES], "losses": entropies}
        return {_SCORES: final[_SCORES], "losses": losses, "cross_entropies": entropies}

    def measure(self, kept: Mapping[str, NDArray[Any]]) -> Measured:
        """See `Task` and `dlscan.metrics.measure`."""
        losses = kept.get("cross_entropies", kept.get("losses"))
        return measure(kept[_SCORES], kept["labels"], self.classes, kept["weights"], losses)

    def measure_validation(self, kept: Mapping[str, NDArray[Any]]) -> Measured:
        """See `Task` and `dlscan.metrics.measure_validation`."""
        return measure_validation(kept[_SCORES], kept["labels"], self.classes, kept["weights"])
