"""Generation: make events like those of the dataset."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config.curves import Curve, columns, has_curve
from dlscan.config.losses import Loss
from dlscan.config.models import Model
from dlscan.config.task_kinds import Condition, Generate
from dlscan.metrics import Measured
from dlscan.metrics.generation import measure_generation
from dlscan.tasks.task import Arrays, Head, OnAllClasses

# What is known of events, and with what the names of arrays of observables begin.
CONDITION, REAL, GENERATED = "condition", "real_", "generated_"
# The score of a classifier that tells generated events from real ones, where the event was not trained on.
CLASSIFIER = "twosample"


@dataclasses.dataclass(frozen=True)
class Generation(OnAllClasses):
    """Events, compared with real ones by their observables; see `Task`.

    Attributes
    ----------
    condition : Condition
        What is known of an event before.
    is_variational : bool
        Whether the network is no generator with a critic, but the decoder of a variational autoencoder.
    """

    condition: Condition = Condition()
    is_variational: bool = False

    kinds = (Generate.kind,)
    # no layer is put on a body: a network of a family of its own makes whole events
    heads = ()

    @classmethod
    def of(cls, config: Generate, _: tuple[str, ...], loss: Loss, own: bool) -> "Generation":
        """That of an experiment file."""
        return cls(config.condition)

    def by(self, model: Model) -> "Generation":
        """The same as a network of this family learns it."""
        return dataclasses.replace(self, is_variational=model.is_variational)

    @property
    def curves(self) -> tuple[Curve, ...]:
        """See `Task`."""
        return tuple(curve for curve in Generate.curves if has_curve(curve.name, self.is_variational))

    @property
    def columns(self) -> dict[str, bool]:
        """See `Task`."""
        return columns(self.curves)

    @property
    def given(self) -> tuple[Head, ...]:  # type: ignore[override]
        """See `Task`."""
        names = self.condition.names
        return (Head(CONDITION, len(names), names),) if names else ()

    @property
    def extras(self) -> tuple[str, ...]:
        """See `Task`."""
        return tuple(dict.fromkeys(number.extra for number in self.condition.numbers))

    def truth(self, labels: NDArray[Any], extras: Mapping[str, NDArray[Any]]) -> Arrays:
        """The condition, (B, K) float32: numbers in their units, and the index of the class."""
        parts = [number.of(extras[number.extra]) for number in self.condition.numbers]
        parts += [labels] if self.condition.by_class else []
        return {CONDITION: np.stack(parts, axis=1).astype(np.float32)} if parts else {}

    def written(
        self, final: Arrays, raw: Arrays, truth: Arrays, losses: NDArray[np.float32] | None = None
    ) -> Arrays:
        """`real_<observable>` and `generated_<observable>`, (B, K) each, and `condition`, (B, K)."""
        return {**final, **truth}

    def measure(self, kept: Mapping[str, NDArray[Any]]) -> Measured:
        """See `Task` and `dlscan.metrics.generation`."""
        return measure_generation(kept, kept["weights"])

    def measure_validation(self, kept: Mapping[str, NDArray[Any]]) -> Measured:
        """See `Task`: the same names behind `val_`."""
        measured = self.measure(kept)
        return measured.renamed({name: f"val_{name}" for name in measured.values})
