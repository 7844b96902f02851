"""What `scan.halving` makes of points, from their files alone: nothing else remembers it."""

import csv
import dataclasses
import functools
import math
import statistics
from collections.abc import Callable, Mapping, Sequence

from dlscan.attempts import last_attempt
from dlscan.config import BatchOptions
from dlscan.config.halving import judged_by
from dlscan.errors import DlscanError
from dlscan.record import PointPaths, reaches
from dlscan.scan.choices import choices_of
from dlscan.scan.outlook import outlook, retries_of
from dlscan.scan.plan import Plan
from dlscan.scan.point_progress import read_done
from dlscan.scan.promotion import Comparison, Standing, promote
from dlscan.scan.space import Point


def rungs(plan: Plan) -> tuple[int, ...]:
    """The epochs after which the points of a scan are compared; none without `scan.halving`."""
    halving = plan.experiment.scan.halving
    # a search begins without points
    return halving.rungs(max(map(plan.epochs, plan.points))) if halving and plan.points else ()


def standing(plan: Plan) -> Standing:
    """Which points may train on, and which never will; without `scan.halving` all may.

    Repeats and folds of one choice are compared together, by their mean, and go on or leave together.
    """
    halving = plan.experiment.scan.halving
    if halving is None or not plan.points:
        return Standing(frozenset(point.number for point in plan.points))
    epochs, seen = _looking(plan)
    choices = [{point.number: seen(point) for point in points} for points in choices_of(plan)]
    scores = {min(each): _together(list(each.values())) for each in choices}
    beyond, lost = set(), set()
    for each in choices:
        own = scores[min(each)]
        if own and any(one.epochs > epochs[len(own) - 1] for one in each.values()):
            beyond.add(min(each))
        if any(one.lost for one in each.values()):
            lost.add(min(each))
    compare = _comparison(plan, epochs, choices) if halving.racing else None
    found = promote(scores, halving.factor, beyond, lost, growing(plan), compare)
    promoted, pruned, reasons = set[int](), set[int](), dict[int, str]()
    for each in choices:
        first, rung = min(each), len(scores[min(each)])
        if first in found.promoted or first in beyond - lost:
            # one that is a rung ahead waits for the others of its choice
            promoted |= {
                number for number, seen in each.items() if len(seen.scores) == rung and not seen.over()
            }
        if first in found.pruned or (first in lost and len(each) > 1):
            pruned |= {number for number, own in each.items() if not (own.lost or own.over())}
        if first in found.reasons:
            reasons |= dict.fromkeys(each, found.reasons[first])
    return Standing(frozenset(promoted), frozenset(pruned), reasons)


def _comparison(plan: Plan, epochs: Sequence[int], choices: Sequence[Mapping[int, "_Seen"]]) -> Comparison:
    """What compares choices event by event."""
    # only where it is asked for: a status is there sooner without
    from dlscan import event_losses
    from dlscan.scan.racing import Losses, Race, averaged

    points = {point.number: point for point in plan.points}
    by_first = {min(each): each for each in choices}

    def losses(rung: int, first: int) -> Losses | None:
        return averaged(
            [
                (
                    plan.experiment.at(points[number].params).data.left_out,
                    event_losses.read(plan.paths(points[number]), seen.best[rung]),
                )
                for number, seen in by_first[first].items()
            ]
        )

    count = max(len(choices), (plan.budget or 0) // plan.trainings)
    return Race(epochs, count, losses).compare


@dataclasses.dataclass(frozen=True)
class _Seen:
    """What the files of a point say: how good it was at each rung, in which epoch, and how far it is."""

    scores: list[float]
    best: list[int]
    epochs: int
    over: Callable[[], bool]  # reads its record
    lost: bool


def _looking(plan: Plan) -> tuple[tuple[int, ...], Callable[[Point], _Seen]]:
    """The rungs of a plan with points, and what looks at the files of one."""
    epochs, retries = rungs(plan), retries_of(plan)
    column = judged_by(plan.experiment.at(plan.points[0].params).train)
    sign = 1.0 if plan.experiment.task.columns[column] else -1.0
    retries = BatchOptions.retries if retries is None else retries
    return epochs, lambda point: _seen(plan, point, column, sign, epochs, retries)


def _seen(plan: Plan, point: Point, column: str, sign: float, epochs: Sequence[int], retries: int) -> _Seen:
    paths = plan.paths(point)
    values = [sign * value for value in _column(paths, column)]
    is_over = functools.cache(functools.partial(_is_over, plan, point))
    lost = outlook(paths, retries) in ("diverged", "crashed") and not is_over()
    found = _at_rungs(values, epochs, is_over)
    return _Seen([score for score, _ in found], [epoch for _, epoch in found], len(values), is_over, lost)


def _together(seen: Sequence[_Seen]) -> list[float]:
    """How good a choice was at each rung that all of its points have come to."""
    return [statistics.fmean(scores) for scores in zip(*(own.scores for own in seen), strict=False)]


def growing(plan: Plan) -> bool:
    """Whether the search of a plan may still propose points, which come to the rungs later."""
    if not plan.searches or (plan.proposals and not plan.proposals[-1].points):
        return False
    return plan.budget is None or len(plan.points) < plan.budget


def reached(plan: Plan) -> Callable[[Sequence[Point]], tuple[int, float] | None]:
    """What tells of the points of a choice the last rung of all, in epochs, and how good they were there.

    It is the number by which choices are compared; larger is better. None before the first rung, and without
    `scan.halving`.
    """
    if not rungs(plan):
        return lambda points: None
    epochs, seen = _looking(plan)

    def of(points: Sequence[Point]) -> tuple[int, float] | None:
        scores = _together([seen(point) for point in points])
        return (epochs[len(scores) - 1], -scores[-1]) if scores else None

    return of


def waiting(plan: Plan) -> list[Point]:
    """The points that have paused at a rung and may go on, the furthest first."""
    promoted = standing(plan).promoted
    free = [
        point for point in plan.points if point.number in promoted and _outcome(plan.paths(point)) == "paused"
    ]
    return sorted(free, key=lambda point: -len(_column(plan.paths(point), "epoch")))


def _at_rungs(
    values: Sequence[float], epochs: Sequence[int], is_over: Callable[[], bool]
) -> list[tuple[float, int]]:
    """How good a point was at each rung, and in which epoch: the best one, as those weights are kept."""
    found = [_best(values[:rung]) for rung in epochs if len(values) >= rung]
    if len(found) < len(epochs) and is_over():
        found += [_best(values)] * (len(epochs) - len(found))
    return found


def _best(values: Sequence[float]) -> tuple[float, int]:
    known = [(value, epoch) for epoch, value in enumerate(values, 1) if not math.isnan(value)]
    return min(known, default=(math.inf, 0))


def _column(paths: PointPaths, name: str) -> list[float]:
    """A column of a history; nothing without one that can be read, which training writes anew."""
    try:
        with paths.history.open(newline="", encoding="utf-8") as file:
            return [float(row[name] or math.nan) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return []


def _is_over(plan: Plan, point: Point) -> bool:
    try:
        record = read_done(plan.paths(point).record)
    except DlscanError:
        return False
    return record is not None and reaches(record.epochs, record.stopped, plan.epochs(point))


def _outcome(paths: PointPaths) -> str | None:
    try:
        attempt = last_attempt(paths)
    except DlscanError:
        return None
    return attempt.outcome if attempt else None
