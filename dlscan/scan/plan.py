"""The frozen plan of a scan: `plan.json` and a directory per point."""

import dataclasses
import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

import dlscan
from dlscan.config import Experiment
from dlscan.errors import ScanError
from dlscan.files import locked, read_json, write_json, write_text
from dlscan.record import PointPaths
from dlscan.scan.space import Point, at, expand

# What decides a result; how and where a point runs may change from one submission to the next.
_FROZEN = ("name", "data", "model", "train", "scan")


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
    """

    directory: Path
    name: str
    varied: tuple[str, ...]
    points: tuple[Point, ...]
    config: dict[str, Any]

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
            return cls(directory, value["name"], tuple(value["varied"]), points, value["config"])
        except (FileNotFoundError, NotADirectoryError):
            raise ScanError(
                f"{directory}: no scan here (no plan.json); `dlscan scan EXPERIMENT.yaml` makes one"
            ) from None
        except (KeyError, TypeError) as error:
            raise ScanError(f"{path}: damaged plan ({error!r})") from None

    def point(self, number: int) -> Point:
        """The point with this number."""
        if not 1 <= number <= len(self.points):
            raise ScanError(f"{self.directory}: has points 1 to {len(self.points)}, none is number {number}")
        return self.points[number - 1]

    def paths(self, point: Point) -> PointPaths:
        """Where the files of a point are."""
        return PointPaths(self.directory / "points" / point.directory)


def freeze(experiment: Experiment) -> Plan:
    """Write the plan of an experiment, or read the one that is there.

    Raises
    ------
    ScanError
        If the plan that is there was made from another experiment; the message shows the difference.
    """
    directory = experiment.directory
    (directory / "points").mkdir(parents=True, exist_ok=True)
    with locked(
        directory / ".plan.lock", ScanError(f"{directory}: another `dlscan scan` is at work on its plan")
    ):
        if (directory / "plan.json").exists():
            plan = Plan.read(directory)
            _require_same(plan, experiment)
            return plan
        points = tuple(expand(experiment))
        varied = tuple(points[0].params)
        plan = Plan(directory, experiment.name, varied, points, experiment.plain())
        for point in points:
            _make_point(plan, point, experiment)
        write_json(
            directory / "plan.json",
            {
                "name": plan.name,
                "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                "dlscan": dlscan.__version__,
                "varied": list(varied),
                "points": [dataclasses.asdict(point) for point in points],
                "config": plan.config,
            },
        )
        return plan


def _make_point(plan: Plan, point: Point, experiment: Experiment) -> None:
    paths = plan.paths(point)
    paths.directory.mkdir(exist_ok=True)
    mapping = at(experiment, point.params).plain()
    # a point has no points of its own, and where it runs is not part of what it is
    del mapping["scan"], mapping["batch"]
    text = yaml.safe_dump(mapping, sort_keys=False, allow_unicode=True, width=110)
    write_text(paths.config, f"# Point {point.number} of a scan; `dlscan train` reads this.\n{text}")


def _require_same(plan: Plan, experiment: Experiment) -> None:
    before = {key: plan.config.get(key) for key in _FROZEN}
    now = {key: value for key, value in experiment.plain().items() if key in _FROZEN}
    changes = list(_differences(before, now, ""))
    if changes:
        raise ScanError(
            f"{plan.directory}: this scan was planned with {'; '.join(changes)}; "
            f"undo the change, or give the experiment another name to start afresh"
        )


def _differences(before: Any, now: Any, key: str) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(now, dict) and key != "scan.grid":
        for name in dict.fromkeys([*before, *now]):
            yield from _differences(before.get(name), now.get(name), f"{key}.{name}" if key else name)
    elif before != now:
        yield f"{key} {before!r}, now it is {now!r}"
