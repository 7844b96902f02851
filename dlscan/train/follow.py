"""Training in a process that is not the first of those that train together: it neither decides nor writes."""

import gc
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dlscan.config import load_point
from dlscan.dataset import Manifest, fits
from dlscan.record import PointPaths
from dlscan.train.fit import fit
from dlscan.train.info import PointInfo, Report
from dlscan.train.interruption import Interruption
from dlscan.train.learner import Learner
from dlscan.train.member import Member
from dlscan.train.nodes import Nodes


class Follower(Member[Learner]):
    """A point that the first process trains too, which alone owns it; see `Member`."""

    def __init__(self, paths: PointPaths, point: PointInfo, pack: int) -> None:
        self.paths, self.point, self.pack = paths, point, pack
        self.experiment = load_point(paths.config, point.sources)

    def say(self, text: str) -> None:
        """The first process says it."""

    def require_data(self, manifest: Manifest) -> None:
        """Check it; that it is used, the first process notes."""
        fits.require(manifest, self.experiment)

    def start(self, learner: Learner, mix: Callable[[int | None], bool] = lambda events: True) -> None:
        """`start_alike` does the rest."""
        self.learner = learner

    def keep(self, losses: NDArray[np.float32] | None = None) -> Callable[[], None]:
        """The first process keeps it."""
        return lambda: None


def follow(point_of: Callable[[int], tuple[PointPaths, PointInfo]], nodes: Nodes) -> None:
    """Train what the first process trains, until it ends.

    Parameters
    ----------
    point_of : callable
        Gives the point of a number.
    nodes : Nodes
        The processes.

    Raises
    ------
    Ended
        At the end.
    """

    def fail(point: PointInfo, error: Exception) -> None:
        """The first process tells it, or `start_alike` ends this one with the reason."""

    with Interruption() as interruption:
        while True:
            numbers = nodes.agree(list[int]())
            members = [Follower(*point_of(number), len(numbers)) for number in numbers]
            report = Report(lambda point, outcome: None, fail)
            fit(members, nodes.interruption(interruption), report, time.perf_counter())
            # networks refer to themselves, and the next ones want their memory
            members.clear()
            gc.collect()
