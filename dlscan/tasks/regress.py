"""Regression: predict numbers."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config.curves import columns
from dlscan.config.losses import Loss
from dlscan.config.selection import Selection
from dlscan.config.task_kinds import Regress
from dlscan.metrics import Measured, measure_regression, measure_regression_validation
from dlscan.tasks.task import Arrays, Head, OnAllClasses

_PREDICTIONS = "predictions"


@dataclasses.dataclass(frozen=True)
class Regression(OnAllClasses):
    """Numbers in their own units; see `Task`.

    Losses see them in standard units: less the mean, over the standard deviation of the training split.

    Attributes
    ----------
    targets : mapping of str to Selection
        Where the number of each target is.
    weight : float
        Of its loss among those of several tasks.
    has_sigmas : bool
        Whether the uncertainty of each number is predicted too.
    loss : Loss or None
        See `Head`.
    are_rates : bool
        See `Head`.
    """

    targets: Mapping[str, Selection]
    weight: float = 1.0
    has_sigmas: bool = False
    loss: Loss | None = None
    are_rates: bool = False

    kinds = (Regress.kind,)
    curves = Regress.curves
    columns = columns(Regress.curves)

    @classmethod
    def of(cls, config: Regress, _: tuple[str, ...], loss: Loss, own: bool) -> "Regression":
        """That of an experiment file; `own` is whether the loss is."""
        name = loss.of(Regress.kind)
        sigmas, rates = name == "gaussian_nll", name == "poisson"
        return cls(config.targets.by_name, config.weight, sigmas, loss if own else None, rates)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the targets."""
        return tuple(self.targets)

    @property
    def heads(self) -> tuple[Head, ...]:
        """See `Task`."""
        size = len(self.targets) * (1 + self.has_sigmas)
        return (Head(_PREDICTIONS, size, self.names, self.weight, self.loss, self.are_rates),)

    @property
    def extras(self) -> tuple[str, ...]:
        """See `Task`."""
        return tuple(dict.fromkeys(target.extra for target in self.targets.values()))

    def truth(self, labels: NDArray[Any], extras: Mapping[str, NDArray[Any]]) -> Arrays:
        """The targets, (B, T) float32 in their units."""
        columns = [target.of(extras[target.extra]) for target in self.targets.values()]
        return {_PREDICTIONS: np.stack(columns, axis=1).astype(np.float32)}

    def predicted(self, final: Arrays) -> Arrays:
        """`predictions` and perhaps `sigmas`, (B, T) each."""
        count, found = len(self.targets), final[_PREDICTIONS]
        sigmas = {"sigmas": found[:, count:]} if found.shape[1] > count else {}
        return {_PREDICTIONS: found[:, :count], **sigmas}

    def written(
        self, final: Arrays, raw: Arrays, truth: Arrays, losses: NDArray[np.float32] | None = None
    ) -> Arrays:
        """What is `predicted`, `targets` (B, T), and `losses` (B,)."""
        kept = {**self.predicted(final), "targets": truth[_PREDICTIONS]}
        return kept if losses is None else {**kept, "losses": losses}

    def measure(self, kept: Mapping[str, NDArray[Any]]) -> Measured:
        """See `Task` and `dlscan.metrics.measure_regression`."""
        return measure_regression(
            kept[_PREDICTIONS], kept["targets"], self.names, kept["weights"], kept.get("sigmas")
        )

    def measure_validation(self, kept: Mapping[str, NDArray[Any]]) -> Measured:
        """See `Task` and `dlscan.metrics.measure_regression_validation`."""
        return measure_regression_validation(
            kept[_PREDICTIONS], kept["targets"], self.names, kept["weights"], kept.get("sigmas")
        )
