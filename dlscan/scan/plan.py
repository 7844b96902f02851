"""The frozen plan of a scan: `plan.json` and a directory per point."""

import dataclasses
import datetime
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dlscan
from dlscan.config import Experiment, experiment_from
from dlscan.config.fitting import SECTIONS
from dlscan.config.older import completed, missing
from dlscan.errors import ConfigError, DlscanError, ScanError
from dlscan.files import read_json, write_json
from dlscan.locks import locked
from dlscan.machine import git_commit
from dlscan.record import PointPaths, is_done
from dlscan.scan.changes import AFRESH, as_planned, require_same, require_same_dataset
from dlscan.scan.longer import note_more_epochs, require_to_train_on
from dlscan.scan.point_files import clear_points, is_tried, make_point
from dlscan.scan.space import Point, expand, extended
from dlscan.scan.trust import wrong_plan
from dlscan.users import note_use

_PLAN_ADVICE = "restore a copy of it, or give the experiment another name to start afresh"


@dataclasses.dataclass(frozen=True)
class Plan:
    """The points of a scan, decided once.

    Attributes
    ----------
    directory : Path
        Of the scan.
    name : str
        Of the scan.
    varied : tuple of str
        The keys that differ from point to point.
    points : tuple of Point
        In the order of their numbers.
    config : dict
        The experiment as it was when the plan was frozen, with all defaults.
    written : dict
        Its sections that a scan varies as they stood in the file, without defaults: what a point sets
        is merged with these, since other families of networks have other defaults.
    dataset : str or None
        The `config_hash` of the dataset: all points are trained on the same events.
    git_commit : str or None
        Of the directory that holds the experiment file.
    older : tuple of str
        Keys of `model` that came after this plan was made; in `config` they have the values of then.
    """

    directory: Path
    name: str
    varied: tuple[str, ...]
    points: tuple[Point, ...]
    config: dict[str, Any]
    written: dict[str, Any]
    dataset: str | None
    git_commit: str | None
    older: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        experiment: Experiment,
        points: Sequence[Point] | None = None,
        dataset: str | None = None,
        commit: str | None = None,
        older: tuple[str, ...] = (),
    ) -> "Plan":
        """The plan of an experiment, with the points of its scan or with these; writes nothing."""
        return cls(
            experiment.directory,
            experiment.name,
            experiment.combinations.keys,
            tuple(expand(experiment) if points is None else points),
            experiment.plain(),
            experiment.written,
            dataset,
            commit,
            older,
        )

    @classmethod
    def read(cls, directory: Path) -> "Plan":
        """Read the plan of the scan in `directory`.

        Raises
        ------
        ScanError
            If there is none, or it is damaged.
        """
        path = directory / "plan.json"
        try:
            value = read_json(path)
            wrong = wrong_plan(value)
            if wrong:
                raise ScanError(f"{path}: damaged plan ({wrong})")
            points = tuple(Point(item["number"], item["name"], item["params"]) for item in value["points"])
            config = completed(value["config"])
            return cls(
                directory,
                value["name"],
                tuple(value["varied"]),
                points,
                config,
                # plans of older versions know the whole alone, of the one family that there was
                value.get("written") or {name: config[name] for name in SECTIONS},
                value["dataset"],
                value["git_commit"],
                tuple(value.get("older", missing(value["config"]))),
            )
        except (FileNotFoundError, NotADirectoryError):
            raise ScanError(
                f"{directory}: no scan here (no plan.json); `dlscan scan EXPERIMENT.yaml` makes one"
            ) from None
        except (KeyError, TypeError) as error:
            raise ScanError(f"{path}: damaged plan ({error!r}); {_PLAN_ADVICE}") from None
        except DlscanError as error:
            raise ScanError(f"{error}; {_PLAN_ADVICE}") from None

    @functools.cached_property
    def experiment(self) -> Experiment:
        """The experiment as it was planned, with what this version of dlscan adds to it.

        Raises
        ------
        ScanError
            If this version does not understand it.
        """
        path = self.directory / "plan.json"
        try:
            experiment = experiment_from({**self.config, **self.written}, path)
            for section, known in experiment.plain().items():
                for name in self.config[section] if section in SECTIONS else ():
                    if name not in known:
                        raise experiment.problem(f"{section}.{name}", "unknown key")
        except ConfigError as error:
            raise ScanError(
                f"{error}; the plan was made by a version of dlscan that this version does not understand; "
                f"continue with that version, or {AFRESH}"
            ) from None
        return experiment

    def completed(self, experiment: Experiment) -> Experiment:
        """The experiment as it is now, see `as_planned`."""
        return as_planned(experiment, self.config["model"], self.older)

    @property
    def order_seed(self) -> int:
        """The seed of the order of events: one for all points, so that those of a job share a stream."""
        seed: int = self.config["train"]["seed"]
        return seed

    def point(self, number: int) -> Point:
        """The point with this number."""
        if not 1 <= number <= len(self.points):
            raise ScanError(f"{self.directory}: has points 1 to {len(self.points)}, but no point {number}")
        return self.points[number - 1]

    def epochs(self, point: Point) -> int:
        """How many a point trains at most."""
        epochs: int = point.params.get("train.epochs", self.config["train"]["epochs"])
        return epochs

    def paths(self, point: Point) -> PointPaths:
        """Where the files of a point are."""
        return PointPaths(self.directory / "points" / point.directory)


