"""The plan of a scan: `plan.json` and a directory per point."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dlscan
from dlscan.config import Bdt, Experiment, Model, experiment_from
from dlscan.config.fitting import SECTIONS
from dlscan.config.models import epochs_key
from dlscan.config.older import completed, missing
from dlscan.config.source import Source, source_of
from dlscan.errors import ConfigError, DlscanError, ScanError
from dlscan.files import read_json, write_json
from dlscan.origins import Origin
from dlscan.record import PointPaths
from dlscan.scan.plan_file import wrong_plan
from dlscan.scan.proposals import Proposal
from dlscan.scan.space import Point, expand

AFRESH = "give the experiment another name to start afresh"
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
    sources : dict of str to Source
        The files, by their paths, of which points have functions: their texts are part of the plan.
    proposals : tuple of Proposal
        Of a search, what was proposed and why, in order.
    origins : dict of str to Origin
        The networks that points begin with, by `Pretrained.place`, as they were when the plan was made.
    domain : str or None
        The `config_hash` of the dataset of the other domain; None without one, and in plans of before.
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
    sources: dict[str, Source] = dataclasses.field(default_factory=dict)
    proposals: tuple[Proposal, ...] = ()
    origins: dict[str, Origin] = dataclasses.field(default_factory=dict)
    domain: str | None = None

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
            experiment.sources,
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
                value.get("written") or {name: config.get(name, {}) for name in SECTIONS},
                value["dataset"],
                value["git_commit"],
                tuple(value.get("older", missing(value["config"]))),
                {path: source_of({"path": path, **item}) for path, item in value.get("sources", {}).items()},
                tuple(map(Proposal.read, value.get("proposals", ()))),
                {place: Origin.read(item) for place, item in value.get("origins", {}).items()},
                value.get("domain"),
            )
        except (FileNotFoundError, NotADirectoryError):
            raise ScanError(
                f"{directory}: no scan here (no plan.json); `dlscan scan EXPERIMENT.yaml` makes one"
            ) from None
        except (KeyError, TypeError, ValueError) as error:
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
            experiment = experiment_from({**self.config, **self.written}, path, self.sources)
            for section, known in experiment.plain().items():
                for name in self.config.get(section, ()) if section in SECTIONS else ():
                    if name not in known:
                        raise experiment.problem(f"{section}.{name}", "unknown key")
        except ConfigError as error:
            raise ScanError(
                f"{error}; the plan was made by a version of dlscan that this version does not understand; "
                f"continue with that version, or {AFRESH}"
            ) from None
        return experiment

    @property
    def searches(self) -> bool:
        """Whether its points are proposed by a search."""
        return bool(self.config.get("scan", {}).get("search"))

    @property
    def budget(self) -> int | None:
        """How many points there are to be, repeats and folds counted; None if a search ends by itself."""
        if not self.searches:
            return len(self.points)
        points = self.config["scan"]["search"].get("points")
        return None if points is None else points * self.trainings

    @functools.cached_property
    def trainings(self) -> int:
        """How many points of a search are one choice of parameters: repeats and folds."""
        return self.experiment.scan.trainings(self.config["data"].get("folds"))

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
        key = epochs_key(self.family(point))
        section, name = key.split(".")
        epochs: int = point.params.get(key, self.config[section].get(name, Bdt.trees))
        return epochs

    def family(self, point: Point) -> str:
        """The family of a point's model."""
        family: str = point.params.get("model.family", self.config["model"].get("family", Model.family))
        return family

    def paths(self, point: Point) -> PointPaths:
        """Where the files of a point are."""
        return PointPaths(self.directory / "points" / point.directory)

    def write(self, created: str | None) -> None:
        """Write `plan.json`, whole; `created` is when the plan was made first."""
        write_json(
            self.directory / "plan.json",
            {
                "name": self.name,
                "created": created,
                "dlscan": dlscan.__version__,
                "git_commit": self.git_commit,
                "dataset": self.dataset,
                **({} if self.domain is None else {"domain": self.domain}),
                "varied": list(self.varied),
                "points": [dataclasses.asdict(point) for point in self.points],
                "config": self.config,
                "written": self.written,
                "older": list(self.older),
                "sources": {
                    path: {"sha256": source.sha256, "text": source.text}
                    for path, source in self.sources.items()
                },
                # plans of grids have none
                **({"proposals": list(map(dataclasses.asdict, self.proposals))} if self.proposals else {}),
                **(
                    {"origins": {place: origin.plain() for place, origin in self.origins.items()}}
                    if self.origins
                    else {}
                ),
            },
        )
