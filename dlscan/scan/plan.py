"""The frozen plan of a scan: `plan.json` and a directory per point."""

import dataclasses
import datetime
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

import dlscan
from dlscan.config import Experiment
from dlscan.config.older import completed, missing
from dlscan.errors import DlscanError, ScanError
from dlscan.files import locked, read_json, write_json, write_text
from dlscan.machine import git_commit
from dlscan.record import PointPaths
from dlscan.scan.changes import as_planned, require_same
from dlscan.scan.space import Point, at, expand, extended
from dlscan.users import note_use

_PLAN_ADVICE = "put a copy of it back, or give the experiment another name to start afresh"


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
        The experiment as it was when the plan was frozen.
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
    dataset: str | None
    git_commit: str | None
    older: tuple[str, ...] = ()

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
            points = tuple(Point(item["number"], item["name"], item["params"]) for item in value["points"])
            return cls(
                directory,
                value["name"],
                tuple(value["varied"]),
                points,
                completed(value["config"]),
                value["dataset"],
                value["git_commit"],
                missing(value["config"]),
            )
        except (FileNotFoundError, NotADirectoryError):
            raise ScanError(
                f"{directory}: no scan here (no plan.json); `dlscan scan EXPERIMENT.yaml` makes one"
            ) from None
        except (KeyError, TypeError) as error:
            raise ScanError(f"{path}: damaged plan ({error!r}); {_PLAN_ADVICE}") from None
        except DlscanError as error:
            raise ScanError(f"{error}; {_PLAN_ADVICE}") from None

    @property
    def order_seed(self) -> int:
        """The seed of the order of events: one for all points, so that those of a job share a stream."""
        seed: int = self.config["train"]["seed"]
        return seed

    def point(self, number: int) -> Point:
        """The point with this number."""
        if not 1 <= number <= len(self.points):
            raise ScanError(f"{self.directory}: has points 1 to {len(self.points)}, none is number {number}")
        return self.points[number - 1]

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
        Add the points that the experiment's grid has beyond those of the plan; these keep their numbers.

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
        directory / ".plan.lock", ScanError(f"{directory}: another `dlscan scan` is at work on its plan")
    ):
        if (directory / "plan.json").exists():
            plan = Plan.read(directory)
            experiment = as_planned(plan, experiment)
            if require_same(plan, experiment, dataset, extend):
                return _extend(plan, experiment)
            for point in plan.points:
                if not plan.paths(point).record.exists():
                    _make_point(plan, point, experiment)
            return plan
        _clear_points(directory)
        points = tuple(expand(experiment))
        varied = tuple(points[0].params)
        assert experiment.file is not None
        commit = git_commit(experiment.file.absolute().parent)
        plan = Plan(directory, experiment.name, varied, points, experiment.plain(), dataset, commit)
        for point in points:
            _make_point(plan, point, experiment)
        _write(plan, datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"))
        return plan


def _extend(plan: Plan, experiment: Experiment) -> Plan:
    points = tuple(extended(plan.points, experiment))
    config = experiment.plain()
    changed = dataclasses.replace(plan, varied=tuple(points[0].params), points=points, config=config)
    tried = {path.name for path in (plan.directory / "points").iterdir() if _is_tried(PointPaths(path))}
    _clear_points(plan.directory, keep=tried | {point.directory for point in plan.points})
    # the directories first: from the moment that the plan has a point, jobs may look for it
    for point in points:
        if not changed.paths(point).record.exists():
            _make_point(changed, point, experiment)
    _write(changed, read_json(plan.directory / "plan.json").get("created"))
    return changed


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
        },
    )


def _is_tried(paths: PointPaths) -> bool:
    return paths.attempts.exists() or paths.record.exists()


def _clear_points(directory: Path, keep: Collection[str] = ()) -> None:
    """Remove points without a plan, which a freeze that was killed leaves; never one that was tried."""
    for point in sorted((directory / "points").iterdir()):
        if point.name in keep:
            continue
        if _is_tried(PointPaths(point)):
            raise ScanError(
                f"{directory}: holds trained points, but their plan.json is gone; put it back, "
                "or give the experiment another name to start afresh"
            )
        shutil.rmtree(point)


def _make_point(plan: Plan, point: Point, experiment: Experiment) -> None:
    paths = plan.paths(point)
    paths.directory.mkdir(parents=True, exist_ok=True)
    mapping = at(experiment, point.params).plain()
    # a point has no points of its own, and where it runs is not part of what it is
    del mapping["scan"], mapping["batch"]
    text = yaml.safe_dump(mapping, sort_keys=False, allow_unicode=True, width=110)
    text = f"# Point {point.number} of a scan; `dlscan train` reads this.\n{text}"
    if not paths.config.exists() or paths.config.read_text(encoding="utf-8") != text:
        write_text(paths.config, text)
