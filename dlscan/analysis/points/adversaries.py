"""What worked against a network while it learned, and the number that tells whether it did."""

from collections.abc import Sequence

from dlscan.analysis.points.done import DonePoint
from dlscan.config.labels import MEAN
from dlscan.metrics.dependence import DEPENDENCE
from dlscan.tasks.classify_metrics import AREA, ELSEWHERE

_NUISANCE = "adversary.nuisance."


def nuisance(point: DonePoint) -> str:
    """What columns call the nuisance of a point; empty if it was trained without one."""
    names = [key.removeprefix(_NUISANCE) for key in point.record.params if key.startswith(_NUISANCE)]
    return next(iter(names), "")


def purpose(points: Sequence[DonePoint]) -> str:
    """The column of what the adversaries of all these points are for; empty without one in common."""
    nuisances = {nuisance(point) for point in points}
    if len(nuisances) > 1:
        return ""
    (name,) = nuisances or {""}
    elsewhere = f"{ELSEWHERE}{MEAN}{AREA}"
    wanted = f"{name}{DEPENDENCE}" if name else elsewhere
    return wanted if points and all(wanted in point.record.metrics for point in points) else ""
