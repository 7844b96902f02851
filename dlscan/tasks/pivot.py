"""A task whose scores are not to depend on a nuisance: another network, beside, works against that."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config.adversary import Pivot
from dlscan.config.curves import Curve, columns
from dlscan.errors import ConfigError
from dlscan.metrics import Measured
from dlscan.metrics.dependence import measure_dependence
from dlscan.spelling import hint
from dlscan.tasks.task import Arrays, Head, OnAllClasses, Task

# What the adversary gives, and what `predictions.h5` has of each event.
NUISANCE = "nuisance"


@dataclasses.dataclass(frozen=True)
class Pivoted(OnAllClasses):
    """What a task says, and what there is to say of the nuisance; see `Task`.

    Attributes
    ----------
    task : Task
        With scores.
    pivot : Pivot
        The adversary.
    within : tuple of int
        The classes within which scores are not to depend on the nuisance.
    classes : tuple of str
        All of the dataset.
    """

    task: Task
    pivot: Pivot
    within: tuple[int, ...]
    classes: tuple[str, ...]

    @classmethod
    def of(cls, task: Task, pivot: Pivot, classes: Sequence[str]) -> "Pivoted":
        """That of an experiment; without `classes` one that only tells what it needs of events.

        Raises
        ------
        ConfigError
            If the adversary names an unknown class.
        """
        if classes and (unknown := [name for name in pivot.classes if name not in classes]):
            raise ConfigError(f"adversary.classes: no class {unknown[0]!r}; {hint(unknown[0], classes)}")
        asked = pivot.classes or classes
        within = tuple(number for number, name in enumerate(classes) if name in asked)
        return cls(task, pivot, within, tuple(classes))

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
        return (*self.task.beside, Head(NUISANCE, 1, (self.pivot.nuisance.name,)))

    @property
    def curves(self) -> tuple[Curve, ...]:
        """See `Task`."""
        return (*self.task.curves, *self.pivot.curves)

    @property
    def columns(self) -> dict[str, bool]:
        """See `Task`."""
        return self.task.columns | columns(self.pivot.curves)

    @property
    def extras(self) -> tuple[str, ...]:
        """See `Task`."""
        return tuple(dict.fromkeys((*self.task.extras, self.pivot.nuisance.selection.extra)))

    def truth(self, labels: NDArray[Any], extras: Mapping[str, NDArray[Any]]) -> Arrays:
        """See `Task`."""
        selection = self.pivot.nuisance.selection
        numbers = selection.of(extras[selection.extra]).astype(np.float32)
        return self.task.truth(labels, extras) | {NUISANCE: numbers[:, None]}

    def written(
        self, final: Arrays, raw: Arrays, truth: Arrays, losses: NDArray[np.float32] | None = None
    ) -> Arrays:
        """See `Task`; `nuisance` (B, 1) beside."""
        return self.task.written(final, raw, truth, losses) | {NUISANCE: truth[NUISANCE]}

    def measure(self, kept: Mapping[str, NDArray[Any]]) -> Measured:
        """See `Task`."""
        return self.task.measure(kept) | self._dependence(kept)

    def measure_validation(self, kept: Mapping[str, NDArray[Any]]) -> Measured:
        """See `Task`."""
        found = self._dependence(kept)
        return self.task.measure_validation(kept) | found.renamed({n: f"val_{n}" for n in found.values})

    def _dependence(self, kept: Mapping[str, NDArray[Any]]) -> Measured:
        return measure_dependence(
            *(kept["scores"], kept[NUISANCE][:, 0], kept["labels"]),
            {self.classes[number]: number for number in self.within},
            self.pivot.nuisance.name,
        )
