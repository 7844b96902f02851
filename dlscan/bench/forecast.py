"""What a scan would do: its jobs, and how long they take. Keras is loaded by the process of a trial alone."""

import dataclasses
import logging
from collections.abc import Sequence

from dlscan.bench.trial import trial
from dlscan.clock import duration
from dlscan.config import Experiment
from dlscan.dataset import Manifest, fits
from dlscan.errors import DlscanError
from dlscan.scan.costs import is_of_trees
from dlscan.scan.estimate import estimate, known_speed, trial_file
from dlscan.scan.packs import pack
from dlscan.scan.plan import Plan
from dlscan.scan.resources import Resources, find_resources
from dlscan.scan.space import Point
from dlscan.scan.speed import Speed, Trial

log = logging.getLogger("dlscan")


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
        For each point, by jobs: its directory, the number of its job here, and, where there is an estimate,
        how long it would take alone.
    sentence : str
        The estimate in words, or why there is none.
    """

    packs: list[tuple[Point, ...]]
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    sentence: str


def forecast(experiment: Experiment, plan: Plan, points: Sequence[Point]) -> Forecast:
    """What training these points takes at most.

    It is told from finished points, else from the scan's trial, else from one that is made now and not kept.
    Where there is no dataset, or a trial fails, the sentence says so.

    Parameters
    ----------
    experiment : Experiment
        Of the scan.
    plan : Plan
        It need not be on disk.
    points : sequence of Point
        Those that would be trained.

    Raises
    ------
    ConfigError
        If the dataset does not fit the experiment.
    """
    batch, resources = experiment.batch, find_resources(experiment.batch)
    if not points:
        return _listed([], None, "Nothing is left to train.")
    try:
        manifest = Manifest.of(experiment)
    except DlscanError as error:
        return _listed(pack(plan, points, batch, resources=resources), None, f"No estimate: {error}")
    # what `scan` would refuse is refused here
    fits.require(manifest, experiment)
    fits.require_transport(manifest, experiment)
    fits.require_families(manifest, experiment)
    try:
        speed, source = _measured(experiment, plan, points, manifest, resources)
    except DlscanError as error:
        return _listed(
            pack(plan, points, batch, manifest, resources=resources), None, f"No estimate: {error}"
        )
    # as `scan` would, which makes a trial for `auto` alone
    packs = pack(plan, points, batch, manifest, speed if batch.models_per_job == "auto" else None, resources)
    found = estimate(plan, packs, manifest, speed, resources.slots)
    return _listed(packs, found.alone, found.sentence(source, _may_stop(experiment, points)))


def _may_stop(experiment: Experiment, points: Sequence[Point]) -> bool:
    """Whether early stopping may end some of these points."""
    varied = any(key.startswith("train.early_stopping") for point in points for key in point.params)
    return varied or experiment.train.early_stopping is not None


def rehearse(experiment: Experiment, plan: Plan, points: Sequence[Point]) -> Trial | None:
    """Make the trial by which `models_per_job: auto` packs, and keep it in the scan.

    None where it is not needed: with another `models_per_job`, with a single network, where a speed is known
    already, and where jobs train on another kind of device than there is here. None too, with a warning,
    where the trial fails: points can be trained all the same.

    Raises
    ------
    DataError
        If there is no dataset.
    """
    if experiment.batch.models_per_job != "auto" or len(networks(plan, points)) < 2:
        return None
    resources = find_resources(experiment.batch)
    manifest = Manifest.of(experiment)
    if known_speed(plan, manifest, resources) is not None or not resources.here:
        return None
    try:
        found = trial(experiment, networks(plan, points))
    except DlscanError as error:
        log.warning("%s; points are packed using the speed of a typical machine", error)
        return None
    found.write(trial_file(plan))
    return found


def _measured(
    experiment: Experiment, plan: Plan, points: Sequence[Point], manifest: Manifest, resources: Resources
) -> tuple[Speed, str]:
    known = known_speed(plan, manifest, resources)
    if known is not None:
        return known
    guess, own = Speed.guess(resources.accelerated, manifest), networks(plan, points)
    if not own:
        return guess, "the speed of a typical machine"
    if not resources.here:
        return guess, "the speed of a typical GPU, because this machine has none to try"
    tried = trial(experiment, own)
    return tried.speed, tried.source


def networks(plan: Plan, points: Sequence[Point]) -> list[Point]:
    """Those of the points that are networks: of others, a trial of a second tells nothing."""
    return [point for point in points if not is_of_trees(plan, point)]


def _listed(packs: Sequence[tuple[Point, ...]], alone: Sequence[float] | None, sentence: str) -> Forecast:
    rows: list[tuple[str, ...]] = [
        (point.directory, str(job)) for job, points in enumerate(packs, 1) for point in points
    ]
    if alone is None:
        return Forecast(list(packs), ("Point", "Job"), rows, sentence)
    times = [(*row, duration(seconds)) for row, seconds in zip(rows, alone, strict=True)]
    return Forecast(list(packs), ("Point", "Job", "Alone"), times, sentence)
