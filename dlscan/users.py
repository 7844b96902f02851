"""What became of the scans that use a dataset, of which `dlscan prepare` warns before it replaces it."""

import contextlib
import dataclasses
from pathlib import Path

from dlscan.attempts import last_attempt
from dlscan.dataset.notes import noted
from dlscan.errors import DlscanError
from dlscan.many import each
from dlscan.owner import alive
from dlscan.record import PointPaths, is_done


@dataclasses.dataclass(frozen=True)
class User:
    """A scan that uses a dataset.

    Attributes
    ----------
    scan : str
        Its name.
    directory : Path
        Where it is.
    points, done, training : int
        How many points it has, how many are done, and how many train now.
    """

    scan: str
    directory: Path
    points: int
    done: int
    training: int

    @property
    def finished(self) -> bool:
        """Whether all of its points are done."""
        return self.done == self.points

    def __str__(self) -> str:
        now = f", {self.training} training now" if self.training else ""
        return f"scan {self.scan} ({self.directory}; {self.done} of {self.points} points done{now})"


def users_of(prepared: Path) -> list[User]:
    """The scans that use a dataset and have points."""
    users = []
    for scan, directory in noted(prepared):
        with contextlib.suppress(DlscanError, OSError):
            users.append(_look(scan, directory))
    return [user for user in users if user.points]


def _look(scan: str, directory: Path) -> User:
    points = [PointPaths(config.parent) for config in (directory / "points").glob("*/config.yaml")]
    left = [paths for paths, done in zip(points, each(is_done, points), strict=True) if not done]
    return User(scan, directory, len(points), len(points) - len(left), sum(each(_is_training, left)))


def _is_training(paths: PointPaths) -> bool:
    try:
        attempt = last_attempt(paths)
    except (DlscanError, OSError):
        return False
    return attempt is not None and alive(paths, attempt)
