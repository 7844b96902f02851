"""What a search will propose beyond the points of its plan."""

import dataclasses

from dlscan.config import BatchOptions
from dlscan.scan.choices import choices_of
from dlscan.scan.extent import extent_of
from dlscan.scan.growth import BLIND, in_flight
from dlscan.scan.plan import Plan
from dlscan.scan.resources import find_resources


@dataclasses.dataclass(frozen=True)
class Foreseen:
    """What a search will propose.

    Attributes
    ----------
    method : str
        Of the search.
    points : int or None
        How many more points, repeats and folds counted; None if the search ends by itself.
    at_once : int or None
        How many of its points wait or run at a time at most; None for all.
    """

    method: str
    points: int | None
    at_once: int | None


def foreseen(plan: Plan, batch: BatchOptions, stays: bool) -> Foreseen | None:
    """What the search of a plan will propose; None without a search, or if nothing is left for it.

    Parameters
    ----------
    plan : Plan
        It need not be on disk.
    batch : BatchOptions
        How its points run.
    stays : bool
        Whether somebody will ask again when points are done, as for `Searcher`.
    """
    search = plan.experiment.scan.search
    if search is None:
        return None
    left = None if plan.budget is None else plan.budget - len(choices_of(plan)) * plan.trainings
    extent = extent_of(plan)
    if extent is not None and extent.left is not None:
        there = extent.left * plan.trainings
        left = there if left is None else min(left, there)
    if left is not None and left <= 0:
        return None
    if not stays and search.method in BLIND:
        return Foreseen(search.method, left, None)
    most = in_flight(plan, batch, find_resources(batch).slots, False) * plan.trainings
    return Foreseen(search.method, left, None if left is not None and most >= left else most)
