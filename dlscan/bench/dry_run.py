"""What a scan would do: its points, the commands and the script of its jobs, and how long they take."""

import dataclasses
from collections.abc import Collection, Sequence

from dlscan.batch import Request, system
from dlscan.bench.forecast import Forecast, forecast
from dlscan.config import BatchOptions, Experiment
from dlscan.dataset import Manifest
from dlscan.errors import BatchError
from dlscan.scan import Listener, Plan, Point, draft, find_work
from dlscan.scan.devices import require_devices
from dlscan.scan.foreseen import Foreseen, foreseen
from dlscan.scan.known import require_known, space_of, trials_elsewhere
from dlscan.scan.nodes import require_nodes
from dlscan.scan.objective import targets_of
from dlscan.scan.run import require_backend
from dlscan.scan.submissions import Submissions


@dataclasses.dataclass(frozen=True)
class DryRun:
    """What a scan would do.

    Attributes
    ----------
    plan : Plan
        As it would be frozen.
    points : list of Point
        Those that would be trained.
    commands : list of list of str
        For each of them, the command of its job.
    script : str
        Of the jobs; empty on this machine.
    refusal : str
        Why the batch system would refuse them; empty if nothing is known.
    forecast : Forecast
        The jobs, and how long they take.
    foreseen : Foreseen or None
        What a search will propose beyond these points.
    """

    plan: Plan
    points: list[Point]
    commands: list[list[str]]
    script: str
    refusal: str
    forecast: Forecast
    foreseen: Foreseen | None


def dry_run(
    experiment: Experiment,
    batch: BatchOptions,
    listener: Listener,
    retry: Collection[str] = (),
    extend: bool = False,
    narrow: bool = False,
    wait: bool = False,
) -> DryRun:
    """Find what `dlscan.scan.run` would do, with arguments and errors as there; writes nothing."""
    if batch.system == "local":
        require_backend(experiment)
    plan, manifest = draft(experiment, extend, narrow)
    require_devices(experiment, batch)
    require_nodes(experiment, batch, manifest)
    if manifest is not None:
        _require_search(experiment, plan, manifest)
    listener.planned(plan)
    points = find_work(plan, batch, manifest, listener.line, retry).points
    found = forecast(experiment, plan, points)
    jobs = {point.number: pack for pack in found.packs for point in pack}
    commands = [_command(plan, jobs[point.number]) for point in points]
    more = foreseen(plan, batch, stays=batch.system == "local" or wait or batch.pull)
    script = refusal = ""
    if batch.system != "local" and (points or more):
        try:
            system(batch).check(batch)
        except BatchError as error:
            refusal = str(error)
        script = _script(experiment, batch, plan, found) if points else ""
    return DryRun(plan, points, commands, script, refusal, found, more)


def _require_search(experiment: Experiment, plan: Plan, manifest: Manifest) -> None:
    """Check what a search is made better by, and what it is to know from the start."""
    if experiment.scan.search is None:
        return
    targets = targets_of(experiment, manifest.classes)
    require_known(experiment)
    if experiment.scan.search.known is not None:
        there = dataclasses.replace(plan, dataset=manifest.config_hash)
        trials_elsewhere(experiment.scan.search.known, there, space_of(experiment), targets)


def _command(plan: Plan, points: Sequence[Point]) -> list[str]:
    """As a person would type it."""
    numbers = [str(point.number) for point in points]
    return ["dlscan", "train", str(plan.directory), "--point", *numbers]


def _script(experiment: Experiment, batch: BatchOptions, plan: Plan, found: Forecast) -> str:
    packs = tuple(tuple(point.number for point in pack) for pack in found.packs)
    number, directory = Submissions(plan.directory).next_place()
    names = {point.number: point.directory for pack in found.packs for point in pack}
    tag = f"dlscan-dry-run-{number}"
    request = Request(tag, plan.directory, directory, packs, batch, names, experiment.data.prepared)
    return system(batch).script(request)
