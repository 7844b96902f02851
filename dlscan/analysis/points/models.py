"""Which points are trainings of one model."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.folds import fold_of
from dlscan.analysis.points.parameters import telling
from dlscan.config.folds import FOLD

SEED_KEY = "train.seed"
# what the trainings of a model may differ in
TRAINING_KEYS = (SEED_KEY, FOLD)


def choice_of(params: Mapping[str, Any]) -> str:
    """What a planned point sets that the other trainings of its model set too, as a text."""
    return json.dumps(sorted((key, value) for key, value in params.items() if key not in TRAINING_KEYS))


def groups(points: Sequence[DonePoint]) -> list[list[int]]:
    """The positions of the points of each model: of one scan, alike in all parameters but seed and fold."""
    if len({(point.record.seed, fold_of(point)) for point in points}) < 2:
        return [[number] for number in range(len(points))]
    keys = [key for key in telling(points) if key not in TRAINING_KEYS]
    found: dict[tuple[str, str], list[int]] = {}
    for number, point in enumerate(points):
        params = point.record.params
        own = json.dumps([(key, params[key]) for key in keys if key in params])
        found.setdefault((point.scan, own), []).append(number)
    return list(found.values())