def freeze(experiment: Experiment, dataset: str | None = None, extend: bool = False) -> Plan:
    """Write the plan of an experiment, or read the one that is there.

    Parameters
    ----------
    experiment : Experiment
        How its points run and where its data lie is brought up to date in the files of unfinished points.
    dataset : str or None
        The `config_hash` of the prepared dataset; None where it does not matter.
    extend : bool
        Add the points that the experiment's scan has beyond those of the plan; these keep their numbers. Let
        all train on if it has more epochs.

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
    with locked(
        directory / ".plan.lock",
        ScanError(f"{directory}: another `dlscan scan` is changing its plan; wait until it has finished"),
    ):
        if (directory / "plan.json").exists():
            plan = Plan.read(directory)
            experiment = plan.completed(experiment)
            if changed(plan, experiment, dataset, extend):
                return _extend(plan, experiment)
            for point in plan.points:
                if not is_done(plan.paths(point), plan.epochs(point)):
                    make_point(plan.paths(point), point, experiment)
            return _relabelled(plan, experiment)
        clear_points(directory)
        assert experiment.file is not None
        plan = Plan.of(experiment, dataset=dataset, commit=git_commit(experiment.file.absolute().parent))
        for point in plan.points:
            make_point(plan.paths(point), point, experiment)
        _write(plan, datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"))
        return plan


def changed(plan: Plan, experiment: Experiment, dataset: str | None, extend: bool) -> bool:
    """Whether an experiment has another scan or more epochs; arguments and errors as for `freeze`."""
    # keys that came later have the default that they have now, others that of then
    then = plan.experiment.plain()
    then |= {section: then[section] | plan.config[section] for section in SECTIONS}
    differs = require_same(plan.directory, then, experiment, extend)
    require_same_dataset(plan.directory, plan.dataset, dataset, experiment.data.prepared)
    if differs:
        trains = [(point, experiment.at(point.params).train) for point in plan.points]
        longer = [(plan.paths(point), train) for point, train in trains if plan.epochs(point) < train.epochs]
        require_to_train_on(plan.directory, longer)
    return differs


def _relabelled(plan: Plan, experiment: Experiment) -> Plan:
    """The plan with the labels that its classes and datasets have now."""
    data, labels = plan.config["data"], experiment.data.labels
    if data.get("labels", {}) == labels:
        return plan
    relabelled = dataclasses.replace(plan, config={**plan.config, "data": {**data, "labels": labels}})
    _write(relabelled, read_json(plan.directory / "plan.json").get("created"))
    return relabelled


def _extend(plan: Plan, experiment: Experiment) -> Plan:
    more = Plan.of(experiment, extended(plan.points, experiment), plan.dataset, plan.git_commit, plan.older)
    tried = {path.name for path in (plan.directory / "points").iterdir() if is_tried(PointPaths(path))}
    clear_points(plan.directory, keep=tried | {point.directory for point in plan.points})
    # the directories first: from the moment that the plan has a point, jobs may look for it
    for point in more.points:
        paths, epochs = more.paths(point), more.epochs(point)
        if is_done(paths, epochs):
            note_more_epochs(paths, epochs)
        else:
            make_point(paths, point, experiment)
    _write(more, read_json(plan.directory / "plan.json").get("created"))
    return more


def _write(plan: Plan, created: str | None) -> None:
    write_json(
        plan.directory / "plan.json",
        {
            "name": plan.name,
            "created": created,
            "dlscan": dlscan.__version__,
            "git_commit": plan.git_commit,
            "dataset": plan.dataset,
            "varied": list(plan.varied),
            "points": [dataclasses.asdict(point) for point in plan.points],
            "config": plan.config,
            "written": plan.written,
            "older": list(plan.older),
        },
    )
