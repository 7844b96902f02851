"""Freeze the plan of a scan, or bring the one that is there up to date."""

import dataclasses

from dlscan import clock
from dlscan.config import Experiment
from dlscan.config.dotted import merged
from dlscan.config.fitting import SECTIONS
from dlscan.dataset import Manifest
from dlscan.dataset.notes import note_use
from dlscan.files import read_json
from dlscan.machine import git_commit
from dlscan.many import each
from dlscan.origins import origins_of
from dlscan.record import PointPaths, is_done
from dlscan.scan.changes import as_planned, require_same, require_same_dataset
from dlscan.scan.changing import changing
from dlscan.scan.more_epochs import note_more_epochs, require_to_train_on
from dlscan.scan.narrowing import require_going_on
from dlscan.scan.plan import Plan
from dlscan.scan.point_files import clear_points, is_tried, make_point
from dlscan.scan.sources import at_planned_paths, with_sources
from dlscan.scan.space import Point, extended


def freeze(
    experiment: Experiment, dataset: str | None = None, extend: bool = False, narrow: bool = False
) -> Plan:
    """Write the plan of an experiment, or read the one that is there.

    Parameters
    ----------
    experiment : Experiment
        How its points run and where its data lie is brought up to date in the files of unfinished points.
    dataset : str or None
        The `config_hash` of the prepared dataset; None where it does not matter.
    extend : bool
        Add the points that the experiment's scan has beyond those of the plan; these keep their numbers. Let
        all train on if it has more epochs. Let a search go on in a wider space.
    narrow : bool
        Let a search go on in a narrower space.

    Raises
    ------
    ScanError
        If the plan that is there was made from another experiment or for another dataset; the message shows
        the difference.
    """
    directory = experiment.directory
    (directory / "points").mkdir(parents=True, exist_ok=True)
    if dataset is not None:
        note_use(experiment.data.prepared, experiment.name, directory)
    with changing(directory):
        if (directory / "plan.json").exists():
            frozen = Plan.read(directory)
            experiment = at_planned_paths(frozen, experiment)
            plan = with_sources(frozen, experiment)
            experiment = as_planned(plan, experiment)
            if changed(plan, experiment, dataset, extend, narrow):
                return _extend(plan, experiment)
            done = each(lambda point: is_done(plan.paths(point), plan.epochs(point)), plan.points)
            left = [point for point, is_there in zip(plan.points, done, strict=True) if not is_there]
            each(lambda point: make_point(plan.paths(point), point, experiment), left)
            if left:
                _require_origins(plan)
            return _renewed(frozen, plan, experiment)
        clear_points(directory)
        assert experiment.file is not None
        plan = Plan.of(experiment, dataset=dataset, commit=git_commit(experiment.file.absolute().parent))
        domain = _domain(experiment) if dataset is not None else None
        plan = dataclasses.replace(plan, origins=origins_of(experiment), domain=domain)
        each(lambda point: make_point(plan.paths(point), point, experiment), plan.points)
        plan.write(clock.now())
        return plan


def _require_origins(plan: Plan) -> None:
    """Check that what points begin with is what it was."""
    for origin in plan.origins.values():
        origin.require_same()


def changed(
    plan: Plan, experiment: Experiment, dataset: str | None, extend: bool, narrow: bool = False
) -> bool:
    """Whether an experiment has another scan or more epochs; arguments and errors as for `freeze`."""
    # keys that came later have the default that they have now, others that of then
    then = plan.experiment.plain()
    then |= {section: merged(then.get(section, {}), plan.config.get(section, {})) for section in SECTIONS}
    differs = require_same(plan.directory, then, experiment, extend or narrow)
    if differs and experiment.scan.search is not None:
        require_going_on(plan, experiment, narrow)
    require_same_dataset(plan.directory, plan.dataset, dataset, experiment.data.prepared)
    if dataset is not None and (other := experiment.other_domain) is not None:
        require_same_dataset(plan.directory, plan.domain, _domain(experiment), other.data.prepared)
    if differs:
        trains = [(point, experiment.at(point.params).train) for point in plan.points]
        longer = [(plan.paths(point), train) for point, train in trains if plan.epochs(point) < train.epochs]
        require_to_train_on(plan.directory, longer)
    return differs


def _domain(experiment: Experiment) -> str | None:
    """The `config_hash` of the dataset of the other domain, if there is one."""
    other = experiment.other_domain
    return None if other is None else Manifest.of(other).config_hash


def _renewed(frozen: Plan, plan: Plan, experiment: Experiment) -> Plan:
    """The plan with the labels that its classes and datasets have now, on file if it is not as `frozen`."""
    data, labels = plan.config["data"], experiment.data.labels.plain()
    if data.get("labels", {}) != labels:
        plan = dataclasses.replace(plan, config={**plan.config, "data": {**data, "labels": labels}})
    if plan is not frozen:
        plan.write(read_json(plan.directory / "plan.json").get("created"))
    return plan


def _extend(plan: Plan, experiment: Experiment) -> Plan:
    more = Plan.of(experiment, extended(plan.points, experiment), plan.dataset, plan.git_commit, plan.older)
    _require_origins(plan)
    origins = origins_of(experiment) | plan.origins
    more = dataclasses.replace(more, proposals=plan.proposals, origins=origins, domain=plan.domain)
    tried = {path.name for path in (plan.directory / "points").iterdir() if is_tried(PointPaths(path))}
    clear_points(plan.directory, keep=tried | {point.directory for point in plan.points})

    def renew(point: Point) -> None:
        paths, epochs = more.paths(point), more.epochs(point)
        if is_done(paths, epochs):
            note_more_epochs(paths, epochs)
        else:
            make_point(paths, point, experiment)

    # the directories first: from the moment that the plan has a point, jobs may look for it
    each(renew, more.points)
    more.write(read_json(plan.directory / "plan.json").get("created"))
    return more
