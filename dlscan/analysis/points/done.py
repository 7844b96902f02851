"""A finished point."""

import dataclasses
from collections.abc import Mapping, Sequence

from dlscan.errors import UsageError
from dlscan.record import PointPaths, Record
from dlscan.spelling import hint, some


@dataclasses.dataclass(frozen=True, repr=False)
class DonePoint:
    """A finished point: its record, where its files lie, and what to call its scan.

    Attributes
    ----------
    scan : str
        Name of the scan; where two scans have the same name, the directory.
    labels : mapping of str to str
        `data.labels` of its scan.
    look : int
        Which colour and line it has in every picture: its place by validation among all points that were
        loaded.
    events : str
        What to call the events that it was tested on; empty where all points that were loaded have the same.
    trainings : tuple of DonePoint
        All points of its model that were loaded, itself among them; empty where it is the only one.
    """

    record: Record
    paths: PointPaths
    scan: str
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict, compare=False)
    look: int = 0
    events: str = ""
    trainings: tuple["DonePoint", ...] = dataclasses.field(default=(), compare=False)

    def __repr__(self) -> str:
        return f"DonePoint({self.record.point} of {self.scan}: {self.record.name})"


def point_of(points: Sequence[DonePoint], text: str, option: str) -> DonePoint:
    """The point that `7` or `SCAN:7` means; a number alone is one of the first scan that has it.

    Parameters
    ----------
    points : sequence of DonePoint
        Those that may be meant.
    text : str
        As typed.
    option : str
        Where it was typed, for the message: `--versus`.

    Raises
    ------
    UsageError
        If there is none.
    """
    scan, colon, number = text.strip().rpartition(":")
    if number.strip().isdecimal():
        for point in points:
            if point.record.point == int(number) and (not colon or point.scan == scan):
                return point
    scans = dict.fromkeys(point.scan for point in points)
    if colon and scan not in scans:
        raise UsageError(f"{option} {text}: no scan {scan!r} here; {hint(scan, scans)}")
    numbers = [str(point.record.point) for point in points if not colon or point.scan == scan]
    raise UsageError(f"{option} {text}: no finished point has this number; finished: {some(numbers)}")
