"""The points of a plan by what was chosen: repeats and folds of one choice belong together."""

from dlscan.config.folds import FOLD, NONE
from dlscan.config.trainings import SEED
from dlscan.scan.plan import Plan
from dlscan.scan.space import Point


def choices_of(plan: Plan) -> list[list[Point]]:
    """The points of a plan, with repeats and folds of one choice together, in the order of their numbers."""
    several = plan.experiment.scan.trainings(plan.config["data"].get("folds")) > 1
    found: dict[str, list[Point]] = {}
    for point in plan.points:
        own_keys = {SEED} if several else set()
        if point.params.get(FOLD) != NONE:
            own_keys.add(FOLD)
        own = repr(sorted((key, value) for key, value in point.params.items() if key not in own_keys))
        found.setdefault(own, []).append(point)
    return list(found.values())
