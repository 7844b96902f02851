"""The best model of a scan with folds, trained once more on all of them: `scan.refit`."""

import statistics

from dlscan.analysis.points import records
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.tables.best import choose
from dlscan.analysis.tables.rows import rows_of
from dlscan.config import Experiment, experiment_from
from dlscan.config.folds import FOLD, NONE
from dlscan.config.models import epochs_key
from dlscan.errors import ScanError
from dlscan.point_state import OVER
from dlscan.scan import Plan, scan_status
from dlscan.scan.changes import differences
from dlscan.scan.halving import growing

ENDING = "-refit"


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
    best = best_of(experiment, plan)
    params = {key: value for key, value in plan.point(best[0].record.point).params.items() if key != FOLD}
    single = plan.experiment.at(params)
    section, key = epochs_key(single.model.family).split(".")
    epochs = round(statistics.fmean(point.record.best_epoch for point in best))
    mapping = {**single.plain(), **single.written}
    for name, changes in (
        ("data", {"fold": NONE}),
        ("train", {"early_stopping": None}),
        (section, {key: max(epochs, 1)}),
    ):
        mapping[name] = {**mapping[name], **changes}
    now = experiment.plain()
    mapping |= {"name": experiment.name + ENDING, "scan": {}, "batch": now["batch"], "stream": now["stream"]}
    assert experiment.file is not None
    found = experiment_from(mapping, experiment.file, plan.sources)
    _require_same(found, best[0].record.point)
    return found


def best_of(experiment: Experiment, plan: Plan) -> list[DonePoint]:
    """The trainings of the best model, by what a search looks at or the task chooses by."""
    metric = experiment.scan.search.metric if experiment.scan.search else ()
    rows = rows_of(records.read([plan.directory]).points)
    key = metric[0] if metric and metric[0].startswith("val_") else None
    return list(rows.models[choose(rows, key).position])


def _require_same(found: Experiment, number: int) -> None:
    """Check that a refit that is there is of the same model."""
    if not (found.directory / "plan.json").exists():
        return
    before = Plan.read(found.directory).experiment.plain()
    if list(differences(before, found.plain(), ("model", "train", "data"))):
        raise ScanError(
            f"{found.directory}: is of a model that is not the best any more, which is now that of point "
            f"{number}; remove this directory to train that one on all folds"
        )
