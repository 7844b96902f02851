"""The metrics of a reconstruction: how well events are given back, and how well that tells anomalies."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config.labels import MEAN
from dlscan.metrics import anomalies_of, anomaly_area, is_normal
from dlscan.metrics.delong import Area, mean_area
from dlscan.metrics.influence import Influenced, mean_influence
from dlscan.metrics.measure_reconstruction import ANOMALY, MSE
from dlscan.tasks.metric import VALIDATION_LOSS, About, Called, Metric, Split, loss_metric, union

# what the numbers are that areas are of
_BY = {"errors": "the error of their reconstruction", "distances": "the distance of their codes"}


@dataclasses.dataclass(frozen=True)
class ReconstructionMetrics:
    """See `dlscan.tasks.metric.TaskMetrics`; `names` are the classes that are anomalies.

    Attributes
    ----------
    names : tuple of str
        Those that are not trained on.
    classes, train_on : tuple of str
        All, and those that are trained on: without any, all.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...]
    train_on: tuple[str, ...] = ()

    kind, noun = "reconstruct", "anomalies"
    needed = ("errors", "codes")
    truth = ("labels", "weights")

    @classmethod
    def of(cls, classes: tuple[str, ...], train_on: tuple[str, ...]) -> "ReconstructionMetrics":
        """Those of a dataset with these classes."""
        return cls(anomalies_of(classes, train_on), classes, train_on)

    @property
    def phrase(self) -> str:
        """The task in a sentence."""
        of = " and ".join(self.train_on)
        return f"a reconstruction of {of}" if of else "a reconstruction of events"

    @property
    def word(self) -> str:
        """What the headline is called."""
        return "anomaly AUC" if self.names else "mean squared error"

    @property
    def comparable(self) -> str:
        """What models are compared by."""
        return "errors of reconstructions, and anomaly AUCs"

    @property
    def mean_of(self) -> str:
        """What the headline is a mean over."""
        return "the mean over the anomalies"

    @property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """No array has a column for each name."""
        return {}

    @property
    def curves(self) -> Mapping[str, str]:
        """What the columns of the history are."""
        return {
            "mse": "mean squared error of scaled cells",
            "reconstruction": "-log p(event | code)",
            "kl": "divergence of codes from their prior",
        }

    @property
    def parts(self) -> Mapping[str, str]:
        """The area of each anomaly by the error of its reconstruction."""
        return {name: f"{name}{ANOMALY['errors']}" for name in self.names}

    @property
    def each(self) -> Mapping[str, str]:
        """As `parts`."""
        return self.parts

    @property
    def headline(self) -> str:
        """The area of the only anomaly or the mean over all; without anomalies the mean squared error."""
        if len(self.names) > 1:
            return f"{MEAN}{ANOMALY['errors']}"
        return next(iter(self.parts.values()), MSE)

    @property
    def defaults(self) -> tuple[str, ...]:
        """The error, and how well it tells anomalies."""
        mean = (self.headline,) if len(self.names) > 1 else ()
        return (MSE, *self.parts.values(), *mean)

    @property
    def chosen_by(self) -> tuple[str, ...]:
        """The headline."""
        return (f"val_{self.headline}", VALIDATION_LOSS)

    @property
    def aliases(self) -> Mapping[str, str]:
        """What people call them."""
        return {"val_mse": f"val_{MSE}"} | ({"val_auc": f"val_{self.headline}"} if self.names else {})

    def first(self, count: int) -> "ReconstructionMetrics":
        """That of the first of the names."""
        return dataclasses.replace(self, names=self.names[:count])

    def merged(self, other: "ReconstructionMetrics") -> "ReconstructionMetrics":
        """That of the anomalies of both."""
        return ReconstructionMetrics(
            union(self.names, other.names),
            union(self.classes, other.classes),
            union(self.train_on, other.train_on),
        )

    def metric(self, name: str, called: Called) -> Metric | None:
        """What a metric is."""
        split: Split = "validation" if name.startswith("val_") else "test"
        bare = name.removeprefix("val_")

        def about(meaning: str, title: str, family: str, better: Any) -> About:
            family = "val_*" if split == "validation" else family
            return About(meaning, split=split, family=family, title=title, better=better)

        if bare == MSE:
            meaning = "mean over events, and over the scaled cells of each, of (reconstruction - event)^2"
            return Metric("number", about(meaning, "mean squared error", "Reconstruction", "less"))
        what, kind = self._parts(bare)
        if not kind:
            return loss_metric(name)
        by = _BY[kind]
        if what == MEAN:
            how = "by errors" if kind == "errors" else "by codes"
            meaning, title = (
                f"unweighted mean of the AUCs of all anomalies by {by}",
                f"mean anomaly AUC {how}",
            )
        else:
            normal = " and ".join(self.train_on)
            meaning = f"area under the ROC curve of {what} against {normal} by {by}"
            how = "" if kind == "errors" else " by codes"
            title = f"anomaly AUC of {called(what)}{how}"
        return Metric("auc", about(meaning, title, ANOMALY[kind].strip("_"), "more"))

    def is_compared(self, name: str) -> bool:
        """All of them are."""
        return name == MSE or bool(self._parts(name)[1])

    def losses(self, kept: Mapping[str, NDArray[Any]]) -> NDArray[np.float64] | None:
        """Those that were kept."""
        return kept["losses"].astype(np.float64) if "losses" in kept else None

    def influenced(self, kept: Mapping[str, NDArray[Any]], name: str) -> Influenced | None:
        """The error, and areas."""
        labels, weights = kept["labels"], kept["weights"].astype(np.float64)
        normal = is_normal(labels, self.classes, self.train_on)
        if name == MSE:
            # of the others nothing counts
            return mean_influence(kept["errors"], np.where(normal, weights, 0.0))
        what, kind = self._parts(name)
        if not kind or kind not in kept:
            return None
        values = kept[kind].astype(np.float64)
        wanted = self.names if what == MEAN else (what,)
        found = [anomaly_area(values, labels, self.classes.index(each), normal, weights) for each in wanted]
        there: list[Area] = [each for each in found if each is not None]
        return mean_area(there) if what == MEAN and there else next(iter(there), None)

    def _parts(self, name: str) -> tuple[str, str]:
        """Anomaly, or `Mean`, and what its area is of; empty for what is none of this task."""
        for kind, suffix in ANOMALY.items():
            what = name.removesuffix(suffix)
            if what != name and what in (*self.names, MEAN):
                return what, kind
        return "", ""
