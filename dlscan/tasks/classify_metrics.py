"""The metrics of a classification: areas under ROC curves, rejections, accuracy, losses."""

import dataclasses
import itertools
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config.labels import MEAN, pair_name
from dlscan.metrics import event_losses, pair
from dlscan.metrics.delong import Area, area, mean_area
from dlscan.metrics.influence import Influenced, mean_influence
from dlscan.tasks.dependence_metrics import dependence_metric
from dlscan.tasks.metric import VALIDATION_LOSS, About, Better, Called, Metric, Split, loss_metric, union

AREA = "_AUC"
# in front of the areas of another domain
ELSEWHERE = "Domain_"
_ACCURACIES = ("test_accuracy", "kept_accuracy")
_LOG_LOSS = "test_log_loss"
# meaning, title, which way is better
_OTHERS: dict[str, tuple[str, str, Better]] = {
    "test_accuracy": ("fraction of events whose highest score is that of their class", "accuracy", "more"),
    "test_log_loss": ("cross-entropy with the event weights only", "log loss", "less"),
    "test_calibration_error": (
        "mean distance between the highest score and the fraction of correct events",
        "calibration error",
        "less",
    ),
    "val_kept_accuracy": ("as test_accuracy, with the weights that were kept", "accuracy", "more"),
}


@dataclasses.dataclass(frozen=True)
class ClassificationMetrics:
    """See `dlscan.tasks.metric.TaskMetrics`; `names` are the classes."""

    names: tuple[str, ...]

    kind, noun = "classify", "classes"
    word, comparable = "AUC", "AUCs"
    mean_of = "the mean over the classes"
    needed = ("scores",)
    truth = ("labels", "weights")
    headline = f"{MEAN}{AREA}"
    chosen_by = (f"val_{MEAN}{AREA}", VALIDATION_LOSS)

    @property
    def phrase(self) -> str:
        """The task in a sentence."""
        return f"a classification of {', '.join(self.names)}"

    @property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """What the columns of arrays are."""
        return {"scores": self.names}

    @property
    def curves(self) -> Mapping[str, str]:
        """The area that early stopping may monitor."""
        return {self.headline: "mean AUC"}

    @property
    def aliases(self) -> Mapping[str, str]:
        """What people call them."""
        return {"val_auc": self.chosen_by[0], "val_accuracy": "val_kept_accuracy"}

    @property
    def parts(self) -> Mapping[str, str]:
        """The areas of all classes against the rest."""
        return {name: f"{name}{AREA}" for name in self.names}

    @property
    def each(self) -> Mapping[str, str]:
        """Of two classes that of the signal alone, the first."""
        return dict(itertools.islice(self.parts.items(), 1 if len(self.names) == 2 else None))

    @property
    def defaults(self) -> tuple[str, ...]:
        """The areas, and their mean where it is another number."""
        mean = () if len(self.names) == 2 else (self.headline,)
        return (*self.each.values(), *mean)

    def first(self, count: int) -> "ClassificationMetrics":
        """That of the first of the names."""
        return ClassificationMetrics(self.names[:count])

    def merged(self, other: "ClassificationMetrics") -> "ClassificationMetrics":
        """That of the classes of both."""
        return ClassificationMetrics(union(self.names, other.names))

    def rest(self, name: str) -> str | None:
        """The other one of two classes: the rest has a name then."""
        others = [other for other in self.names if other != name]
        return others[0] if len(self.names) == 2 and len(others) == 1 else None

    def metric(self, name: str, called: Called) -> Metric | None:
        """What a metric is; which part of its name is a class and which a pair, the classes decide."""
        split: Split = "validation" if name.startswith("val_") else "test"
        bare = name.removeprefix("val_")
        if bare.casefold().endswith(AREA.casefold()):
            what = bare[: -len(AREA)]
            elsewhere = self._is_elsewhere(what)
            meaning, title = self._area(what.removeprefix(ELSEWHERE) if elsewhere else what, called)
            family = "val_*" if split == "validation" else "AUC"
            if elsewhere:
                meaning, title = f"{meaning}, in the other domain", f"{title} in the other domain"
            return Metric("auc", About(meaning, split=split, family=family, title=title, better="more"))
        if cut := re.fullmatch(r"(.+?)_vs_(.+)_Rejection@(\d+)", bare):
            signal, background, percent = cut.groups()
            meaning = f"1 / efficiency for {background} at {percent} % efficiency for {signal}"
            title = f"rejection of {called(background)} at {percent} % efficiency for {called(signal)}"
            family = "val_*" if split == "validation" else "Rejection"
            return Metric("number", About(meaning, split=split, family=family, title=title, better="more"))
        if name not in _OTHERS:
            return dependence_metric(name) or loss_metric(name)
        meaning, title, better = _OTHERS[name]
        family = "val_*" if split == "validation" else "test_*"
        return Metric("number", About(meaning, split=split, family=family, title=title, better=better))

    def _area(self, what: str, called: Called) -> tuple[str, str]:
        """Meaning and title of an area."""
        if what == MEAN:
            # of two classes both areas are the same number
            title = "AUC" if len(self.names) == 2 else "mean AUC"
            return "unweighted mean of the AUCs of all classes against the rest", title
        signal, pair_, background = (what, "", "") if what in self.names else what.partition("_vs_")
        other = background if pair_ else self.rest(signal)
        title = f"AUC of {called(signal)}" + (f" against {called(other)}" if other else "")
        return f"area under the ROC curve of {signal} against {other or 'all others'}", title

    def is_compared(self, name: str) -> bool:
        """Areas are; those in another domain are of other events."""
        return name.endswith(AREA) and not self._is_elsewhere(name.removesuffix(AREA))

    def _is_elsewhere(self, what: str) -> bool:
        """Whether an area is that of the events of another domain."""
        return what.startswith(ELSEWHERE) and what not in self.names

    def influenced(self, kept: Mapping[str, NDArray[Any]], name: str) -> Influenced | None:
        """Areas, accuracies and the loss with the event weights only."""
        if name.endswith(AREA):
            return self._area_of(kept, name.removesuffix(AREA))
        if name in _ACCURACIES:
            values = kept["scores"].argmax(axis=1) == kept["labels"]
        elif name == _LOG_LOSS:
            values = _known(kept, kept.get("cross_entropies", kept.get("losses")))
        else:
            return None
        return mean_influence(values, kept["weights"], corrected=False)

    def losses(self, kept: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
        """See `TaskMetrics`."""
        return _known(kept, kept.get("losses"))

    def _area_of(self, kept: Mapping[str, NDArray[Any]], name: str) -> Area | None:
        scores, labels, weights = kept["scores"], kept["labels"], kept["weights"]
        rest = [name] if name in self.names else self.names if name == MEAN else []
        if rest:
            numbers = (self.names.index(each) for each in rest)
            found = [area(scores[:, number], labels == number, weights) for number in numbers]
            there = [each for each in found if each is not None]
            return mean_area(there) if name == MEAN and there else next(iter(there), None)
        for a, signal in enumerate(self.names):
            for b, background in enumerate(self.names):
                if name == pair_name(signal, background):
                    return area(*pair(scores, labels, a, b, weights))
        return None


def _known(kept: Mapping[str, NDArray[Any]], losses: NDArray[Any] | None) -> NDArray[np.float64]:
    """`losses`, or cross-entropies from scores: files of older versions have no others."""
    return event_losses(kept["scores"], kept["labels"]) if losses is None else losses.astype(np.float64)
