"""Which models a picture shows: those that are asked for, can be read, and fit onto it."""

import dataclasses
import logging
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from dlscan.analysis.columns import distinct_names
from dlscan.analysis.records import DonePoint
from dlscan.errors import ScanError, UsageError

log = logging.getLogger("dlscan")

# what the best are chosen by, in this order, with the sign that makes more better: validation alone, because
# the best of many on the test split would owe a part of what is shown to chance
_CHOSEN_BY = (("val_Mean_AUC", 1.0), ("best_val_loss", -1.0))

Content = TypeVar("Content")


@dataclasses.dataclass(frozen=True)
class Model(Generic[Content]):
    """A point, what to call it, and what was read of it."""

    point: DonePoint
    name: str
    content: Content


@dataclasses.dataclass(frozen=True)
class Shown(Generic[Content]):
    """The models of a picture, in the order given, and what to say of those that are not on it.

    Attributes
    ----------
    models : list of Model
        At least one.
    note : str
        Empty where all are shown.
    """

    models: list[Model[Content]]
    note: str

    @property
    def best(self) -> int:
        """The position of the best model by validation; the first where there is no such number."""
        key, sign = _key([model.point for model in self.models])
        return max(
            range(len(self.models)),
            key=lambda number: (_rank(self.models[number].point, key, sign), -number),
        )


def choose(points: Sequence[DonePoint], read: Callable[[DonePoint], Content], most: int) -> Shown[Content]:
    """Read at most `most` points, the best by validation.

    Points that cannot be read make room for the next best, with one line in the log for all of them.

    Parameters
    ----------
    points : sequence of DonePoint
        Candidates.
    read : callable
        Gives what the picture needs of a point; a `ScanError` leaves the point out.
    most : int
        How many fit.

    Raises
    ------
    ScanError
        If no point can be read.
    """
    key, sign = _key(points)
    ranked = sorted(range(len(points)), key=lambda number: -_rank(points[number], key, sign))
    names = distinct_names(points)
    found: dict[int, Model[Content]] = {}
    failed: dict[int, ScanError] = {}
    # without need for a choice the order of reading is the order given
    for number in ranked if len(points) > most else range(len(points)):
        if len(found) == most:
            break
        try:
            found[number] = Model(points[number], names[number], read(points[number]))
        except ScanError as error:
            failed[number] = error
    if not found:
        raise ScanError(f"{next(iter(failed.values()))}; nor can any other point be drawn")
    _warn([names[number] for number in failed], list(failed.values()))
    return Shown(
        [found[number] for number in sorted(found)], _note(len(found), len(points), len(failed), key)
    )


def point_of(points: Sequence[DonePoint], text: str, option: str) -> DonePoint:
    """The point that `7` or `SCAN:7` means; a number alone is one of the first scan that has it.

    Raises
    ------
    UsageError
        If there is none.
    """
    scan, colon, number = text.strip().rpartition(":")
    for point in points:
        if str(point.record.point) == number and (not colon or point.scan == scan):
            return point
    scans = dict.fromkeys(point.scan for point in points)
    if colon and scan not in scans:
        raise UsageError(f"{option} {text}: no scan {scan!r} here; there is {', '.join(scans)}")
    raise UsageError(f"{option} {text}: no finished point of this number; the column Point has the numbers")


def _key(points: Sequence[DonePoint]) -> tuple[str | None, float]:
    """The first number that all points have, else the first that any has."""
    for enough in (all, any):
        for key, sign in _CHOSEN_BY:
            if enough(point.record.metrics.get(key) is not None for point in points):
                return key, sign
    return None, 1.0


def _rank(point: DonePoint, key: str | None, sign: float) -> float:
    value = None if key is None else point.record.metrics.get(key)
    return float("-inf") if value is None else sign * value


def _note(shown: int, every: int, failed: int, key: str | None) -> str:
    hidden = every - failed - shown
    if not hidden:
        return ""
    how = f"the best by {key} (validation)" if key else "the first, as no record has a number of validation"
    left = f"{hidden} {'is' if hidden == 1 else 'are'} not shown"
    return f"{shown} of {every} models: {how}; {left}"


def _warn(names: Sequence[str], errors: Sequence[ScanError]) -> None:
    if len(errors) == 1:
        log.warning("left out: %s", errors[0])
    elif errors:
        log.warning("left out %d models (%s); the first: %s", len(errors), ", ".join(names), errors[0])
