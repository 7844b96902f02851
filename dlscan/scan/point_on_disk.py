"""What the directory of a point holds, as far as it decides the state of the point."""

import contextlib
import dataclasses
import os
from collections.abc import Callable

from dlscan.attempts import Attempt, attempt_numbers, read_attempt
from dlscan.errors import DlscanError
from dlscan.files import server_time
from dlscan.owner import alive
from dlscan.record import reaches
from dlscan.scan.plan import Plan
from dlscan.scan.point_progress import Done, read_done, read_pace
from dlscan.scan.space import Point


@dataclasses.dataclass(frozen=True)
class PointOnDisk:
    """What the directory of a point holds.

    Attributes
    ----------
    record : Done or None
        Of a point that is done; nothing else is read then.
    attempt : Attempt or None
        The latest.
    alive : bool
        Whether it has a heartbeat.
    numbers : tuple of int
        Of all attempts.
    epochs : int
        In the history.
    seconds, rate, networks : float or None, float or None, int
        Of an epoch, events per second and networks that share them: see `read_pace`.
    damage : str
        What cannot be read; empty if nothing is damaged.
    """

    record: Done | None = None
    attempt: Attempt | None = None
    alive: bool = False
    numbers: tuple[int, ...] = ()
    epochs: int = 0
    seconds: float | None = None
    rate: float | None = None
    networks: int = 0
    damage: str = ""


def read_point(plan: Plan, point: Point, now: Callable[[], float]) -> PointOnDisk:
    """Read what decides the state, and no more: thousands of points are looked at, on a shared disk.

    `now` gives the time of the file server, in seconds since 1970.
    """
    paths = plan.paths(point)
    damage = ""
    try:
        record = read_done(paths.record)
        if record is not None and reaches(record.epochs, record.stopped, plan.epochs(point)):
            return PointOnDisk(record)
    except DlscanError as error:
        damage = str(error)
    numbers = attempt_numbers(paths)
    if not numbers:
        return PointOnDisk(damage=damage)
    attempt, lives = None, False
    try:
        attempt = read_attempt(paths, numbers[-1])
        lives = attempt.outcome is None and alive(paths, attempt, now())
    except DlscanError as error:
        damage = damage or str(error)
    return PointOnDisk(None, attempt, lives, tuple(numbers), *read_pace(paths.history), damage=damage)


def read_anew(plan: Plan, point: Point) -> PointOnDisk:
    """The same, where files may have come since the directory was read."""
    with contextlib.suppress(OSError):
        # NFS remembers for up to a minute that a file was not there, unless the directory is listed
        os.listdir(plan.paths(point).directory)  # noqa: PTH208
    return read_point(plan, point, lambda: server_time(plan.directory))
