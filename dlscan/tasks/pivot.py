"""A task whose scores must not depend on a nuisance: another network, beside, works against that."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config.adversary import Pivot
from dlscan.metrics import Measured
from dlscan.metrics.dependence import measure_dependence
from dlscan.tasks.task import Arrays, Head, Task
from dlscan.tasks.with_adversary import WithAdversary

# What the adversary gives, and what `predictions.h5` has of each event.
NUISANCE = "nuisance"


@dataclasses.dataclass(frozen=True)
class Pivoted(WithAdversary):
    """What a task says, and what there is to say of the nuisance; see `Task`.

    Attributes
    ----------
    pivot : Pivot
        The adversary.
    within : tuple of int
        The classes within which scores must not depend on the nuisance.
    classes : tuple of str
        All of the dataset.
    """

    pivot: Pivot
    within: tuple[int, ...]
    classes: tuple[str, ...]

    @classmethod
    def of(cls, task: Task, pivot: Pivot, classes: Sequence[str]) -> "Pivoted":
        """That of an experiment; without `classes` one that only tells what it needs of events."""
        asked = pivot.classes or classes
        within = tuple(number for number, name in enumerate(classes) if name in asked)
        return cls(task, pivot.curves, pivot, within, tuple(classes))

    @property
    def beside(self) -> tuple[Head, ...]:  # type: ignore[override]
        """See `Task`."""
        return (*super().beside, Head(NUISANCE, 1, (self.pivot.nuisance.name,)))

    @property
    def extras(self) -> tuple[str, ...]:
        """See `Task`."""
        return tuple(dict.fromkeys((*super().extras, self.pivot.nuisance.selection.extra)))

    def truth(self, labels: NDArray[Any], extras: Mapping[str, NDArray[Any]]) -> Arrays:
        """See `Task`."""
        selection = self.pivot.nuisance.selection
        numbers = selection.of(extras[selection.extra]).astype(np.float32)
        return super().truth(labels, extras) | {NUISANCE: numbers[:, None]}

    def written(
        self, final: Arrays, raw: Arrays, truth: Arrays, losses: NDArray[np.float32] | None = None
    ) -> Arrays:
        """See `Task`; `nuisance` (B, 1) beside."""
        return super().written(final, raw, truth, losses) | {NUISANCE: truth[NUISANCE]}

    def measure(self, kept: Mapping[str, NDArray[Any]]) -> Measured:
        """See `Task`."""
        return super().measure(kept) | self._dependence(kept)

    def measure_validation(self, kept: Mapping[str, NDArray[Any]]) -> Measured:
        """See `Task`."""
        found = self._dependence(kept)
        return super().measure_validation(kept) | found.renamed({n: f"val_{n}" for n in found.values})

    def _dependence(self, kept: Mapping[str, NDArray[Any]]) -> Measured:
        return measure_dependence(
            *(kept["scores"], kept[NUISANCE][:, 0], kept["labels"]),
            {self.classes[number]: number for number in self.within},
            self.pivot.nuisance.name,
        )
