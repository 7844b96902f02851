"""Regression: predict numbers."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config.selection import Selection
from dlscan.config.task import Regress
from dlscan.metrics import Measured, measure_regression, measure_regression_validation
from dlscan.tasks.task import Arrays, Curve, Head

_PREDICTIONS = "predictions"


@dataclasses.dataclass(frozen=True)
class Regression:
    """Numbers in their own units; see `Task`.

    Losses see them in standard units: less the mean, over the standard deviation of the training split.

    Attributes
    ----------
    targets : mapping of str to Selection
        Where the number of each target is.
    """

    targets: Mapping[str, Selection]

    kinds = (Regress.kind,)
    curves = (Curve("loss", True), Curve("mae", True))

    @classmethod
    def of(cls, config: Regress, _: tuple[str, ...]) -> "Regression":
        """That of an experiment file."""
        return cls(config.targets.by_name)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the targets."""
        return tuple(self.targets)

    @property
    def heads(self) -> tuple[Head, ...]:
        """See `Task`."""
        return (Head(_PREDICTIONS, len(self.targets)),)

    @property
    def extras(self) -> tuple[str, ...]:
        """See `Task`."""
        return tuple(dict.fromkeys(target.extra for target in self.targets.values()))

    def truth(self, labels: NDArray[Any], extras: Mapping[str, NDArray[Any]]) -> Arrays:
        """The targets, (B, T) float32 in their units."""
        columns = [target.of(extras[target.extra]) for target in self.targets.values()]
        return {_PREDICTIONS: np.stack(columns, axis=1).astype(np.float32)}

    def written(self, final: Arrays, raw: Arrays, truth: Arrays) -> Arrays:
        """`predictions` and `targets`, (B, T) each."""
        return {_PREDICTIONS: final[_PREDICTIONS], "targets": truth[_PREDICTIONS]}

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
