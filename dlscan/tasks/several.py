"""Several tasks with a head each on one body."""

import dataclasses
from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config.curves import Curve
from dlscan.metrics import Measured
from dlscan.tasks.task import Arrays, Head, OnAllClasses, Task


@dataclasses.dataclass(frozen=True)
class Several(OnAllClasses):
    """What each of them says, together; see `Task`.

    Attributes
    ----------
    tasks : tuple of Task
        No two of a kind.
    curves : tuple of Curve
        The weighted sum of the losses, the loss of each task, and their other curves.
    columns : dict of str to bool
        See `Task`.
    """

    tasks: tuple[Task, ...]
    curves: tuple[Curve, ...]
    columns: dict[str, bool]

    @property
    def kinds(self) -> tuple[str, ...]:
        """See `Task`."""
        return tuple(kind for task in self.tasks for kind in task.kinds)

    @property
    def heads(self) -> tuple[Head, ...]:
        """See `Task`."""
        return tuple(head for task in self.tasks for head in task.heads)

    @property
    def given(self) -> tuple[Head, ...]:  # type: ignore[override]
        """See `Task`."""
        return tuple(head for task in self.tasks for head in task.given)

    @property
    def extras(self) -> tuple[str, ...]:
        """See `Task`."""
        return tuple(dict.fromkeys(name for task in self.tasks for name in task.extras))

    def truth(self, labels: NDArray[Any], extras: Mapping[str, NDArray[Any]]) -> Arrays:
        """See `Task`."""
        return reduce(dict.__or__, (task.truth(labels, extras) for task in self.tasks))

    def predicted(self, final: Arrays) -> Arrays:
        """See `Task`."""
        return reduce(dict.__or__, (task.predicted(final) for task in self.tasks))

    def written(
        self, final: Arrays, raw: Arrays, truth: Arrays, losses: NDArray[np.float32] | None = None
    ) -> Arrays:
        """See `Task`."""
        return reduce(dict.__or__, (task.written(final, raw, truth, losses) for task in self.tasks))

    def measure(self, kept: Mapping[str, NDArray[Any]]) -> Measured:
        """See `Task`."""
        return reduce(Measured.__or__, (task.measure(kept) for task in self.tasks))

    def measure_validation(self, kept: Mapping[str, NDArray[Any]]) -> Measured:
        """See `Task`."""
        return reduce(Measured.__or__, (task.measure_validation(kept) for task in self.tasks))
