"""What a scan would do: its jobs, and how long they take. Keras is loaded by the process of a trial alone."""

import dataclasses
from collections.abc import Sequence

from dlscan.bench.trial import trial
from dlscan.config import Experiment
from dlscan.dataset import Manifest
from dlscan.errors import DlscanError
from dlscan.scan.estimate import duration, estimate, finished, fitted
from dlscan.scan.packs import pack
from dlscan.scan.plan import Plan
from dlscan.scan.room import Room, find_room
from dlscan.scan.space import Point
from dlscan.scan.speed import Speed


@dataclasses.dataclass(frozen=True)
class Forecast:
    """The jobs of a scan and an estimate.

    Attributes
    ----------
    packs : list of tuple of Point
        The points of each job.
    header : tuple of str
        Of the rows.
    rows : list of tuple of str
        For each point, in the order of jobs: its directory, the number of its job here, and, where there is an
        estimate, how long it would take alone.
    sentence : str
        The estimate in words, or why there is none.
    """

    packs: list[tuple[Point, ...]]
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    sentence: str


def forecast(experiment: Experiment, plan: Plan, points: Sequence[Point]) -> Forecast:
    """What training these points would take; measures for a while if there is no finished point to learn from.

    Parameters
    ----------
    experiment : Experiment
        Of the scan; where there is no dataset, or a trial fails, the estimate is left out.
    plan : Plan
        It need not be on disk.
    points : sequence of Point
        Those that would be trained.
    """
    room = find_room(experiment.batch)
    manifest = None
    try:
        manifest = Manifest.read(experiment.data.prepared)
        manifest.require(experiment)
        speed, source = measured(experiment, plan, points, manifest, room)
    except DlscanError as error:
        packs = pack(plan, points, experiment.batch, manifest, room=room)
        return _listed(packs, None, f"No estimate: {error}")
    packs = pack(plan, points, experiment.batch, manifest, speed, room)
    if not packs:
        return _listed(packs, None, "Nothing is left to train.")
    found = estimate(plan, packs, manifest, speed, room.slots)
    return _listed(packs, found.alone, found.sentence(source))


def measured(
    experiment: Experiment, plan: Plan, points: Sequence[Point], manifest: Manifest, room: Room
) -> tuple[Speed, str]:
    """How fast points are trained, and where that is known from.

    Finished points of the plan count more than a trial here, which may not be where jobs run.

    Raises
    ------
    DlscanError
        If a trial fails.
    """
    guess = Speed.guess(room.accelerated, manifest)
    observed = finished(plan, manifest)
    if observed:
        done = sum(len(seen.costs) for seen in observed)
        return fitted(guess, observed), f"{done} finished point{'' if done == 1 else 's'}"
    if room.accelerated and not room.seen:
        return guess, "figures of a middling GPU, as there is none here to try"
    tried = trial(experiment, points)
    return tried.speed, f"a trial of {duration(tried.seconds)} on {tried.device}"


def _listed(packs: Sequence[tuple[Point, ...]], alone: Sequence[float] | None, sentence: str) -> Forecast:
    rows = [(point.directory, str(job)) for job, points in enumerate(packs, 1) for point in points]
    header: tuple[str, ...] = ("Point", "Job")
    if alone is not None:
        header = (*header, "Alone")
        rows = [(*row, duration(seconds)) for row, seconds in zip(rows, alone, strict=True)]
    return Forecast(list(packs), header, list(rows), sentence)
