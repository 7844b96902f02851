"""How far each point is: derived from what is on disk, never from memory."""

import csv
import dataclasses
import statistics
from pathlib import Path
from typing import Any

from dlscan.attempts import last_attempt
from dlscan.errors import DlscanError
from dlscan.files import is_locked
from dlscan.record import PointPaths, Record
from dlscan.scan.plan import Plan
from dlscan.scan.space import Point


@dataclasses.dataclass(frozen=True)
class PointStatus:
    """The state of a point.

    Attributes
    ----------
    point : Point
        Which.
    state : str
        `pending running preempted timeout failed diverged done`.
    epochs : int
        Epochs trained so far.
    epochs_wanted : int
        At most this many; early stopping may end it before.
    seconds_left : float or None
        At most, for a running point, by its median epoch.
    error : str
        The last error line of a failed point.
    """

    point: Point
    state: str
    epochs: int
    epochs_wanted: int
    seconds_left: float | None
    error: str


def scan_status(plan: Plan) -> list[PointStatus]:
    """The state of every point of a scan."""
    return [point_status(plan, point) for point in plan.points]


def point_status(plan: Plan, point: Point) -> PointStatus:
    """The state of one point."""
    paths = plan.paths(point)
    seconds = _epoch_seconds(paths.history)
    wanted = point.params.get("train.epochs", plan.config["train"]["epochs"])
    state, error = _state(paths)
    left = statistics.median(seconds) * (wanted - len(seconds)) if seconds and state == "running" else None
    return PointStatus(point, state, len(seconds), wanted, left, error)


def _state(paths: PointPaths) -> tuple[str, str]:
    if is_locked(paths.lock) and not paths.record.exists():
        return "running", ""
    try:
        if paths.record.exists():
            Record.read(paths.record)
            return "done", ""
        attempt = last_attempt(paths)
    except DlscanError as error:
        return "failed", str(error)
    if attempt is None:
        return "pending", ""
    if attempt.outcome is None:
        return "failed", f"ended without a word on {attempt.host}, as a killed process does; see {paths.log}"
    # training ended, but the record is gone: it has to be made again
    state = "pending" if attempt.outcome == "done" else attempt.outcome
    return state, attempt.error or ""


def _epoch_seconds(history: Path) -> list[float]:
    try:
        with history.open(newline="", encoding="utf-8") as handle:
            rows: list[dict[str, Any]] = list(csv.DictReader(handle))
        return [float(row["seconds"]) for row in rows]
    except (OSError, ValueError, KeyError, TypeError):
        return []  # not there yet; or damaged, and then training writes it anew from the checkpoint
