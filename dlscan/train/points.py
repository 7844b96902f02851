"""Train points: what `dlscan train` calls."""

from collections.abc import Sequence

from dlscan.record import PointPaths
from dlscan.train.info import Outcome, PointInfo, Progress
from dlscan.train.session import Session


def train_point(paths: PointPaths, point: PointInfo, on_step: Progress | None = None) -> Outcome:
    """Train one point: see `train_points`."""
    return train_points([(paths, point)], on_step)[point.number]


def train_points(
    points: Sequence[tuple[PointPaths, PointInfo]], on_step: Progress | None = None
) -> dict[int, Outcome]:
    """Train points together, or go on with them, until they are done or something asks to stop.

    Points that can share a stream do: what becomes of each is what would if it were alone. SIGTERM, SIGUSR1,
    SIGHUP and `train.time_limit` stop them after an epoch, or after a step where an epoch takes too long;
    call it again to go on.

    Parameters
    ----------
    points : sequence of (PointPaths, PointInfo)
        Directories, which hold each point's experiment file, and what goes into its record beside.
    on_step : callable, optional
        Called after each training step with the epoch, from 1, the step, from 1, and the steps of an epoch.

    Returns
    -------
    dict of int to {"done", "paused", "preempted", "timeout", "held"}
        By the point's number; `paused` is one that waits at a rung, `held` one that another process trains.
        Other points of the scan may be among them that had paused and could go on.

    Raises
    ------
    PointsFailed
        If some of several points failed, once the others have ended. The error of a single one is raised as
        it is:
    FencedError
        If another process has taken it over.
    ScanError
        If its checkpoint is damaged or of another dataset.
    DivergedError
        If a loss is no longer a number.
    NoMemoryError
        If it does not fit into memory.
    DlscanError
        If the experiment file, the dataset, the stream or the back end is at fault.
    """
    with Session(len(points), on_step) as session:
        session.claim(points)
        session.train()
    return session.outcomes
