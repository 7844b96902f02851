"""Every number of a split, by the name it has in a record and in the table."""

import dataclasses
from collections.abc import Mapping, Sequence
from itertools import combinations, permutations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlscan.config.labels import MEAN, pair_name, require_distinct
from dlscan.metrics.checks import Floats, checked_table, checked_weights, weight_sum
from dlscan.metrics.classification import accuracy_estimate, calibration_error, log_loss
from dlscan.metrics.delong import Area, area, interval, mean_area
from dlscan.metrics.estimate import Estimate
from dlscan.metrics.pairs import pair
from dlscan.metrics.rejection import background_efficiencies, inverted

EFFICIENCIES = (50, 70, 90)  # per cent


@dataclasses.dataclass(frozen=True)
class Measured:
    """Numbers by name.

    Attributes
    ----------
    values : dict of str to (float or None)
        None where there is no number.
    errors : dict of str to [down, up]
        The 68.27 % interval is [value - down, value + up]; absent where there is none.
    reasons : dict of str to str
        Why there is no number.
    """

    values: dict[str, float | None] = dataclasses.field(default_factory=dict)
    errors: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    reasons: dict[str, str] = dataclasses.field(default_factory=dict)

    def add(self, name: str, estimate: Estimate | None, reason: str) -> None:
        """Enter a number, or `reason` where there is none."""
        self.values[name] = None if estimate is None else estimate.value
        if estimate is None:
            self.reasons[name] = reason
        else:
            self.errors[name] = [estimate.down, estimate.up]

    def renamed(self, names: Mapping[str, str]) -> "Measured":
        """Only the numbers in `names`, under their new names."""

        def part(entries: Mapping[str, Any]) -> dict[str, Any]:
            return {new: entries[old] for old, new in names.items() if old in entries}

        return Measured(part(self.values), part(self.errors), part(self.reasons))

    def __or__(self, other: "Measured") -> "Measured":
        return Measured(self.values | other.values, self.errors | other.errors, self.reasons | other.reasons)


def measure(
    scores: ArrayLike,
    labels: ArrayLike,
    classes: Sequence[str],
    weights: ArrayLike | None = None,
    losses: ArrayLike | None = None,
) -> Measured:
    """Measure everything on the test split.

    Parameters
    ----------
    scores : array_like, shape (N, C)
        A column per class.
    labels : array_like of int, shape (N,)
        The true class of each event, as an index into `classes`.
    classes : sequence of str, length C
        Their labels.
    weights : array_like, shape (N,), optional
        Event weights, 1 by default.
    losses : array_like, shape (N,), optional
        The cross-entropy of each event, from logits; by default from scores, none of which counts as less
        than 1e-7.

    Returns
    -------
    Measured
        `<Class>_AUC`, `Mean_AUC`, `<A>_vs_<B>_AUC`, `<A>_vs_<B>_Rejection@50` (70, 90), `test_accuracy`,
        `test_log_loss`, `test_calibration_error`: see docs/evaluate.md.

    Raises
    ------
    DataError
        If a score is nan, a weight is not finite, a label is no index into `classes`, or two numbers would
        have one name, as with classes called A, B and A_vs_B.
    """
    require_distinct(classes)
    table, truth = checked_table(scores, labels, len(classes))
    counts = checked_weights(weights, len(truth))
    measured = _areas(table, truth, classes, counts)
    absent = _absent(truth, classes, counts)
    for a, b in permutations(range(len(classes)), 2):
        backgrounds = background_efficiencies(
            *pair(table, truth, a, b, counts), [percent / 100 for percent in EFFICIENCIES]
        )
        for number, percent in enumerate(EFFICIENCIES):
            found = None if backgrounds is None else backgrounds[number]
            rejection = None if found is None else inverted(found)
            reason = absent.get(a) or absent.get(b) or ""
            if found is not None and rejection is None:
                reason = _unbounded(classes[b], found, signed=bool(counts.min() < 0))
            measured.add(f"{pair_name(classes[a], classes[b])}_Rejection@{percent}", rejection, reason)
    for name, estimate in (
        ("test_accuracy", accuracy_estimate(table, truth, counts)),
        ("test_log_loss", log_loss(table, truth, counts, losses)),
        ("test_calibration_error", calibration_error(table, truth, counts)),
    ):
        measured.add(name, estimate, why_nothing(counts))
    return measured


