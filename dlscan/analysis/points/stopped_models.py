"""The models that `scan.halving` has stopped: several points each where there are repeats or folds."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from dlscan.analysis.points.models import choice_of
from dlscan.analysis.points.results import read_history
from dlscan.analysis.points.stopped import stopped
from dlscan.errors import ScanError
from dlscan.files import read_json
from dlscan.many import each
from dlscan.record import PointPaths


class StoppedModel(NamedTuple):
    """A model of which no training is done: the lowest number of its points, and the seconds of all."""

    number: int
    seconds: float


def stopped_models(directory: Path, drawn: Collection[int]) -> list[StoppedModel]:
    """The models that the halving of a scan has stopped before any of their trainings was done.

    Parameters
    ----------
    directory : Path
        Of the scan.
    drawn : collection of int
        The finished points that are looked at. If there are others, these were selected, and no stopped one
        was.
    """
    paused = {_number(paths): paths for paths in stopped(directory)}
    if not paused or _has_others(directory, drawn):
        return []
    planned = read_json(directory / "plan.json")["points"]
    choices = {point["number"]: choice_of(point["params"]) for point in planned}
    finished = {choices.get(number) for number in drawn}
    found: dict[str, list[int]] = {}
    for number in paused.keys() & choices.keys():
        if choices[number] not in finished:
            found.setdefault(choices[number], []).append(number)
    return [
        StoppedModel(min(numbers), sum(_seconds(paused[number]) for number in numbers))
        for numbers in found.values()
    ]


def _has_others(directory: Path, drawn: Collection[int]) -> bool:
    """Whether a scan has finished points that are not among those drawn."""
    every = map(PointPaths, (directory / "points").glob("*"))
    return any(each(Path.exists, [paths.record for paths in every if _number(paths) not in drawn]))


def _number(paths: PointPaths) -> int:
    """Of a point; 0 for a directory of somebody else."""
    start = paths.directory.name.partition("-")[0]
    return int(start) if start.isdecimal() else 0


def _seconds(paths: PointPaths) -> float:
    """The training time of a point, with its share of the time of a pack; 0 without a history."""
    try:
        content = read_history(paths.history)
        return float((content["seconds"] / content.get("networks", 1.0)).sum())
    except (ScanError, KeyError):
        return 0.0
