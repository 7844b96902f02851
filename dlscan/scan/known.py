"""What is known of the points of a search: their results, or that they run, diverged or crashed."""

import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlscan.attempts import last_attempt
from dlscan.claims import alive
from dlscan.config import Experiment
from dlscan.config.folds import narrowing, validating
from dlscan.config.naming import is_file_name, is_scan
from dlscan.errors import DlscanError, ScanError
from dlscan.record import PointPaths, Record, reaches
from dlscan.scan.choices import choices_of
from dlscan.scan.halving import reached
from dlscan.scan.objective import Target
from dlscan.scan.outlook import outlook
from dlscan.scan.plan import Plan
from dlscan.scan.proposals import notes_by_point
from dlscan.scan.space import Point
from dlscan.search import Space, Trial
from dlscan.search.space import State
from dlscan.spelling import near_miss, some


def space_of(experiment: Experiment) -> Space:
    """What the search of an experiment draws from, what decides about other keys first."""
    combinations, dimensions = experiment.combinations, experiment.scan.dimensions
    deciding = combinations.deciding
    order = sorted(dimensions, key=lambda key: deciding.index(key) if key in deciding else len(deciding))
    return Space({key: dimensions[key] for key in order}, combinations.applies)


def trials_of(plan: Plan, space: Space, targets: Sequence[Target], retries: int) -> list[Trial]:
    """What is known of each choice of parameters that the plan has, in the order of their numbers.

    Parameters
    ----------
    plan : Plan
        Of the search.
    space : Space
        What it draws from; choices that are not in it are left out.
    targets : sequence of Target
        What is to become good.
    retries : int
        A point that crashed more often than that is not waited for.

    Raises
    ------
    ScanError
        If no record has one of the columns.
    """
    notes = notes_by_point(plan.proposals)
    trials, rungs = [], reached(plan)
    records: list[Record] = []
    for points in choices_of(plan):
        values = located(plan, space, points[0])
        if values is None:
            continue
        found = [_state(plan, point, retries) for point in points]
        done = [record for _, record in found if record is not None]
        records += done
        state = _together([state for state, _ in found])
        own = notes.get(points[0].number, {})
        if state == "pruned":
            trials.append(_pruned(rungs(points), values, own, points[0].number))
            continue
        trials.append(_trial(points, values, state, done, targets, own, points[0].number))
    for target in targets if records else ():
        if all(target.worth(record) is None for record in records):
            there = ", ".join(name for name in records[0].metrics if name.startswith("val_"))
            raise ScanError(
                f"{plan.directory}: scan.search.metric: no finished point has {target.column}; they have "
                f"{there}"
            )
    return trials


def require_known(experiment: Experiment) -> None:
    """Check that what a search is to know from the start is a scan.

    Raises
    ------
    ConfigError
        If it is none; the message names the one in the directory of scans that is probably meant, or all.
    """
    search = experiment.scan.search
    if search is None or search.known is None or is_scan(search.known):
        return
    place, name = experiment.output, search.known.name
    beside = sorted(place.iterdir()) if place.is_dir() else []
    names = [path.name for path in beside if is_scan(path) and path != experiment.directory]
    near = near_miss(search.known.stem if is_file_name(search.known) else name, names)
    meant = f"did you mean {place / near}?" if near else f"scans in {place}: {some(names) or 'none'}"
    raise experiment.problem("scan.search.from", f"{search.known} is not the directory of a scan; {meant}")


def trials_elsewhere(directory: Path, plan: Plan, space: Space, targets: Sequence[Target]) -> list[Trial]:
    """The choices of another scan on the same dataset of which every repeat and fold is finished.

    Raises
    ------
    ScanError
        If it is no scan, or one on other events.
    """
    other = Plan.read(directory)
    if None not in (plan.dataset, other.dataset) and other.dataset != plan.dataset:
        raise ScanError(
            f"{plan.directory}: scan.search.from: {directory} is a scan on other events, so its "
            "results may not apply here; remove it"
        )
    trials = []
    for points in choices_of(other):
        records = [record for point in points if (record := _finished(other, point)) is not None]
        # the mean of some trainings alone cannot be compared
        values = space.located(records[0].params) if len(records) == len(points) else None
        if values is not None:
            trials.append(_trial(points, values, "done", records, targets, {}, 0))
    return trials


def _pruned(
    found: tuple[int, float] | None, values: dict[str, Any], notes: Mapping[str, Any], number: int
) -> Trial:
    """A choice of which a point has paused, with what it was compared by."""
    if found is None:
        # meanwhile it trains on
        return Trial(values, "running", (), notes, number=number)
    epochs, worth = found
    return Trial(values, "pruned", (worth,), notes, number=number, reached=epochs)


def open_points(plan: Plan, retries: int) -> list[Point]:
    """The points that nobody trains, and that are to be trained: arguments as for `trials_of`."""
    found = [point for point in plan.points if _state(plan, point, retries)[0] == "running"]
    return [point for point in found if not _is_trained(plan.paths(point))]


def _is_trained(paths: PointPaths) -> bool:
    try:
        attempt = last_attempt(paths)
    except DlscanError:
        return True  # nobody knows
    return attempt is not None and attempt.outcome is None and alive(paths, attempt)


def _trial(
    points: Sequence[Point],
    values: dict[str, Any],
    state: State,
    records: Sequence[Record],
    targets: Sequence[Target],
    notes: Mapping[str, Any],
    number: int,
) -> Trial:
    if state != "done":
        return Trial(values, state, (), notes, number=number)
    worths = []
    for target in targets:
        found = [target.worth(record) for record in records]
        known = [value for value in found if value is not None and math.isfinite(value)]
        if len(known) < len(found):
            # a result that is no number tells as little as none
            return Trial(values, "crashed", (), notes, number=number)
        worths.append(statistics.fmean(known))
    # folds have other validation events each, repeats have the same
    part = narrowing([validating(point.params) for point in points])
    error = part * statistics.fmean(targets[0].error(record) for record in records)
    return Trial(values, "done", tuple(worths), notes, error, number)


def located(plan: Plan, space: Space, point: Point) -> dict[str, Any] | None:
    """The values of a point of a plan in the space of its search; None if it is not in it."""
    values = space.located(point.params)
    if values is not None or not plan.points[: point.number]:
        return values
    # a point that was there before its keys were varied has what stood in the file
    mapping = plan.experiment.at(point.params).plain()
    whole = {
        f"{name}.{key}": value
        for name in ("model", "train", "adversary")
        for key, value in mapping.get(name, {}).items()
    }
    return space.located({**whole, **point.params})


def _finished(plan: Plan, point: Point) -> Record | None:
    """The record of a point that has had all of its epochs."""
    try:
        record = Record.read(plan.paths(point).record)
    except (DlscanError, OSError):
        return None
    return record if reaches(record.epochs, record.stopped, plan.epochs(point)) else None


def _state(plan: Plan, point: Point, retries: int) -> tuple[State, Record | None]:
    """How far a point is, by its files alone."""
    record = _finished(plan, point)
    if record is not None:
        return "done", record
    found = outlook(plan.paths(point), retries)
    if found == "paused":
        # without `scan.halving` any more, it trains on
        return ("running" if plan.experiment.scan.halving is None else "pruned"), None
    return found, None


def _together(states: Sequence[State]) -> State:
    """The state of a choice from those of its repeats."""
    for state in ("crashed", "diverged", "running", "pruned"):
        if state in states:
            return state
    return "done"
