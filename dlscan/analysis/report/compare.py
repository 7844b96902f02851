"""How many models cannot be told apart from the best: paired differences on the same test events."""

import dataclasses
from collections.abc import Sequence

from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.results import Predictions
from dlscan.analysis.points.same_events import OtherEventsError, aligned
from dlscan.analysis.report.facts import Facts
from dlscan.errors import DlscanError
from dlscan.metrics.estimate import Estimate
from dlscan.metrics.influence import Influenced

MOST_COMPARED = 20
# scores to rank altogether: some tens of seconds
_MOST_SCORES = 100_000_000
SIGNIFICANT = 2.0


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The best model on the test split, and the next ones against it.

    Attributes
    ----------
    whole : Estimate
        The best model's number that stands for all: see `TaskMetrics.headline`.
    parts : dict of str to Estimate
        What that is the mean of, by class or target, of those that are there.
    events : int
        Of the test split.
    differences : tuple of (DonePoint, Estimate)
        The number of a model less that of the best one; above 0 the model is better.
    left_out : int
        Models that were not compared: too many, unreadable, or tested on other events.
    """

    whole: Estimate
    parts: dict[str, Estimate]
    events: int
    differences: tuple[tuple[DonePoint, Estimate], ...]
    left_out: int

    @property
    def alike(self) -> list[DonePoint]:
        """The models less than `SIGNIFICANT` standard deviations away."""
        return [point for point, each in self.differences if abs(each.value) <= SIGNIFICANT * _half(each)]

    @property
    def better(self) -> list[DonePoint]:
        """The models that are better on the test split by more than that."""
        return [point for point, each in self.differences if each.value > SIGNIFICANT * _half(each)]


def compare(facts: Facts) -> Comparison | None:
    """Compare the best model on validation with the next ones.

    None if its predictions cannot be used, or if there is no best one because the models do not compare.
    """
    base = facts.scores(facts.best) if facts.comparable else None
    if base is None:
        return None
    try:
        whole = base.influenced(facts.task.headline)
        parts = {name: base.influenced(metric) for name, metric in facts.task.parts.items()}
    except DlscanError as error:
        facts.report_problem(f"{facts.best.paths.predictions}: {error}")
        return None
    if whole is None:
        return None
    others = facts.leading[1:]
    allowed = max(4, min(MOST_COMPARED, _MOST_SCORES // max(base.size, 1)))
    found = _differences(facts, others[:allowed], base, whole)
    there = {name: each.estimate for name, each in parts.items() if each is not None}
    return Comparison(whole.estimate, there, len(base), tuple(found), len(others) - len(found))


def _differences(
    facts: Facts, candidates: Sequence[DonePoint], base: Predictions, whole: Influenced
) -> list[tuple[DonePoint, Estimate]]:
    less_is_better = facts.headline.about.better == "less"
    found = []
    for point in candidates:
        scored = facts.scores(point)
        if scored is None:
            continue
        try:
            own = aligned(point, scored, facts.best, base).influenced(facts.task.headline)
        except OtherEventsError:
            continue
        except DlscanError as error:
            facts.report_problem(f"{point.paths.predictions}: {error}")
            continue
        if own is not None:
            found.append((point, whole.less(own) if less_is_better else own.less(whole)))
    return found


def _half(each: Estimate) -> float:
    return (each.down + each.up) / 2
