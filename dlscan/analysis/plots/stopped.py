"""What `history` shows of the points that `scan.halving` has stopped."""

import contextlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.results import EPOCH, Floats, read_history
from dlscan.analysis.points.stopped import stopped
from dlscan.errors import ScanError


class StoppedCurve(NamedTuple):
    """The history of a point that `scan.halving` has stopped: see `Curve`."""

    scan: str
    number: int
    name: str
    epochs: Floats
    values: dict[str, Floats]


def stopped_histories(points: Sequence[DonePoint], keys: Sequence[str]) -> list[StoppedCurve]:
    """The histories of the points that `scan.halving` has stopped, those that can be read."""
    found = []
    for directory, scan in {point.paths.scan: point.scan for point in points}.items():
        for paths in stopped(directory):
            with contextlib.suppress(ScanError):
                content = read_history(paths.history)
                number, _, name = paths.directory.name.partition("-")
                values = {key: content[key] for key in keys if key in content}
                found.append(StoppedCurve(scan, int(number), name, content[EPOCH], values))
    return found


def stopped_rows(early: Sequence[StoppedCurve]) -> list[dict[str, Any]]:
    """The numbers behind their lines."""
    return [
        {
            **{"scan": each.scan, "point": each.number, "model": each.name, "epoch": int(epoch)},
            **{key: values[number] for key, values in each.values.items()},
            **{"best": False, "resumed_after": False},
        }
        for each in early
        for number, epoch in enumerate(each.epochs)
    ]
