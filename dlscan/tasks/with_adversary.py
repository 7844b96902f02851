"""A task with an adversary: what it says, and one more column of the history."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config.curves import Curve, columns
from dlscan.metrics import Measured
from dlscan.tasks.task import Arrays, Head, OnAllClasses, Task


@dataclasses.dataclass(frozen=True)
class WithAdversary(OnAllClasses):
    """What a task says, with more curves; see `Task`.

    Attributes
    ----------
    task : Task
        What the network learns.
    added : tuple of Curve
        Of the adversary.
    """

    task: Task
    added: tuple[Curve, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """See `Task`."""
        return self.task.kinds

    @property
    def heads(self) -> tuple[Head, ...]:
        """See `Task`."""
        return self.task.heads

    @property
    def beside(self) -> tuple[Head, ...]:  # type: ignore[override]
        """See `Task`."""
        return self.task.beside

    @property
    def curves(self) -> tuple[Curve, ...]:
        """See `Task`."""
        return (*self.task.curves, *self.added)

    @property
    def columns(self) -> dict[str, bool]:
        """See `Task`."""
        return self.task.columns | columns(self.added)

    @property
    def extras(self) -> tuple[str, ...]:
        """See `Task`."""
        return self.task.extras

    def truth(self, labels: NDArray[Any], extras: Mapping[str, NDArray[Any]]) -> Arrays:
        """See `Task`."""
        return self.task.truth(labels, extras)

    def written(
        self, final: Arrays, raw: Arrays, truth: Arrays, losses: NDArray[np.float32] | None = None
    ) -> Arrays:
        """See `Task`."""
        return self.task.written(final, raw, truth, losses)

    def measure(self, kept: Mapping[str, NDArray[Any]]) -> Measured:
        """See `Task`."""
        return self.task.measure(kept)

    def measure_validation(self, kept: Mapping[str, NDArray[Any]]) -> Measured:
        """See `Task`."""
        return self.task.measure_validation(kept)
