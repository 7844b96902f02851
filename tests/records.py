"""Records of points that nobody trained."""

import dataclasses
from typing import get_origin, get_type_hints

from dlscan.record import PointPaths, Record


def finish(paths: PointPaths, epochs: int = 2, stopped: str = "epochs") -> None:
    """Leave what a finished point does."""
    empty = {int: 0, float: 0.0, str: "", dict: {}}
    kinds = get_type_hints(Record)
    needed = [field.name for field in dataclasses.fields(Record) if field.default is dataclasses.MISSING]
    found = {name: empty.get(get_origin(kinds[name]) or kinds[name]) for name in needed}
    found |= {"varied": (), "classes": (), "params": {"train.epochs": epochs}}
    found |= {"epochs": epochs, "stopped": stopped}
    paths.attempts.mkdir(exist_ok=True)
    Record(**found).write(paths.record)
