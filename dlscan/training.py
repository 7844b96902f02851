"""Train in this process: what `dlscan train` and `dlscan.train` call."""

import dataclasses
import math
import os
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlscan.analysis.points.done import DonePoint
from dlscan.backend import choose_backend
from dlscan.config import BatchOptions, Experiment, experiment_from, load
from dlscan.dataset import Manifest, fits
from dlscan.dataset.other_domain import require_domain
from dlscan.errors import DlscanError, PointsFailed
from dlscan.origins import require_origins
from dlscan.record import PointPaths, is_done
from dlscan.scan import Plan, Point, expand, freeze, halving
from dlscan.scan.changes import require_planned
from dlscan.scan.changing import PlanBusy
from dlscan.scan.point_files import make_point
from dlscan.scan.pull import pull, pulling
from dlscan.scan.sources import note_changes
from dlscan.train.info import Outcome, PointInfo, Progress, Rungs
from dlscan.train.interruption import Interruption
from dlscan.train.nodes import joined
from dlscan.train.points import train_points
from dlscan.trees import read_forest

if TYPE_CHECKING:
    import pandas as pd

    from dlscan.analysis.points.results import Predictions

# a job goes on if there is so much more time than its last points took
_RESERVE = 1.3
# seconds that a job waits at least for results that its search needs, and between two looks
_LEAST_WAIT, _LOOK_AGAIN = 60.0, 5.0


@dataclasses.dataclass(frozen=True, repr=False)
class TrainedPoint(DonePoint):
    """A finished point, and what is in its files.

    Attributes
    ----------
    own : bool
        Whether it is of an experiment of the caller, whose files with layers may be run.
    """

    own: bool = dataclasses.field(default=False, compare=False)

    @classmethod
    def of(cls, point: DonePoint, own: bool = False) -> "TrainedPoint":
        """The same point; what was the caller's own stays so."""
        known = {field.name: getattr(point, field.name) for field in dataclasses.fields(point)}
        return cls(**{**known, "own": own or known.get("own", False)})

    @property
    def history(self) -> "pd.DataFrame":
        """A row per epoch: `epoch`, `loss`, `val_loss` and more of its `history.csv`."""
        import pandas as pd

        from dlscan.analysis.points import results

        return pd.DataFrame(results.history(self)).astype({results.EPOCH: int})

    def predictions(self, split: str = "test") -> "Predictions":
        """What the network gives for the events of a split: `.labels` (N,), `.classes` and more.

        Of a classification `.scores` (N, C); of a regression `.predictions` and `.targets` (N, T), `.names`.
        """
        from dlscan.analysis.points import results

        return results.predictions(self, split)

    def model(self, trust_files: bool = False) -> Any:
        """The network as a Keras model that takes raw events; loads Keras.

        With layers that a file of somebody else defines it is loaded only with `trust_files`, which may run
        that file. For boosted trees a `dlscan.trees.Forest`, without Keras: its `scores` takes raw events.
        """
        file = self.record.model_file(self.paths)
        self.record.require_whole(file)
        if file == self.paths.trees:
            return read_forest(file)[0]
        from dlscan.models.saved import read_network

        return read_network(file, self.record.sources, trust_files or self.own)

    def __repr__(self) -> str:
        return f"{self.record.name} in {self.paths.directory}: .record .history .predictions() .model()"


def train(
    experiment: str | os.PathLike[str] | Mapping[str, Any], directory: str | os.PathLike[str]
) -> TrainedPoint:
    """Train the network of an experiment in this process: see `dlscan.train`."""
    # not for the jobs of a scan, which call `train_planned` alone and are to start at once
    from dlscan.analysis.points import records
    from dlscan.prepare import prepare

    home = Path(directory).resolve()
    loaded = _loaded(experiment, home)
    choose_backend()
    other = loaded.other_domain
    needed = [each.data.prepared for each in (loaded, other) if each is not None]
    if not all((each / "manifest.json").exists() for each in needed):
        prepare(loaded, processes=1)
    manifest = Manifest.of(loaded)
    fits.require(manifest, loaded)
    fits.require_transport(manifest, loaded)
    fits.require_families(manifest, loaded)
    is_planned = (home / "plan.json").exists()
    require_origins(loaded, manifest, Plan.read(home).origins if is_planned else ())
    require_domain(loaded, manifest)
    # a network that is there trains on if it is to have more epochs
    plan = freeze(loaded, manifest.config_hash, extend=True)
    (outcome,) = train_planned(plan, plan.points).values()
    if outcome != "done":
        raise PointsFailed(f"{home}: {_WHY[outcome]}")
    (point,) = records.load([home])
    return TrainedPoint.of(point, own=True)


_WHY = {
    "preempted": "a signal stopped the training; the same call again continues it",
    "timeout": "train.time_limit is over; the same call again continues the training",
    "held": "another process is training there; wait until it has finished",
}


