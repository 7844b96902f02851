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
from dlscan.analysis.points.models import groups
from dlscan.analysis.points.planned import planned
from dlscan.analysis.points.ranked import ranked
from dlscan.analysis.points.stopped import stopped
from dlscan.analysis.points.tasks import metrics_of
from dlscan.config.models import epochs_key
from dlscan.config.source import short_name
from dlscan.errors import DlscanError, ScanError
from dlscan.files import read_json, read_whole
from dlscan.many import each
from dlscan.record import RECORD, PointPaths, Record, reaches

log = logging.getLogger("dlscan")


@dataclasses.dataclass(frozen=True)
class Loaded:
    """The finished points of scans, and what there is to say of them, a line each.

    Attributes
    ----------
    points : tuple of DonePoint
        Scan by scan as given, by number of the point within each.
    left_out : tuple of str
        Files that cannot be read, and why.
    not_done : tuple of str
        How many points of a scan are not done, or that this is unknown.
    early : tuple of str
        How many points of a scan its halving has paused or stopped.
    notes : tuple of str
        What holds for all numbers: other events, other versions, shorter trainings.
    """

    points: tuple[DonePoint, ...]
    left_out: tuple[str, ...] = ()
    not_done: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    early: tuple[str, ...] = ()

    def tell(self) -> None:
        """Say in the log what there is to say."""
        for text in self.left_out:
            log.warning("left out: %s", text)
        for text in (*self.not_done, *self.notes):
            log.warning("%s", text)
        for text in self.early:
            log.info("%s", text)


def load(scans: Sequence[Path], labels: Mapping[Path, Mapping[str, str]] | None = None) -> list[DonePoint]:
    """Read the records of all finished points, and say in the log what `read` says of them.

    Arguments and errors as for `read`.
    """
    found = read(scans, labels)
    found.tell()
    return list(found.points)


def read(scans: Sequence[Path], labels: Mapping[Path, Mapping[str, str]] | None = None) -> Loaded:
    """Read the records of all finished points.

    Parameters
    ----------
    scans : sequence of Path
        Directories of scans; one that is given twice counts once.
    labels : mapping of Path to (mapping of str to str), optional
        `data.labels` of some of these directories, in place of those in their plans.

    Raises
    ------
    ScanError
        If a directory is no scan, or no point of any scan is done.
    """
    # reading makes no cycles, and the search for some among ten thousand records takes longer
    with garbage.no_search():
        return _read_scans(scans, labels)


def _read_scans(scans: Sequence[Path], labels: Mapping[Path, Mapping[str, str]] | None) -> Loaded:
    directories = list({scan.resolve(): scan for scan in scans}.values())
    given = {scan.resolve(): own for scan, own in (labels or {}).items()}
    scans_ = {directory: _load_scan(directory, given.get(directory.resolve())) for directory in directories}
    if not any(each.points for each in scans_.values()):
        for each in scans_.values():
            each.tell()
        names = ", ".join(map(str, directories))
        commands = " and ".join(f"dlscan status {directory}" for directory in directories)
        raise ScanError(f"{names}: no point is done yet; see {commands}")
    called = {each.points[0].scan for each in scans_.values() if each.points}
    distinct = len(called) == sum(1 for each in scans_.values() if each.points)
    loaded = [
        point if distinct else dataclasses.replace(point, scan=str(directory))
        for directory, each in scans_.items()
        for point in each.points
    ]
    loaded, other_events = _with_events(_named_shortly(loaded))
    together = groups(loaded)
    loaded = _with_trainings(loaded, together)
    looks = {number: look for look, number in enumerate(ranked(loaded, together))}
    every = scans_.values()
    return Loaded(
        tuple(dataclasses.replace(point, look=looks[number]) for number, point in enumerate(loaded)),
        tuple(text for each in every for text in each.left_out),
        tuple(text for each in every for text in each.not_done),
        (*(text for each in every for text in each.notes), *other_events),
        tuple(text for each in every for text in each.early),
    )


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


def _with_trainings(points: Sequence[DonePoint], together: Sequence[Sequence[int]]) -> list[DonePoint]:
    """The points with all points of their model."""
    found = list(points)
    for group in together:
        if len(group) > 1:
            own = tuple(points[number] for number in group)
            for number in group:
                found[number] = dataclasses.replace(points[number], trainings=own)
    return found


def _with_events(points: Sequence[DonePoint]) -> tuple[list[DonePoint], list[str]]:
    """The points with what to call their test events, and a note, where these are not the same for all."""
    if len({point.record.dataset.get("config_hash") for point in points}) < 2:
        return list(points), []
    # scores are read for this alone
    from dlscan.analysis.points.same_events import events_of

    names, reason = events_of(points)
    if not names:
        return list(points), []
    named = [
        dataclasses.replace(point, events=names[point.record.dataset.get("config_hash")]) for point in points
    ]
    return named, [f"{reason}; numbers on different events cannot be compared, see the column Events"]


