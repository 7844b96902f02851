"""The points that `scan.halving` has stopped, for now or for good: they have a history and no record."""

from pathlib import Path

from dlscan.analysis.points.planned import planned
from dlscan.attempts import last_attempt
from dlscan.errors import DlscanError
from dlscan.record import PointPaths


def stopped(directory: Path) -> list[PointPaths]:
    """The points of a scan that have paused at a rung, in the order of their numbers."""
    if not planned(directory).halves:
        return []
    folders = map(PointPaths, sorted((directory / "points").glob("*")))
    return [paths for paths in folders if not paths.record.exists() and _has_paused(paths)]


def _has_paused(paths: PointPaths) -> bool:
    try:
        attempt = last_attempt(paths)
    except (DlscanError, OSError):
        return False
    return attempt is not None and attempt.outcome == "paused"
