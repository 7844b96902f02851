"""How many models cannot be told apart from the best: paired differences on the same test events."""

import dataclasses
from collections.abc import Sequence

from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.results import Predictions
from dlscan.analysis.points.same_events import OtherEventsError, aligned
from dlscan.analysis.report.facts import Facts
from dlscan.errors import DlscanError
from dlscan.metrics.delong import Area, area, difference, interval, mean_area
from dlscan.metrics.estimate import Estimate

MOST_COMPARED = 20
# scores to rank altogether: some tens of seconds
_MOST_SCORES = 100_000_000
SIGNIFICANT = 2.0


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The best model on the test split, and the next ones against it.

    Attributes
    ----------
    mean : Estimate
        The best model's mean over the classes of the area of each against the rest.
    classes : dict of str to Estimate
        The area of each class that is there.
    events : int
        Of the test split.
    differences : tuple of (DonePoint, Estimate)
        The mean area of a model less that of the best one.
    left_out : int
        Models that were not compared: too many, unreadable, or tested on other events.
    """

    mean: Estimate
    classes: dict[str, Estimate]
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
    """Compare the best model on validation with the next ones; None if its scores cannot be used."""
    base = facts.scores(facts.best)
    if base is None:
        return None
    try:
        areas = _areas(base)
    except DlscanError as error:
        facts.report_problem(f"{facts.best.paths.predictions}: {error}")
        return None
    if not areas:
        return None
    mean = mean_area(list(areas.values()))
    others = facts.ranked[1:]
    allowed = max(4, min(MOST_COMPARED, _MOST_SCORES // max(base.scores.size, 1)))
    found = _differences(facts, others[:allowed], base, mean)
    classes = {name: interval(each) for name, each in areas.items()}
    return Comparison(interval(mean), classes, len(base.labels), tuple(found), len(others) - len(found))


def _differences(
    facts: Facts, candidates: Sequence[DonePoint], base: Predictions, mean: Area
) -> list[tuple[DonePoint, Estimate]]:
    found = []
    for point in candidates:
        scored = facts.scores(point)
        if scored is None:
            continue
        try:
            areas = _areas(aligned(point, scored, facts.best, base))
        except OtherEventsError:
            continue
        except DlscanError as error:
            facts.report_problem(f"{point.paths.predictions}: {error}")
            continue
        found.append((point, difference(mean_area(list(areas.values())), mean)))
    return found


def _areas(scored: Predictions) -> dict[str, Area]:
    """The area of each class against the rest, of those that are there."""
    areas = {
        name: area(scored.scores[:, number], scored.labels == number, scored.weights)
        for number, name in enumerate(scored.classes)
    }
    return {name: each for name, each in areas.items() if each is not None}


def _half(each: Estimate) -> float:
    return (each.down + each.up) / 2