def _load_scan(directory: Path, labels: Mapping[str, str] | None) -> Loaded:
    if not directory.is_dir():
        raise ScanError(f"{directory}: no such scan; `dlscan scan EXPERIMENT` makes one")
    if not (directory / "plan.json").exists() and not (directory / "points").is_dir():
        raise ScanError(
            f"{directory}: not a scan, it has neither plan.json nor points; "
            "give a directory that `dlscan scan` has made, or its experiment file"
        )
    folders = _folders(directory / "points")
    points, left_out = _load_points(directory, folders)
    plan = planned(directory)
    count = plan.points or len(folders)
    not_done = [plan.problem] if plan.problem else []
    halved = len(stopped(directory)) if len(points) < count else 0
    missing = count - len(points) - halved
    if missing > 0:
        not_done.append(
            f"{directory}: {missing} of {count} points are not done; see dlscan status {directory}"
        )
    # which of them will go on is for the rungs to say
    paused = f"{halved} of {count} points paused or stopped by scan.halving"
    early = [f"{directory}: {paused}; see dlscan status {directory}"] if halved else []
    labels = plan.labels if labels is None else labels
    notes = [*_shorter(directory, points, plan.epochs, count), *_newer(directory, points)]
    points = [dataclasses.replace(point, labels=labels) for point in points] if labels else points
    points.sort(key=lambda point: point.record.point)
    return Loaded(tuple(points), tuple(left_out), tuple(not_done), tuple(notes), tuple(early))


def _shorter(directory: Path, points: Sequence[DonePoint], epochs: int, planned: int) -> list[str]:
    count = sum(not _reaches(point.record, epochs) for point in points)
    if not count:
        return []
    return [
        f"{directory}: {count} of {planned} points are still to train for more epochs; until then their "
        "shorter training is shown"
    ]


def _newer(directory: Path, points: Sequence[DonePoint]) -> list[str]:
    versions = {point.record.versions.get("dlscan", "") for point in points}
    newer = {version for version in versions if _is_newer(version)}
    if not newer:
        return []
    return [
        f"{directory}: some records were written by dlscan {', '.join(sorted(newer))}, newer than this "
        f"{dlscan.__version__}; what only the newer version knows is not shown"
    ]


def _folders(directory: Path) -> list[str]:
    """The names of the points' directories, in order."""
    try:
        with os.scandir(directory) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir())
    except FileNotFoundError:
        return []


def _load_points(directory: Path, folders: Sequence[str]) -> tuple[list[DonePoint], list[str]]:
    """Every record that can be read, from the cache where that still holds, and what is left out and why."""
    cache, new = Cache(directory), 0
    found: dict[str, tuple[Stamp, Record]] = {}
    points: list[DonePoint] = []
    left_out = []
    known: set[tuple[str, tuple[str, ...]]] = set()
    place = directory / "points"
    looks = each(lambda folder: _look(place, folder, cache), folders)
    for folder, look in zip(folders, looks, strict=True):
        paths = PointPaths(place / folder)
        try:
            if isinstance(look, OSError):
                raise look
            stamp, record = look
            if isinstance(record, bytes):
                # here and not in many threads, which would only take turns
                record, new = _parsed(paths.record, record), new + 1
            point = DonePoint(record, paths, record.scan)
            task = str(record.task), record.classes
            if task not in known:
                metrics_of([point])
                known.add(task)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (DlscanError, OSError) as error:
            # one damaged record must not hide all the others
            own = isinstance(error, DlscanError) and str(paths.record) in str(error)
            left_out.append(str(error) if own else f"{paths.record}: {getattr(error, 'strerror', error)}")
            continue
        found[folder] = stamp, record
        points.append(point)
    cache.put(found, new)
    return points, left_out


def _look(place: Path, folder: str, cache: Cache) -> tuple[Stamp, Record | bytes] | OSError:
    """The record of a point from the cache, else the bytes of its file; or why these cannot be read."""
    try:
        path = f"{place}/{folder}/{RECORD}"
        known = cache.get(folder, path)
        if known is not None:
            return known
        content, status = read_whole(path)
        return stamp_of(status), content
    except OSError as error:
        return error


def _parsed(path: Path, content: bytes) -> Record:
    """The record at `path`."""
    try:
        return Record.parsed(path, content)
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


def _reaches(record: Record, epochs: int) -> bool:
    """Whether a point is as long as its plan has it; one whose epochs are its own, as of trees, is."""
    key = epochs_key(record.params.get("model.family"))
    return key != "train.epochs" or key in record.varied or reaches(record.epochs, record.stopped, epochs)


def _is_newer(version: Any) -> bool:
    """Whether a version of dlscan is newer than this."""
    return _numbers(version) > _numbers(dlscan.__version__)


def _newer_version(path: Path) -> str | None:
    """The version of dlscan that has written a record which this one cannot read, if it is a newer one."""
    try:
        version: str = read_json(path)["versions"]["dlscan"]
        return version if _is_newer(version) else None
    except (DlscanError, OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _numbers(version: Any) -> tuple[int, ...]:
    """`0.10.2.dev3` as (0, 10, 2)."""
    found = re.match(r"\d+(\.\d+)*", version if isinstance(version, str) else "")
    return tuple(map(int, found[0].split("."))) if found else ()
