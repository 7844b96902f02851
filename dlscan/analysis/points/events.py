"""Which events points were tested on, by their names: for tables, which must not wait for scores."""

from collections import Counter
from collections.abc import Iterable

from dlscan.analysis.points.done import DonePoint
from dlscan.spelling import counted


def different_events(points: Iterable[DonePoint]) -> str:
    """The sets of events that points were tested on, `lcd: 4 models, magic: 3 models`; empty if it is one."""
    count = Counter(point.events for point in points)
    if len(count) < 2:
        return ""
    return ", ".join(f"{name}: {counted(number, 'model')}" for name, number in count.items())


def choose_events(points: Iterable[DonePoint]) -> str:
    """How to choose the points of one set of events, for a message."""
    first = next(iter(points)).events
    return f"choose those of one, such as with --where 'Events==\"{first}\"'"
