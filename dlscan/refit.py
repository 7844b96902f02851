"""The best model of a scan with folds, trained once more on all of them: `scan.refit`."""

import logging
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from dlscan.analysis.points import records
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.ranked import searched_for
from dlscan.analysis.tables.best import choose
from dlscan.analysis.tables.rows import rows_of
from dlscan.config import Experiment, experiment_from
from dlscan.config.folds import FOLD, NONE
from dlscan.config.models import epochs_key
from dlscan.config.naming import REFIT
from dlscan.config.train import BY_EPOCHS
from dlscan.errors import ScanError
from dlscan.point_state import OVER
from dlscan.scan import Plan, scan_status
from dlscan.scan.changes import NOT_FROZEN, differences
from dlscan.scan.halving import growing

log = logging.getLogger("dlscan")


def refit_of(experiment: Experiment, plan: Plan) -> Experiment | None:
    """The experiment that trains the best model of a scan on all folds: a scan of one point beside it.

    It trains for as many epochs as the best ones of the folds, in the mean: no events are left to stop by.

    Parameters
    ----------
    experiment : Experiment
        Of the scan, as it is now.
    plan : Plan
        Of the scan.

    Returns
    -------
    Experiment or None
        None if none is wanted, or points are still to be trained; those that diverged are not waited for.

    Raises
    ------
    ScanError
        If there is one of another model.
    UsageError
        If no point has a number to choose by.
    """
    waited = {status.state for status in scan_status(plan)} - {*OVER, "diverged"}
    if not experiment.scan.refit or waited or growing(plan):
        return None
    best = best_of(plan)
    params = {key: value for key, value in plan.point(best[0].record.point).params.items() if key != FOLD}
    single = plan.experiment.at(params)
    section, key = epochs_key(single.model.family).split(".")
    mapping = {**single.plain(), **single.written}
    for name in ("data", "train"):
        mapping[name] = _as_now(name, mapping[name], experiment.written.get(name, {}), params)
    for name, changes in (
        ("data", {"fold": NONE}),
        ("train", {"early_stopping": None}),
        (section, {key: _epochs(best, single)}),
    ):
        mapping[name] = {**mapping[name], **changes}
    now = experiment.plain()
    mapping |= {"name": experiment.name + REFIT, "scan": {}, "batch": now["batch"], "stream": now["stream"]}
    assert experiment.file is not None
    found = experiment_from(mapping, experiment.file, plan.sources)
    _require_same(found, best[0].record.point, f"{section}.{key}")
    return found


def _as_now(
    section: str, planned: Mapping[str, Any], now: Mapping[str, Any], params: Mapping[str, Any]
) -> dict[str, Any]:
    """A section as it was planned, but what may change later, such as where the data lie, as it is now."""
    changing = [key.partition(".")[2] for key in NOT_FROZEN if key.startswith(f"{section}.")]
    free = [name for name in changing if f"{section}.{name}" not in params]
    kept = {name: value for name, value in planned.items() if name not in free}
    return kept | {name: now[name] for name in free if name in now}


def _epochs(best: Sequence[DonePoint], single: Experiment) -> int:
    """How many the model trains: the mean of the best ones, but longer than its warm-up."""
    mean = max(round(statistics.fmean(point.record.best_epoch for point in best)), 1)
    train, reads = single.train, single.model.reads
    epochs = max(mean, train.warm_up + 1) if reads("train.warm_up") else mean
    if epochs > mean:
        log.info(
            "The best epochs of the folds, %d in the mean, are within train.warm_up: %d; on all folds "
            "it trains one epoch more than that",
            *(mean, train.warm_up),
        )
    if reads("train.schedule") and train.schedule in BY_EPOCHS and epochs < train.epochs:
        log.info(
            "The schedule %s reaches its end in the last epoch: over %d epochs here, over %d in the folds",
            *(train.schedule, epochs, train.epochs),
        )
    return epochs


def best_of(plan: Plan) -> list[DonePoint]:
    """The trainings of the best model, by what a search looks at or the task chooses by."""
    rows = rows_of(records.read([plan.directory]).points)
    return list(rows.models[choose(rows, searched_for(rows.points)).position])


def _require_same(found: Experiment, number: int, epochs_key: str) -> None:
    """Check that a refit that is there is of the same model, and trains as many epochs."""
    if not (found.directory / "plan.json").exists():
        return
    before = Plan.read(found.directory).experiment.plain()
    found_changes = differences(before, found.plain(), ("model", "train", "data"))
    changes = {key: (then, now) for key, then, now in found_changes}
    if set(changes) == {epochs_key}:
        then, now = changes[epochs_key]
        raise ScanError(
            f"{found.directory}: has {epochs_key} {then}, which would now be {now}, by the best epochs of "
            "the folds; remove this directory to train it again"
        )
    if changes:
        raise ScanError(
            f"{found.directory}: the best model is now that of point {number}, and this is another; "
            "remove this directory to train that one on all folds"
        )
