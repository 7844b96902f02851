"""The metrics of generated events: how far they are from real ones."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dlscan.metrics.checks import checked_weights, weight_sum
from dlscan.metrics.estimate import effective_count
from dlscan.metrics.generation import (
    CORRELATION,
    DISTANCE,
    LEAST,
    TWOSAMPLE,
    distance,
    observables_of,
    require_finite,
    twosample,
)
from dlscan.metrics.influence import Influenced
from dlscan.tasks.generate import CLASSIFIER, CONDITION
from dlscan.tasks.metric import VALIDATION_LOSS, About, Called, Metric, Split, loss_metric, union


@dataclasses.dataclass(frozen=True)
class GenerationMetrics:
    """See `dlscan.tasks.metric.TaskMetrics`; `names` are the classes, which are generated together."""

    names: tuple[str, ...]

    kind, noun = "generate", "classes"
    word, comparable = "two-sample AUC", "distances of generated events from real ones"
    mean_of = "all events together"
    needed = ()
    truth = ("labels", "weights", CONDITION)
    headline = TWOSAMPLE
    columns: ClassVar[Mapping[str, tuple[str, ...]]] = {CLASSIFIER: ("real", "generated")}
    chosen_by = (VALIDATION_LOSS, f"val_{TWOSAMPLE}")

    @property
    def phrase(self) -> str:
        """The task in a sentence."""
        return f"a generation of {', '.join(self.names)}"

    @property
    def parts(self) -> Mapping[str, str]:
        """None for a class: all events are judged together."""
        return {}

    @property
    def each(self) -> Mapping[str, str]:
        """As `parts`."""
        return {}

    @property
    def curves(self) -> Mapping[str, str]:
        """What networks that compete tell, and what variational autoencoders do."""
        return {
            "loss": "energy distance",
            "generator_loss": "loss of the generator",
            "critic_loss": "loss of the critic",
            "reconstruction": "-log p(event | code)",
            "kl": "divergence of codes from their prior",
        }

    @property
    def defaults(self) -> tuple[str, ...]:
        """What a classifier can tell; and of images what physicists look at."""
        return (TWOSAMPLE, *(f"{name}{DISTANCE}" for name in ("Energy", "Layers", "Radius", CORRELATION)))

    @property
    def aliases(self) -> Mapping[str, str]:
        """What people call them."""
        return {"val_auc": f"val_{TWOSAMPLE}"}

    def first(self, count: int) -> "GenerationMetrics":
        """That of the first of the names."""
        return GenerationMetrics(self.names[:count])

    def merged(self, other: "GenerationMetrics") -> "GenerationMetrics":
        """That of the classes of both."""
        return GenerationMetrics(union(self.names, other.names))

    def metric(self, name: str, called: Called) -> Metric | None:
        """What a metric is."""
        split: Split = "validation" if name.startswith("val_") else "test"
        bare = name.removeprefix("val_")
        family = "val_*" if split == "validation" else "Distance"
        if bare == TWOSAMPLE:
            meaning = "AUC of a fresh classifier of generated against real events; .5 is perfect"
            return Metric(
                "auc", About(meaning, split=split, family=family, title="two-sample AUC", better=0.5)
            )
        if not bare.endswith(DISTANCE):
            return loss_metric(name)
        what = bare.removesuffix(DISTANCE)
        meaning = f"Wasserstein distance of {what}, generated from real, in units of its spread"
        if what == CORRELATION:
            meaning = "mean difference of correlations between observables, generated and real"
        title = f"distance of {what}" if what != CORRELATION else "distance of correlations"
        return Metric("number", About(meaning, split=split, family=family, title=title, better="less"))

    def is_compared(self, name: str) -> bool:
        """What is made of events one by one."""
        return name == TWOSAMPLE or (name.endswith(DISTANCE) and name != f"{CORRELATION}{DISTANCE}")

    def losses(self, kept: Mapping[str, NDArray[Any]]) -> NDArray[np.float64] | None:
        """None: the loss is one of all events."""
        return None

    def influenced(self, kept: Mapping[str, NDArray[Any]], name: str) -> Influenced | None:
        """The area of the classifier, and distances."""
        weights = checked_weights(kept["weights"], len(kept["weights"]))
        if weight_sum(weights) <= 0 or effective_count(weights) < LEAST:
            return None
        require_finite(kept, weights)
        if name == TWOSAMPLE:
            return twosample(kept, weights) if CLASSIFIER in kept else None
        what = name.removesuffix(DISTANCE)
        known = name.endswith(DISTANCE) and what in observables_of(kept)
        return distance(kept, what, weights) if known else None
