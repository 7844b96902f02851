"""Find the finished points of scans."""

import dataclasses
import logging
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dlscan
from dlscan import garbage
from dlscan.analysis.points.cache import Cache, Stamp, stamp_of
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.ranked import ranked
from dlscan.config.source import short_name
from dlscan.errors import DlscanError, ScanError
from dlscan.files import read_json
from dlscan.record import PointPaths, Record, reaches

log = logging.getLogger("dlscan")


def load(scans: Sequence[Path], labels: Mapping[Path, Mapping[str, str]] | None = None) -> list[DonePoint]:
    """Read the records of all finished points.

    Says in the log how many points of each scan are not done, and which records cannot be read.

    Parameters
    ----------
    scans : sequence of Path
        Directories of scans; one that is given twice counts once.
    labels : mapping of Path to (mapping of str to str), optional
        `data.labels` of some of these directories, in place of those in their plans.

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
    given = {scan.resolve(): own for scan, own in (labels or {}).items()}
    found = {directory: _load_scan(directory, given.get(directory.resolve())) for directory in directories}
    if not any(found.values()):
        names = ", ".join(map(str, directories))
        commands = " and ".join(f"dlscan status {directory}" for directory in directories)
        raise ScanError(f"{names}: no point is done yet; see {commands}")
    _warn_of_other_events([point for points in found.values() for point in points])
    called = {points[0].scan for points in found.values() if points}
    distinct = len(called) == sum(1 for points in found.values() if points)
    loaded = [
        point if distinct else dataclasses.replace(point, scan=str(directory))
        for directory, points in found.items()
        for point in points
    ]
    loaded = _named_shortly(loaded)
    looks = {number: look for look, number in enumerate(ranked(loaded))}
    return [dataclasses.replace(point, look=looks[number]) for number, point in enumerate(loaded)]


def _named_shortly(points: Sequence[DonePoint]) -> list[DonePoint]:
    """Functions in files without their directories, `nets.py:mine`, where that is enough."""
    full = {
        point.record.params[key]
        for point in points
        for key in point.record.sources
        if key in point.record.params
    }
    count = Counter(map(short_name, full))
    short = {name: short_name(name) for name in full if count[short_name(name)] == 1}

    def renamed(point: DonePoint) -> DonePoint:
        params = point.record.params
        own = {key: short.get(value, value) for key, value in params.items() if key in point.record.sources}
        return dataclasses.replace(point, record=dataclasses.replace(point.record, params=params | own))

    return [renamed(point) if point.record.sources else point for point in points]


def _warn_of_other_events(points: Sequence[DonePoint]) -> None:
    if len({point.record.dataset.get("config_hash") for point in points}) < 2:
        return
    # scores are read for this alone
    from dlscan.analysis.points.same_events import difference

    reason = difference(points)
    if reason:
        log.warning("%s; numbers on different events cannot be compared directly", reason)


def _load_scan(directory: Path, labels: Mapping[str, str] | None) -> list[DonePoint]:
    if not directory.is_dir():
        raise ScanError(f"{directory}: no such scan; `dlscan scan EXPERIMENT` makes one")
    if not (directory / "plan.json").exists() and not (directory / "points").is_dir():
        raise ScanError(
            f"{directory}: not a scan, it has neither plan.json nor points; "
            "give a directory that `dlscan scan` has made, or its experiment file"
        )
    folders = _folders(directory / "points")
    # reading makes no cycles, and the search for some takes longer
    with garbage.no_search():
        points = _load_points(directory, folders)
    count, planned_labels, epochs = _plan(directory)
    planned = count or len(folders)
    if len(points) < planned:
        missing = planned - len(points)
        log.warning(
            "%s: %d of %d points are not done; see dlscan status %s", directory, missing, planned, directory
        )
    longer = [point for point in points if not _reaches(point.record, epochs)]
    if longer:
        log.warning(
            "%s: %d of %d points are still to train for more epochs; until then their shorter training is "
            "shown",
            directory,
            len(longer),
            planned,
        )
    newer = {point.record.versions["dlscan"] for point in points if _is_newer(point.record.versions)}
    if newer:
        log.warning(
            "%s: some records were written by dlscan %s, newer than this %s; what only the newer version "
            "knows is not shown",
            directory,
            ", ".join(sorted(newer)),
            dlscan.__version__,
        )
    labels = planned_labels if labels is None else labels
    points = [dataclasses.replace(point, labels=labels) for point in points] if labels else points
    return sorted(points, key=lambda point: point.record.point)


def _folders(directory: Path) -> list[str]:
    """The names of the points' directories, in order."""
    try:
        with os.scandir(directory) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())
    except FileNotFoundError:
        return []


def _load_points(directory: Path, folders: Sequence[str]) -> list[DonePoint]:
    """Every record that can be read, from the cache where that still holds."""
    cache, new = Cache(directory), 0
    found: dict[str, tuple[Stamp, Record]] = {}
    points = []
    for folder in folders:
        paths = PointPaths(directory / "points" / folder)
        try:
            stamp = stamp_of(paths.record)
            record = cache.get(folder, stamp)
            if record is None:
                record = _read(paths.record)
                new += 1
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (DlscanError, OSError) as error:
            # one damaged record must not hide all the others
            log.warning(
                "left out: %s",
                error if isinstance(error, DlscanError) else f"{paths.record}: {error.strerror}",
            )
            continue
        found[folder] = stamp, record
        points.append(DonePoint(record, paths, record.scan))
    cache.put(found, new)
    return points


def _read(path: Path) -> Record:
    """The record at `path`."""
    try:
        return Record.read(path)
    except ScanError as error:
        problem = error
    except (ValueError, RecursionError) as error:
        problem = ScanError(f"{path}: damaged record ({error}); run the scan again")
    newer = _newer_version(path)
    if newer:
        raise ScanError(
            f"{path}: written by dlscan {newer}, newer than this {dlscan.__version__}: upgrade dlscan"
        )
    raise problem


def _plan(directory: Path) -> tuple[int, dict[str, str], int]:
    """How many points are planned, 0 where that is unknown, `data.labels`, and the epochs of points."""
    try:
        plan = read_json(directory / "plan.json")
        config = plan.get("config", {})
        labels = config.get("data", {}).get("labels") or {}
        texts = {str(name): str(label) for name, label in labels.items()}
        return len(plan["points"]), texts, int(config.get("train", {}).get("epochs", 0))
    except FileNotFoundError:
        return 0, {}, 0
    except (DlscanError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        log.warning("%s: damaged; the number of planned points is unknown", directory / "plan.json")
        return 0, {}, 0


def _reaches(record: Record, epochs: int) -> bool:
    """Whether a point is as long as its plan has it; one whose own epochs a scan varies is."""
    return "train.epochs" in record.varied or reaches(record.epochs, record.stopped, epochs)


def _is_newer(versions: Mapping[str, Any]) -> bool:
    """Whether a newer dlscan than this has written a record with these versions."""
    return _numbers(versions.get("dlscan")) > _numbers(dlscan.__version__)


def _newer_version(path: Path) -> str | None:
    """The version of dlscan that has written a record which this one cannot read, if it is a newer one."""
    try:
        versions = read_json(path)["versions"]
        return versions["dlscan"] if _is_newer(versions) else None
    except (DlscanError, OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _numbers(version: Any) -> tuple[int, ...]:
    """`0.10.2.dev3` as (0, 10, 2)."""
    found = re.match(r"\d+(\.\d+)*", version if isinstance(version, str) else "")
    return tuple(map(int, found[0].split("."))) if found else ()