def measure_validation(
    scores: ArrayLike, labels: ArrayLike, classes: Sequence[str], weights: ArrayLike | None = None
) -> Measured:
    """Measure what a choice among models may look at, on the validation split.

    Arguments and errors as for `measure`; `val_<Class>_AUC`, `val_Mean_AUC`, `val_<A>_vs_<B>_AUC` and
    `val_kept_accuracy`.
    """
    require_distinct(classes)
    table, truth = checked_table(scores, labels, len(classes))
    counts = checked_weights(weights, len(truth))
    areas = _areas(table, truth, classes, counts)
    measured = areas.renamed({name: f"val_{name}" for name in areas.values})
    measured.add("val_kept_accuracy", accuracy_estimate(table, truth, counts), why_nothing(counts))
    return measured


def _areas(table: NDArray[Any], truth: NDArray[Any], classes: Sequence[str], weights: Floats) -> Measured:
    measured, absent = Measured(), _absent(truth, classes, weights)
    for name, (parts, found) in _named_areas(table, truth, classes, weights).items():
        if found is None:
            reasons = (absent[part] for part in parts if part in absent)
            measured.add(name, None, next(reasons, None) or _no_rest(truth, weights, parts))
        else:
            measured.add(name, interval(found), "")
    return measured


def _named_areas(
    table: NDArray[Any], truth: NDArray[Any], classes: Sequence[str], weights: Floats
) -> dict[str, tuple[tuple[int, ...], Area | None]]:
    """Each area by its name, with the classes that it asks for."""
    own = [area(table[:, number], truth == number, weights) for number in range(len(classes))]
    defined = [found for found in own if found is not None]
    pairs = {
        (a, b): area(*pair(table, truth, a, b, weights)) for a, b in combinations(range(len(classes)), 2)
    }
    return {
        **{f"{classes[number]}_AUC": ((number,), found) for number, found in enumerate(own)},
        f"{MEAN}_AUC": ((), mean_area(defined) if defined else None),
        **{f"{pair_name(classes[a], classes[b])}_AUC": ((a, b), found) for (a, b), found in pairs.items()},
    }


def _absent(truth: NDArray[Any], classes: Sequence[str], weights: Floats) -> dict[int, str]:
    """Why there are no numbers about a class, for those that are not there."""
    found = {}
    for number, name in enumerate(classes):
        own = weights[truth == number]
        if not len(own):
            found[number] = f"no events of {name}"
        elif weight_sum(own) <= 0:
            found[number] = _weightless(f"the events of {name}", own)
    return found


def _no_rest(truth: NDArray[Any], weights: Floats, parts: Sequence[int]) -> str:
    """Why a class that is there has no area against all others; `parts` is empty for the mean."""
    if len(np.unique(truth)) < 2:
        return "only one class has events"
    if not parts:
        return "no class has an AUC against the rest"
    return _weightless("all other events", weights[truth != parts[0]])


def _weightless(events: str, weights: Floats) -> str:
    if not weights.any():
        return f"the weights of {events} are all 0"
    return f"the weights of {events} add up to {weight_sum(weights):.4g}, which is not above 0"


def why_nothing(weights: Floats) -> str:
    """Why a mean over all events is not there."""
    return _weightless("all events", weights) if weights.any() else "no events with weights other than 0"


def _unbounded(background: str, passed: Estimate, *, signed: bool) -> str:
    """Why there is no rejection of a background of which nothing passes, or sums of weights that may be 0."""
    why = (
        f"the weights of {background} that pass may add up to 0"
        if signed
        else f"no event of {background} passes"
    )
    return f"{why}: the rejection is above {1 / (passed.value + passed.up):.3g} (68 %)"
