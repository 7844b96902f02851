"""How long a scan takes, before it is run: arithmetic on what was measured."""

import dataclasses
import heapq
import statistics
from collections import defaultdict
from collections.abc import Hashable, Sequence
from pathlib import Path

from dlscan.attempts import Attempt, last_attempt
from dlscan.clock import duration
from dlscan.dataset import Manifest
from dlscan.errors import DlscanError
from dlscan.many import each
from dlscan.record import Record
from dlscan.scan.costs import Cost, costs_of, is_of_trees
from dlscan.scan.plan import Plan
from dlscan.scan.resources import Resources
from dlscan.scan.space import Point
from dlscan.scan.speed import Speed, Trial
from dlscan.spelling import counted

# Two networks tell what depends on their size if the larger one computes so much more.
_APART = 1.5


@dataclasses.dataclass(frozen=True)
class Observed:
    """What an epoch of points took that trained together.

    Attributes
    ----------
    costs : tuple of Cost
        Of the points.
    epoch : float
        Seconds.
    beside : float or None
        Seconds of their job beside training.
    """

    costs: tuple[Cost, ...]
    epoch: float
    beside: float | None


@dataclasses.dataclass(frozen=True)
class TimeEstimate:
    """How long points take.

    Attributes
    ----------
    alone : tuple of float
        Seconds of each point, in a job of its own.
    jobs : tuple of float
        Seconds of each job.
    wall, wall_alone : float
        Seconds until all are done, with these jobs and with a job for each point.
    slots : int or None
        Jobs at once, where that is known.
    """

    alone: tuple[float, ...]
    jobs: tuple[float, ...]
    wall: float
    wall_alone: float
    slots: int | None

    @property
    def total(self) -> float:
        """Seconds of all jobs."""
        return sum(self.jobs)

    @property
    def saved(self) -> float:
        """Share of the seconds of jobs that packing saves."""
        return 1 - self.total / sum(self.alone)

    def sentence(self, source: str, stops: bool) -> str:
        """The estimate in words.

        Parameters
        ----------
        source : str
            What it rests on.
        stops : bool
            Whether early stopping may end points.
        """
        count, jobs = len(self.alone), len(self.jobs)
        each = "all at once" if self.slots is None or self.slots >= jobs else f"{self.slots} at a time"
        text = f"{counted(count, 'point')} in {counted(jobs, 'job')}, {each}: at most {duration(self.wall)}"
        if jobs > 1:
            text += f", {duration(self.total)} of job time"
        if jobs < count:
            saved = f"{100 * self.saved:.0f} % of that" if self.saved > 0 else "none of it"
            text += (
                f". With one point per job: {duration(self.wall_alone)}, {duration(sum(self.alone))} of "
                "job time; "
            )
            text += f"packing saves {saved}"
        sooner = "; early stopping ends points sooner" if stops else ""
        return f"{text}. Estimated from {source}{sooner}."


def estimate(
    plan: Plan, packs: Sequence[Sequence[Point]], manifest: Manifest, speed: Speed, slots: int | None = None
) -> TimeEstimate:
    """How long the points of `packs` take.

    Parameters
    ----------
    plan : Plan
        Of the scan.
    packs : sequence of sequence of Point
        The points of each job, in the order of their start.
    manifest : Manifest
        Of the dataset.
    speed : Speed
        As measured.
    slots : int, optional
        Jobs that run at once; any number by default.
    """
    found = iter(costs_of(plan, [point for points in packs for point in points], manifest))
    costs = [[next(found)[1] for _ in points] for points in packs]
    jobs = tuple(speed.job(members) for members in costs)
    alone = tuple(speed.job([member]) for members in costs for member in members)
    return TimeEstimate(alone, jobs, _wall(jobs, slots), _wall(alone, slots), slots)


