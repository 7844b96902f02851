"""The points that `scan.halving` has stopped, for now or for good: they have a history and no record."""

from pathlib import Path

from dlscan.analysis.points.planned import planned
from dlscan.attempts import last_attempt
from dlscan.errors import DlscanError
from dlscan.many import each
from dlscan.record import PointPaths


def stopped(directory: Path) -> list[PointPaths]:
    """The points of a scan that have paused at a rung, in the order of their numbers."""
    if not planned(directory).halves:
        return []
    folders = [PointPaths(path) for path in sorted((directory / "points").glob("*"))]
    return [paths for paths, paused in zip(folders, each(_has_paused, folders), strict=True) if paused]


def _has_paused(paths: PointPaths) -> bool:
    try:
        attempt = None if paths.record.exists() else last_attempt(paths)
    except (DlscanError, OSError):
        return False
    return attempt is not None and attempt.outcome == "paused"
