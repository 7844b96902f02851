"""Which models a picture shows: those that are asked for, can be read, and fit onto it."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from dlscan.analysis.columns.names import distinct_names
from dlscan.analysis.plots import style
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.ranked import about_metric, ranked, ranking_key
from dlscan.errors import ScanError
from dlscan.spelling import agree

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
    left_out : dict of str to str
        The models that could not be read, and why.
    """

    models: list[Model[Content]]
    note: str
    left_out: dict[str, str]

    @property
    def looks(self) -> list[int]:
        """What each model looks like: see `looks`."""
        return looks([model.point for model in self.models])

    @property
    def best(self) -> int:
        """The position of the best model by validation; the first where there is no such number."""
        return ranked([model.point for model in self.models])[0]


def looks(points: Sequence[DonePoint]) -> list[int]:
    """The number of each point for `style.line` on one page: its own, the same in every picture.

    Of very many models two may share a look; where they meet on a page, the second has the next free one.
    """
    found: list[int] = []
    for point in points:
        look = point.look
        while any(other % style.LOOKS == look % style.LOOKS for other in found):
            look += 1
        found.append(look)
    return found


def choose(points: Sequence[DonePoint], read: Callable[[DonePoint], Content], most: int) -> Shown[Content]:
    """Read at most `most` points, those of the best models by validation.

    Points that cannot be read make room for the next best.

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
    key = ranking_key(points)
    by = "" if key is None else about_metric(points, key).title or key
    names = distinct_names(points)
    found: dict[int, Model[Content]] = {}
    failed: dict[int, ScanError] = {}
    # without need for a choice the order of reading is the order given
    for number in ranked(points) if len(points) > most else range(len(points)):
        if len(found) == most:
            break
        try:
            found[number] = Model(points[number], names[number], read(points[number]))
        except ScanError as error:
            failed[number] = error
    if not found:
        raise ScanError(f"{next(iter(failed.values()))}; no other point can be drawn either")
    noun = "trainings" if any(point.trainings for point in points) else "models"
    note = _note(len(found), len(points), len(failed), by, noun)
    left_out = {names[number]: str(error) for number, error in failed.items()}
    return Shown([found[number] for number in sorted(found)], note, left_out)


def _note(shown: int, every: int, failed: int, by: str, noun: str) -> str:
    hidden = every - failed - shown
    if not hidden:
        return ""
    best = "the best" if noun == "models" else "those of the best models"
    how = (
        f"{best} by {by} (validation)" if by else "the first ones, because no record has a validation number"
    )
    left = f"{hidden} {agree(hidden, 'is', 'are')} not shown"
    return f"{shown} of {every} {noun}: {how}; {left}"
