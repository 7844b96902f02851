"""What the choice of the best on validation is worth: who else may be the best, and what chance has added."""

import dataclasses
import itertools
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dlscan.analysis.columns.column import Column
from dlscan.analysis.compare.event_noise import event_noise
from dlscan.analysis.compare.paired import Known, paired
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.results import Floats
from dlscan.analysis.points.stopped_models import stopped_models
from dlscan.errors import DlscanError
from dlscan.spelling import agree, counted

SIGNIFICANT = 2.0
# the next best ones: more would take long, and none of them is as good
MOST = 20
_DRAWS, _SEED = 4000, 1
# whose noise is looked at: models far below the best are never chosen, and a thousand tell how large it is
MOST_NOISY, MOST_TRAININGS = 1000, 2000


@dataclasses.dataclass(frozen=True)
class Chosen:
    """What a choice is worth.

    Attributes
    ----------
    alike : tuple of int
        Positions of the models that cannot be told apart from the best.
    compared : int
        How many were compared with it.
    considered : int
        Of how many it is the best.
    luck : float or None
        By how much the number of the best is too good on average, because it is that of the best of all: by
        the finite number of events. None where the noise is not known.
    stopped : int
        Models that `scan.halving` has paused or stopped, which were not considered.
    """

    alike: tuple[int, ...]
    compared: int
    considered: int
    luck: float | None
    stopped: int = 0


def chosen(
    models: Sequence[Sequence[DonePoint]], column: Column, best: int, considered: Sequence[int]
) -> Chosen | None:
    """Compare the best model with the next ones, paired event by event.

    Parameters
    ----------
    models : sequence of sequence of DonePoint
        The trainings of each model.
    column : Column
        A number of the validation split, with an entry per model.
    best : int
        The position of the best one.
    considered : sequence of int
        The positions that it was chosen from: all have a number.

    Returns
    -------
    Chosen or None
        None where there is nothing to compare: no scores, or one model alone.
    """
    goodness = column.about.goodness
    ranked = sorted((row for row in considered if row != best), key=lambda row: -goodness(column.values[row]))
    try:
        known = Known([column.name], models[best])
    except DlscanError:
        return None
    alike, compared = [], 0
    for row in ranked[:MOST]:
        try:
            found = paired(models[row], models[best], column.name, known)
        except DlscanError:
            continue
        if found is None or not math.isfinite(found.estimate.down):
            continue
        compared += 1
        if abs(found.estimate.value) <= SIGNIFICANT * found.estimate.down:
            alike.append(row)
    if not compared:
        return None
    luck = _luck(models, column, considered)
    return Chosen(tuple(sorted(alike)), compared, len(considered), luck, _stopped(models))


def _stopped(models: Sequence[Sequence[DonePoint]]) -> int:
    """How many models of these scans halving has stopped."""
    numbers: dict[Path, set[int]] = {}
    for point in itertools.chain(*models):
        numbers.setdefault(point.paths.scan, set()).add(point.record.point)
    return sum(len(stopped_models(directory, own)) for directory, own in numbers.items())


def sentence(
    found: Chosen, models: Sequence[Sequence[DonePoint]], column: Column, best: int, name: str
) -> str:
    """`Best on validation is Width=64 (17); 3, 8 and 21 cannot be told apart from it. ...`."""
    several = len({model[0].scan for model in models}) > 1
    numbers = [
        f"{models[row][0].scan}:{models[row][0].record.point}"
        if several
        else str(models[row][0].record.point)
        for row in (best, *found.alike)
    ]
    own, *others = numbers
    who = " and ".join(filter(None, [", ".join(others[:-1]), others[-1]])) if others else ""
    next_ = f"none of the {found.compared} next best models is"
    next_ = "the next best model is not" if found.compared == 1 else next_
    text = f"Best on validation is {name} ({own}); "
    text += f"{who} cannot be told apart from it" if who else f"{next_} as good"
    text += (
        f" (numbers are those of the column Point; {SIGNIFICANT:g} standard deviations of the paired "
        "difference, event by event; the same network from another seed also differs)"
    )
    away = "low" if column.about.better == "less" else "high"
    if found.luck is None:
        return (
            f"{text}. How much too {away} its {column.name} is, because it is the best of "
            f"{found.considered}, is not known: scores of some models are missing"
        )
    early = ""
    if found.stopped:
        were = agree(found.stopped, "is", "are")
        early = (
            f"; {counted(found.stopped, 'model')} that scan.halving paused or stopped {were} not counted here"
        )
    if found.luck <= 0:
        return (
            f"{text}. That it is the best of {found.considered} makes its {column.name} hardly too {away} "
            f"on average{early}"
        )
    return (
        f"{text}. Because it is the best of {found.considered}, its {column.name} is {found.luck:.2g} too "
        f"{away} on average{early}"
    )


def _luck(models: Sequence[Sequence[DonePoint]], column: Column, present: Sequence[int]) -> float | None:
    """What the best of all owes to the noise of events, on average over scans like this one.

    The true numbers scatter less than those that were measured: they are drawn towards their mean by the
    share of the variance that is noise. Then noise is drawn, and the best chosen. Of thousands of models,
    the best tell how large the noise is, and one of these is chosen.
    """
    worths = np.array([column.about.goodness(column.values[row]) for row in present])
    kept = _leading(worths, [len(models[row]) for row in present])
    points = [point for number in kept for point in models[present[number]]]
    noise = event_noise(points, column.name)
    if noise.unknown or len(present) < 2:
        return None
    average = np.zeros((len(kept), len(points)))
    first = 0
    for number, place in enumerate(kept):
        count = len(models[present[place]])
        average[number, first : first + count] = 1 / count
        first += count
    covariance = average @ noise.covariance @ average.T
    spread = float(np.sum((worths - worths.mean()) ** 2))
    noisy = float(np.trace(covariance) - covariance.sum() / len(kept)) * (len(worths) / len(kept))
    share = max(0.0, 1 - noisy / spread) if spread else 0.0
    true = (worths.mean() + share * (worths - worths.mean()))[kept]
    sizes, axes = np.linalg.eigh(covariance)
    normal = np.random.default_rng(_SEED).normal(size=(_DRAWS, len(kept)))
    drawn = normal @ (axes * np.sqrt(np.maximum(sizes, 0.0))).T
    picked = np.argmax(true + drawn, axis=1)
    return float(drawn[np.arange(_DRAWS), picked].mean())


def _leading(worths: Floats, trainings: Sequence[int]) -> list[int]:
    """The positions of all models, or of thousands of the best ones, in their order."""
    ranked = np.argsort(-worths, kind="stable")
    together = np.cumsum(np.array(trainings)[ranked])
    most = max(int(np.searchsorted(together, MOST_TRAININGS, side="right")), 2)
    return sorted(ranked[: min(most, MOST_NOISY)].tolist())
