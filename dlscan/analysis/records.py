"""Find the finished points of scans."""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

from dlscan.errors import DlscanError, ScanError
from dlscan.files import read_json
from dlscan.record import PointPaths, Record

log = logging.getLogger("dlscan")


@dataclasses.dataclass(frozen=True)
class DonePoint:
    """A finished point: its record, where its files lie, and what to call its scan.

    Attributes
    ----------
    scan : str
        Name of the scan; where two scans have the same name, the directory.
    """

    record: Record
    paths: PointPaths
    scan: str


def load(scans: Sequence[Path]) -> list[DonePoint]:
    """Read the records of all finished points.

    Says in the log how many points of each scan are not done, and which records cannot be read.

    Parameters
    ----------
    scans : sequence of Path
        Directories of scans; one that stands twice counts once.

    Returns
    -------
    list of DonePoint
        Scan by scan as given, by number of the point within each.

    Raises
    ------
    ScanError
        If a directory is no scan, or no point of any scan is done.
    """
    directories = list({scan.resolve(): scan for scan in scans}.values())
    found = {directory: _load_scan(directory) for directory in directories}
    if not any(found.values()):
        names = ", ".join(map(str, directories))
        commands = " and ".join(f"dlscan status {directory}" for directory in directories)
        raise ScanError(f"{names}: no point is done yet; see {commands}")
    if len({point.record.dataset.get("config_hash") for points in found.values() for point in points}) > 1:
        log.warning("the models were tested on different events: their numbers do not compare one by one")
    labels = {points[0].scan for points in found.values() if points}
    distinct = len(labels) == sum(1 for points in found.values() if points)
    return [
        point if distinct else dataclasses.replace(point, scan=str(directory))
        for directory, points in found.items()
        for point in points
    ]


def _load_scan(directory: Path) -> list[DonePoint]:
    if not directory.is_dir():
        raise ScanError(f"{directory}: no such scan; `dlscan scan EXPERIMENT` makes one")
    if not (directory / "plan.json").exists() and not (directory / "points").is_dir():
        raise ScanError(
            f"{directory}: not a scan, it has neither plan.json nor points; "
            "give a directory that `dlscan scan` has made, or its experiment file"
        )
    folders = sorted(path for path in (directory / "points").glob("*") if path.is_dir())
    points = [point for folder in folders if (point := _load_point(folder))]
    planned = _planned(directory) or len(folders)
    if len(points) < planned:
        missing = planned - len(points)
        log.warning(
            "%s: %d of %d points are not done; see dlscan status %s", directory, missing, planned, directory
        )
    return sorted(points, key=lambda point: point.record.point)


def _load_point(folder: Path) -> DonePoint | None:
    paths = PointPaths(folder)
    try:
        record = Record.read(paths.record)
    except FileNotFoundError:
        return None
    except (DlscanError, OSError, UnicodeDecodeError) as error:
        # one damaged record must not hide all the others
        log.warning("left out: %s", error if isinstance(error, DlscanError) else f"{paths.record}: {error}")
        return None
    return DonePoint(record, paths, record.scan)


def _planned(directory: Path) -> int:
    try:
        return len(read_json(directory / "plan.json")["points"])
    except FileNotFoundError:
        return 0
    except (DlscanError, OSError, UnicodeDecodeError, KeyError, TypeError):
        log.warning("%s: damaged; the number of planned points is unknown", directory / "plan.json")
        return 0
