"""A finished point."""

import dataclasses
from collections.abc import Mapping

from dlscan.record import PointPaths, Record


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
        Which colour and line it has in every picture: its rank by validation among all points that were
        loaded.
    """

    record: Record
    paths: PointPaths
    scan: str
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict, compare=False)
    look: int = 0

    def __repr__(self) -> str:
        return f"DonePoint({self.record.point} of {self.scan}: {self.record.name})"