def known_speed(plan: Plan, manifest: Manifest | None, resources: Resources) -> tuple[Speed, str] | None:
    """How fast the points of a plan are trained, and where that is known from; None if nothing is known yet.

    Finished points count more than a trial, which may have been made elsewhere than where jobs run.
    """
    if manifest is None:
        return None
    observed = finished(plan, manifest)
    # of networks, finished trees tell nothing
    networks = any(not is_of_trees(plan, point) for point in plan.points)
    if any(not (networks and seen.costs[0].round) for seen in observed):
        done = counted(sum(len(seen.costs) for seen in observed), "finished point")
        return fitted(Speed.guess(resources.accelerated, manifest), observed), done
    trial = Trial.read(trial_file(plan))
    if trial and (trial.dataset, trial.accelerated) == (manifest.config_hash, resources.accelerated):
        return fitted(trial.speed, observed), trial.source
    return None


def trial_file(plan: Plan) -> Path:
    """Where the trial of a scan is kept."""
    return plan.directory / "trial.json"


def finished(plan: Plan, manifest: Manifest) -> list[Observed]:
    """What the epochs of the plan's finished points took."""

    def read(point: Point) -> tuple[Record, Attempt | None] | None:
        paths = plan.paths(point)
        try:
            return Record.read(paths.record), last_attempt(paths)
        except (DlscanError, FileNotFoundError):
            return None  # not done, or not to be read: `status` says so

    done: list[tuple[Point, Record, Hashable]] = []
    for point, found in zip(plan.points, each(read, plan.points), strict=True):
        if found is None:
            continue
        record, attempt = found
        if record.dataset.get("config_hash") == manifest.config_hash:
            # points of a pack have been trained by one process
            process = None if attempt is None else attempt.process
            key: Hashable = (process, record.pack) if record.pack > 1 else point.number
            done.append((point, record, key))
    costs = [cost for _, cost in costs_of(plan, [point for point, *_ in done], manifest)]
    groups: dict[Hashable, list[tuple[Cost, Record]]] = defaultdict(list)
    for (_, record, key), cost in zip(done, costs, strict=True):
        groups[key].append((cost, record))
    return [
        Observed(
            tuple(member for member, _ in group),
            statistics.median(record.seconds_per_epoch for _, record in group),
            _sum([record.beside_seconds for _, record in group]),
        )
        for group in groups.values()
        # those that are missing have cost time too
        if len(group) == group[0][1].pack
    ]


def fitted(speed: Speed, observed: Sequence[Observed]) -> Speed:
    """A speed brought to agree with what was observed.

    What depends on the size of a network and what does not are scaled apart if the observed ones differ
    enough, else together.
    """
    rounds = [seen.epoch / seen.costs[0].round for seen in observed if seen.costs[0].round]
    speed = dataclasses.replace(speed, trees=statistics.median(rounds or [speed.trees]))
    observed = [seen for seen in observed if not seen.costs[0].round]
    if not observed:
        return speed
    import numpy as np  # here, because `dlscan status` has no need of it and is to start at once

    epochs = np.array([seen.epoch for seen in observed])
    still = dataclasses.replace(speed, rate=0.0)
    fixed = np.array([still.epoch(seen.costs) for seen in observed])
    whole = np.array([speed.epoch(seen.costs) for seen in observed])
    computing = np.maximum(whole - fixed, 0.0)
    factors = np.full(2, np.median(epochs / whole))
    ratios = computing / fixed
    if ratios.max() > _APART * ratios.min():
        # relative deviations count: a small network is to be as right as a large one
        both = np.stack([fixed, computing], axis=1) / epochs[:, None]
        apart = np.linalg.lstsq(both, np.ones(len(epochs)), rcond=None)[0]
        factors = apart if (apart > 0).all() else factors
    steady, growing = map(float, factors)
    beside = [
        seen.beside / (speed.startup + len(seen.costs) * speed.setup)
        for seen in observed
        if seen.beside is not None
    ]
    start = statistics.median(beside) if beside else 1.0
    return dataclasses.replace(
        speed,
        stream=speed.stream / steady,
        step=speed.step * steady,
        network=speed.network * steady,
        rate=speed.rate * growing,
        startup=speed.startup * start,
        setup=speed.setup * start,
    )


def _wall(jobs: Sequence[float], slots: int | None) -> float:
    """Seconds until the last job has ended, if each starts as soon as there is a slot for it."""
    free = [0.0] * min(len(jobs), slots or len(jobs))
    for seconds in jobs:
        heapq.heappush(free, heapq.heappop(free) + seconds)
    return max(free)


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
