"""The difference of a number of two models, event by event, over all folds that both have."""

import dataclasses
import math
import statistics
from collections.abc import Sequence

import numpy as np

from dlscan.analysis.columns.catalog import describe
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.folds import fold_of, folds_of
from dlscan.analysis.points.results import Floats, Predictions, predictions
from dlscan.analysis.points.same_events import OtherEventsError, aligned
from dlscan.analysis.points.tasks import metrics_of
from dlscan.metrics.estimate import Estimate


@dataclasses.dataclass(frozen=True)
class Difference:
    """A difference of two models.

    Attributes
    ----------
    estimate : Estimate
        The mean over the folds, with its interval from the events.
    folds : tuple of float
        That of each fold.
    overlap : float
        Validation events of a fold over its training events.
    """

    estimate: Estimate
    folds: tuple[float, ...]
    overlap: float = 0.0

    @property
    def corrected_t(self) -> float | None:
        """The mean in units of its standard deviation, as C. Nadeau and Y. Bengio (2003) correct it.

        Folds share training events, so that their differences go together: the variance of the mean is
        (1/k + n_validation / n_training) times that of the k differences. None for a single fold, or where
        all differences are equal.
        """
        count = len(self.folds)
        spread = statistics.stdev(self.folds) if count > 1 else 0.0
        return self.estimate.value / (spread * math.sqrt(1 / count + self.overlap)) if spread else None


class Known:
    """The scores of a model that others are compared with, read once.

    Parameters
    ----------
    names : sequence of str
        The numbers that are compared.
    base : sequence of DonePoint
        Its trainings.

    Raises
    ------
    DlscanError
        If scores cannot be read.
    """

    def __init__(self, names: Sequence[str], base: Sequence[DonePoint]) -> None:
        splits = {split_of(name, base) for name in names}
        self._scores = {(point.paths, split): predictions(point, split) for point in base for split in splits}

    def __call__(self, point: DonePoint, split: str) -> Predictions:
        """The scores of one of its trainings."""
        return self._scores[point.paths, split]


def split_of(name: str, points: Sequence[DonePoint]) -> str:
    """The split that a number of a record is of."""
    return describe(name, metrics_of(points)).about.split


def paired(
    model: Sequence[DonePoint], base: Sequence[DonePoint], name: str, known: Known
) -> Difference | None:
    """The difference of the number `name` of a model from that of another, `base`.

    Parameters
    ----------
    model, base : sequence of DonePoint
        Their trainings: repeats are averaged, and so are folds.
    name : str
        A column of the record, of test or validation. Folds have the test events in common; their
        validation events are others each, so that together each event is judged once, by a network that was
        not trained on it.
    known : Known
        The scores of `base`.

    Raises
    ------
    OtherEventsError
        If the two were not judged on the same events.
    DlscanError
        If scores cannot be read.
    """
    split = split_of(name, [*model, *base])
    choices = [fold for fold in folds_of(base) or [()] if fold in (folds_of(model) or [()])]
    if not choices:
        raise OtherEventsError(
            f"{model[0].paths.directory} and {base[0].paths.directory} have no fold in common"
        )
    values, parts, effective = [], [], math.inf
    first = None
    for fold in choices:
        pair = [[point for point in each if not fold or fold_of(point) == fold] for each in (model, base)]
        reference = pair[1][0]
        if first is None or split != "test":
            first = reference, known(reference, split)
        sides = []
        for points in pair:
            found = [_influenced(point, split, name, *first) for point in points]
            if None in found:
                return None
            sides.append([each for each in found if each is not None])
        (value, part), (other, theirs) = (_mean(side) for side in sides)
        values.append(value - other)
        parts.append(part - theirs)
        effective = min(effective, *(each[2] for side in sides for each in side))
    together = sum(parts) / len(parts) if split == "test" else np.concatenate(parts) / len(parts)
    half = float(np.linalg.norm(together)) if effective > 1 else math.inf
    left, every = len(choices[0]), len({fold for choice in choices for fold in choice})
    if split != "test" and left > 1:
        # the same events in several choices
        half *= math.sqrt(left * len(choices) / every)
    count = max([every, *(fold for choice in choices for fold in choice)])
    overlap = left / (count - left) if count > left else 0.0
    mean = values[0] if len(values) == 1 else statistics.fmean(values)
    return Difference(Estimate(mean, half, half), tuple(values), overlap)


Influence = tuple[float, Floats, float]


def _influenced(
    point: DonePoint, split: str, name: str, reference: DonePoint, base: Predictions
) -> Influence | None:
    """The number of a point, the influence of each event in the reference's order, and how many count."""
    scored = (
        base if point.paths == reference.paths else aligned(point, predictions(point, split), reference, base)
    )
    found = scored.influenced(name.removeprefix("val_"))
    return None if found is None else (found.value, found.influence, found.effective)


def _mean(side: Sequence[Influence]) -> tuple[float, Floats]:
    if len(side) == 1:
        return side[0][0], side[0][1]
    return statistics.fmean(value for value, _, _ in side), np.mean([part for _, part, _ in side], axis=0)