def train_planned(plan: Plan, points: Sequence[Point], on_step: Progress | None = None) -> dict[int, Outcome]:
    """Train points of a plan together; arguments and errors as for `dlscan.train.points.train_points`."""
    note_changes(plan, points)
    rungs = _rungs(plan)
    return train_points([(plan.paths(point), _info(plan, point, rungs)) for point in points], on_step)


def _rungs(plan: Plan) -> Rungs | None:
    epochs = halving.rungs(plan)

    def latest() -> Plan:
        # it may have grown since
        return Plan.read(plan.directory)

    def waiting() -> list[tuple[PointPaths, PointInfo]]:
        now = latest()
        return [(now.paths(point), _info(now, point, found)) for point in halving.waiting(now)]

    rule = plan.experiment.scan.halving
    racing = rule is not None and rule.racing
    found = Rungs(epochs, lambda: halving.standing(latest()).promoted, waiting, racing)
    return found if epochs else None


def train_job(plan: Plan, points: Sequence[Point], on_step: Progress | None = None) -> dict[int, Outcome]:
    """Train points of a plan, and then those that its search proposes, if the job is to pull and has time.

    Arguments and errors as for `train_planned`; a point that fails does not end it, but a job in which none
    is done does not go on: it would spend the budget.
    """
    with joined() as nodes:
        if nodes.follows:
            from dlscan.train.follow import follow

            follow(lambda number: (plan.paths(plan.point(number)), _info(plan, plan.point(number))), nodes)
        return _train_job(plan, points, on_step)
    return {}


def _train_job(plan: Plan, points: Sequence[Point], on_step: Progress | None) -> dict[int, Outcome]:
    started, many, outcomes = time.monotonic(), len(points), dict[int, Outcome]()
    batch, trouble = pulling(plan, points), None
    while points:
        began = time.monotonic()
        try:
            outcomes |= train_planned(plan, points, on_step)
        except DlscanError as error:
            if batch is None:
                raise
            trouble = trouble or error
        took = time.monotonic() - began
        stopped = {"preempted", "timeout"} & {outcomes.get(point.number) for point in points}
        done = any(outcomes.get(p.number) in ("held", "paused") or is_done(plan.paths(p)) for p in points)
        if batch is None or stopped or not done or not _has_time(plan, batch, started, took):
            break
        plan, points = _pulled(plan, batch, many, took)
    if trouble is not None:
        raise trouble
    return outcomes


def _has_time(plan: Plan, batch: BatchOptions, started: float, needed: float) -> bool:
    """Whether a job that has run since `started` can train once more what takes so many seconds."""
    limits = [batch.time, plan.experiment.train.time_limit]
    limit = min((each for each in limits if each is not None), default=math.inf)
    return time.monotonic() - started + _RESERVE * needed < limit


def _pulled(plan: Plan, batch: BatchOptions, many: int, took: float) -> tuple[Plan, list[Point]]:
    """What the search proposes; if it waits for points that others train, so does this, for about as long."""
    until = time.monotonic() + max(took, _LEAST_WAIT)
    with Interruption() as interruption:
        while True:
            try:
                plan, points, later = pull(plan, batch, many)
            except PlanBusy:
                points, later = [], True
            if points or not later or interruption.signal or time.monotonic() > until:
                return plan, [] if interruption.signal else points
            time.sleep(_LOOK_AGAIN)


def _info(plan: Plan, point: Point, rungs: Rungs | None = None) -> PointInfo:
    return PointInfo(
        point.number,
        point.name,
        plan.name,
        plan.varied,
        plan.dataset,
        plan.git_commit,
        # the scan's own seed orders the events of all its points: repeats can share a stream
        plan.order_seed,
        partial(require_planned, plan, point),
        plan.sources,
        rungs,
        plan.origins,
    )


def _loaded(experiment: str | os.PathLike[str] | Mapping[str, Any], home: Path) -> Experiment:
    """The experiment as a scan of one point that lives in `home`."""
    if isinstance(experiment, Mapping):
        # relative paths are those of whoever calls
        loaded = experiment_from({"name": home.name, **experiment}, Path("experiment"))
    else:
        loaded = load(Path(experiment))
    loaded = dataclasses.replace(loaded, name=home.name, output=home.parent)
    first, *others = expand(loaded)
    if others:
        raise loaded.problem(
            "scan",
            f"has {len(others) + 1} points, but dlscan.train trains one network; leave `scan` out, or run "
            "`dlscan scan`",
        )
    if isinstance(experiment, Mapping):
        # messages name the file that commands can be given
        paths = PointPaths(home / "points" / first.directory)
        make_point(paths, first, loaded)
        loaded = dataclasses.replace(loaded, file=paths.config)
    return loaded
