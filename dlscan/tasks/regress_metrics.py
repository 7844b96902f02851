"""The metrics of a regression: how far predicted numbers are from true ones."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config.labels import MEAN
from dlscan.errors import DataError
from dlscan.metrics.influence import Influenced, mean_influence, root, width_influence
from dlscan.metrics.regression import in_spreads
from dlscan.tasks.metric import VALIDATION_LOSS, About, Better, Called, Metric, Split, loss_metric, union

_MEAN_MAE = f"{MEAN}_MAE"
# meaning, title, which way is better
_SUFFIXES: dict[str, tuple[str, str, Better]] = {
    "Pull_Mean": ("mean of (prediction - truth) / predicted uncertainty of {}", "mean pull of {}", 0.0),
    "Pull_Width": ("half the 68 % width of the pulls of {}", "pull width of {}", 1.0),
    "MAE": ("mean of |prediction - truth| of {}", "MAE of {}", "less"),
    "RMSE": ("root of the mean of (prediction - truth)^2 of {}", "RMSE of {}", "less"),
    "Bias": ("mean of prediction - truth of {}", "bias of {}", 0.0),
    "Resolution": ("half the 68 % width of prediction / truth of {}", "resolution of {}", "less"),
}
_IN_TABLE = ("MAE", "Bias", "Resolution")
_WITH_UNIT = ("MAE", "RMSE", "Bias")
_UNIT = re.compile(r"\s*\[[^\[\]]*\]\s*$")
_COMPARED = ("MAE", "RMSE", "Bias", "Resolution")


@dataclasses.dataclass(frozen=True)
class RegressionMetrics:
    """See `dlscan.tasks.metric.TaskMetrics`; `names` are the targets."""

    names: tuple[str, ...]

    kind, noun = "regress", "targets"
    word, comparable = "MAE", "errors of targets"
    mean_of = "the mean over the targets in units of their spread"
    needed = ("predictions", "targets")
    truth = ("labels", "weights", "targets")

    @property
    def phrase(self) -> str:
        """The task in a sentence."""
        return f"a regression of {', '.join(self.names)}"

    @property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """What the columns of arrays are."""
        return dict.fromkeys(("predictions", "targets", "sigmas"), self.names)

    @property
    def parts(self) -> Mapping[str, str]:
        """The MAE of each target."""
        return self.each

    @property
    def each(self) -> Mapping[str, str]:
        """The MAE of each target."""
        return {name: f"{name}_MAE" for name in self.names}

    @property
    def headline(self) -> str:
        """The MAE of the only target, else the mean in units of each target's spread."""
        return _MEAN_MAE if len(self.names) > 1 else self.each[self.names[0]]

    @property
    def defaults(self) -> tuple[str, ...]:
        """What tells errors apart: a resolution alone would call one good that is far from the truth."""
        mean = (_MEAN_MAE,) if len(self.names) > 1 else ()
        return (*(f"{name}_{suffix}" for name in self.names for suffix in _IN_TABLE), *mean)

    @property
    def chosen_by(self) -> tuple[str, ...]:
        """The MAE: losses may differ from model to model, and a width says nothing of a bias."""
        return (f"val_{self.headline}", VALIDATION_LOSS)

    @property
    def curves(self) -> Mapping[str, str]:
        """The error of all targets together."""
        return {"mae": "mean absolute error in units of the spread"}

    @property
    def aliases(self) -> Mapping[str, str]:
        """`val_mae`, and the other metrics where there is one target."""
        alone = (
            {}
            if len(self.names) > 1
            else {f"val_{suffix.casefold()}": f"val_{self.names[0]}_{suffix}" for suffix in _SUFFIXES}
        )
        return {"val_mae": f"val_{self.headline}", **alone}

    def first(self, count: int) -> "RegressionMetrics":
        """That of the first of the names."""
        return RegressionMetrics(self.names[:count])

    def merged(self, other: "RegressionMetrics") -> "RegressionMetrics":
        """That of the targets of both."""
        return RegressionMetrics(union(self.names, other.names))

    def metric(self, name: str, called: Called) -> Metric | None:
        """What a metric is."""
        split: Split = "validation" if name.startswith("val_") else "test"
        bare = name.removeprefix("val_")
        if bare == _MEAN_MAE:
            meaning = "mean over the targets of the MAE in units of the target's spread"
            return _number(meaning, "mean MAE", split, "MAE", "less")
        target, suffix = self._parts(bare)
        if not target:
            return loss_metric(name)
        meaning, title, better = _SUFFIXES[suffix]
        family = suffix.partition("_")[0]
        shown = called(target)
        if suffix not in _WITH_UNIT:
            # a ratio has no unit: of "E [GeV]" the E
            shown = _UNIT.sub("", shown) or shown
        return _number(meaning.format(target), title.format(shown), split, family, better)

    def is_compared(self, name: str) -> bool:
        """Errors and widths are; pulls are of what a network says of itself."""
        return name == _MEAN_MAE or self._parts(name)[1] in _COMPARED

    def losses(self, kept: Mapping[str, NDArray[Any]]) -> NDArray[np.float64] | None:
        """Those that were kept: which loss it was, predictions do not tell."""
        return kept["losses"].astype(np.float64) if "losses" in kept else None

    def influenced(self, kept: Mapping[str, NDArray[Any]], name: str) -> Influenced | None:
        """Errors and widths, of one target or of all."""
        if name == _MEAN_MAE:
            truth, weights = kept["targets"].astype(np.float64), kept["weights"].astype(np.float64)
            each = in_spreads(kept["predictions"] - truth, truth, weights)
            return None if each is None else mean_influence(each, weights)
        target, suffix = self._parts(name)
        if not target:
            return None
        number, weights = self.names.index(target), kept["weights"]
        truth = kept["targets"][:, number].astype(np.float64)
        error = kept["predictions"][:, number] - truth
        match suffix:
            case "MAE":
                return mean_influence(np.abs(error), weights)
            case "Bias":
                return mean_influence(error, weights)
            case "RMSE":
                square = mean_influence(error**2, weights)
                return None if square is None else root(square)
            case "Resolution":
                return _resolution(error, truth, weights)
        return None

    def _parts(self, name: str) -> tuple[str, str]:
        """Target and suffix of a metric's name; empty where it is none of this task."""
        for suffix in _SUFFIXES:
            if name.endswith(f"_{suffix}") and name.removesuffix(f"_{suffix}") in self.names:
                return name.removesuffix(f"_{suffix}"), suffix
        return "", ""


def _resolution(error: NDArray[np.float64], truth: NDArray[np.float64], weights: Any) -> Influenced | None:
    if not np.isfinite(error).all():
        raise DataError(
            "some predictions are not finite; a network whose training diverged has no resolution"
        )
    return None if (truth <= 0).any() else width_influence(1 + error / truth, weights)


def _number(meaning: str, title: str, split: Split, family: str, better: Better) -> Metric:
    family = "val_*" if split == "validation" else family
    return Metric("number", About(meaning, split=split, family=family, title=title, better=better))
