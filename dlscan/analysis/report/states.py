"""What a scan wanted, and why a part of it is not there: from the files alone."""

import dataclasses
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from dlscan.attempts import last_attempt
from dlscan.errors import DlscanError
from dlscan.files import read_json
from dlscan.many import each
from dlscan.owner import alive
from dlscan.point_state import after
from dlscan.record import PointPaths


@dataclasses.dataclass(frozen=True)
class Unfinished:
    """A point of which there is no usable record.

    Attributes
    ----------
    number : int
        Of the point.
    name : str
        Its parameters.
    state : str
        `pending running preempted timeout oom failed diverged`, or `unreadable` if its record is there.
    error : str
        The last line of its error, empty if there was none.
    """

    number: int
    name: str
    state: str
    error: str = ""


def read_plan(directory: Path) -> tuple[dict[str, Any], str]:
    """The mapping in `plan.json`, empty with a reason if it cannot be used."""
    path = directory / "plan.json"
    try:
        plan = read_json(path)
        for point in plan["points"]:
            int(point["number"]), str(point["name"])
    except (DlscanError, OSError) as error:
        return {}, str(error) if isinstance(error, DlscanError) else f"{path}: {error.strerror or error}"
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}, f"{path}: not a plan of dlscan"
    return dict(plan), ""


def unfinished(directory: Path, plan: dict[str, Any], done: Collection[str]) -> list[Unfinished]:
    """The points of a scan that are not done, by number; without a plan, those that have a directory.

    Parameters
    ----------
    directory : Path
        Of the scan.
    plan : dict
        The content of `plan.json`, or nothing.
    done : collection of str
        Names of the directories of points that are done.
    """
    folders = _folders(directory / "points")
    by_number = {_number(name): path for name, path in folders.items()}
    wanted = [(int(point["number"]), str(point["name"])) for point in plan.get("points", [])]
    if not wanted:
        wanted = [(number, path.name.partition("-")[2]) for number, path in by_number.items()]
    finished = {_number(name) for name in done}
    left = [(number, name) for number, name in sorted(wanted) if number not in finished]
    states = each(_state, [by_number.get(number) for number, _ in left])
    return [Unfinished(number, name, *state) for (number, name), state in zip(left, states, strict=True)]


def _folders(points: Path) -> dict[str, Path]:
    """The directories of points by name, in order; the listing itself says which are directories."""
    try:
        with os.scandir(points) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return {name: points / name for name in names}


def _number(folder: str) -> int:
    """The number that the name of a point's directory begins with; 0 for a foreign one."""
    start = folder.partition("-")[0]
    return int(start) if start.isdecimal() else 0


def _state(folder: Path | None) -> tuple[str, str]:
    """State and error of a point that is not done, as `dlscan status --files-only` has them."""
    if folder is None:
        return after(None).state, ""
    paths = PointPaths(folder)
    if paths.record.exists():
        return "unreadable", f"{paths.record.name} is not a readable record"
    try:
        attempt = last_attempt(paths)
        if attempt is not None and alive(paths, attempt):
            return "running", ""
    except (DlscanError, OSError) as error:
        return "failed", str(error)
    verdict = after(attempt)
    return verdict.state, verdict.error
