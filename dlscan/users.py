"""Which scans use a dataset: each leaves a note beside its files, by which `dlscan prepare` warns."""

import contextlib
import dataclasses
import hashlib
from pathlib import Path

from dlscan.attempts import last_attempt
from dlscan.errors import DlscanError
from dlscan.files import read_json, write_json
from dlscan.many import each
from dlscan.owner import alive
from dlscan.record import PointPaths, is_done

# In the dataset's directory: it goes with the dataset.
_NOTES = ".scans"


@dataclasses.dataclass(frozen=True)
class User:
    """A scan that is not finished.

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

    def __str__(self) -> str:
        now = f", {self.training} training now" if self.training else ""
        return f"scan {self.scan} ({self.directory}; {self.done} of {self.points} points done{now})"


def note_use(prepared: Path, scan: str, directory: Path) -> None:
    """Leave a note that a scan uses a dataset, where the dataset can be written."""
    place = str(directory.resolve())
    file = prepared / _NOTES / f"{hashlib.blake2b(place.encode(), digest_size=8).hexdigest()}.json"
    with contextlib.suppress(OSError):
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            write_json(file, {"scan": scan, "directory": place})


def unfinished_users(prepared: Path) -> list[User]:
    """The scans that use a dataset and have points that are not done."""
    users = []
    for note in sorted((prepared / _NOTES).glob("*.json")):
        with contextlib.suppress(DlscanError, OSError, KeyError, TypeError):
            content = read_json(note)
            user = _look(str(content["scan"]), Path(content["directory"]))
            if user.done < user.points:
                users.append(user)
    return users


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
