"""What `dlscan scan` does, from an experiment to points that are trained or submitted."""

import contextlib
import dataclasses
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Protocol

from dlscan.backend import choose_backend
from dlscan.batch import system
from dlscan.config import BatchOptions, Experiment
from dlscan.dataset import Manifest, fits
from dlscan.dataset.other_domain import require_domain
from dlscan.errors import BatchError
from dlscan.origins import require_origins
from dlscan.point_state import SETTLED
from dlscan.scan import local
from dlscan.scan.changing import PlanBusy
from dlscan.scan.devices import require_devices
from dlscan.scan.freeze import freeze
from dlscan.scan.halving import waiting
from dlscan.scan.known import require_known
from dlscan.scan.nodes import require_nodes
from dlscan.scan.objective import targets_of
from dlscan.scan.packs import pack
from dlscan.scan.plan import Plan
from dlscan.scan.searcher import Searcher
from dlscan.scan.space import Point
from dlscan.scan.status import PointStatus, settle
from dlscan.scan.submissions import Submissions
from dlscan.scan.submit import Say, Submitted, reconcile, submit, submitting
from dlscan.scan.wait import watch
from dlscan.scan.work import Work, find_work
from dlscan.spelling import agree, counted


class Listener(local.TrainingListener, Protocol):
    """Who is told how `run` goes on."""

    def planned(self, plan: Plan) -> None:
        """Take note of the plan."""

    def training(self, plan: Plan, work: Work, slots: int) -> AbstractContextManager[object]:
        """Be there while processes of this machine train, `slots` at a time."""

    def submitted(self, plan: Plan, work: Work, submitted: Submitted) -> None:
        """Take note of what a batch system got."""

    def waiting(self, submitted: Submitted) -> AbstractContextManager[object]:
        """Be there while the batch system's jobs run; `watched` has the states meanwhile."""

    def watched(self, statuses: Sequence[PointStatus]) -> None:
        """Take note of the states of all points at one look."""


@dataclasses.dataclass(frozen=True)
class ScanResult:
    """What `run` did.

    Attributes
    ----------
    plan : Plan
        Of the scan.
    work : Work
        What was to be done.
    submitted : Submitted or None
        What a batch system got; None if this machine trained.
    statuses : list of PointStatus or None
        Of every point in the end; None if the jobs were not waited for.
    pulls : bool
        Whether jobs with time left ask a search for more points.
    """

    plan: Plan
    work: Work
    submitted: Submitted | None
    statuses: list[PointStatus] | None
    pulls: bool = False


def run(
    experiment: Experiment,
    batch: BatchOptions,
    listener: Listener,
    *,
    retry: Collection[str] = (),
    extend: bool = False,
    narrow: bool = False,
    wait: bool = False,
    rehearse: Callable[[Plan, Sequence[Point]], object] = lambda plan, points: None,
) -> ScanResult:
    """Train every point of a scan that is not done: here, or by a batch system.

    Parameters
    ----------
    experiment : Experiment
        With the scan.
    batch : BatchOptions
        Where and how it runs.
    listener : Listener
        Is told how it goes on.
    retry : collection of str
        States whose points are tried again however often they crashed.
    extend : bool
        Let the scan have more points or epochs than its plan.
    narrow : bool
        Let a search go on in a narrower space.
    wait : bool
        Stay until the batch system's jobs have ended.
    rehearse : callable
        Gets the plan and its points to train before they are packed, to measure what packs are made by.

    Raises
    ------
    DataError
        If the dataset is not prepared, or for another experiment; if a target of a regression is not finite
        for some event, or the same for all.
    BatchError
        If the batch system is not there or cannot do what is asked.
    ScanError
        If the plan that is there is of another experiment, or another process submits jobs of this scan.
    """
    plan, manifest = begin(experiment, batch, listener, extend, narrow)
    local_ = batch.system == "local"
    searcher = Searcher.of(plan, experiment, batch, manifest, stays=local_ or wait or batch.pull)

    def found() -> Work:
        return find_work(plan, batch, manifest, listener.line, retry, rehearse)

    statuses: list[PointStatus] | None = None
    with submitting(plan):
        reconcile(plan, listener.line)
        if searcher is not None:
            searcher.fill()
            plan = searcher.plan
        work = found()
        if settle(plan, work.statuses, listener.line):
            # what was written down counts as a crash
            work = found()
        submitted = None if local_ else submit(plan, work.packs, batch)
    if submitted is None:
        more = None if searcher is None else partial(_for_slots, searcher, batch, manifest)
        with listener.training(plan, work, local.local_slots(batch, len(work.packs))):
            statuses = local.run_local(plan, work.packs, batch, listener, more)
        return ScanResult(plan if searcher is None else searcher.plan, work, None, statuses)
    listener.submitted(plan, work, submitted)
    if wait and (submitted.ids or work.under_way):
        owed = False  # points are proposed, and their jobs not submitted yet
        submissions = Submissions(plan.directory)
        told = submissions.cancelled()

        def further(states: Sequence[PointStatus]) -> Plan | None:
            """Submit what the search proposes; the plan with it, None if that is nothing."""
            nonlocal owed
            open_ones = {status.point.number for status in states if status.state not in SETTLED}
            cancelled = (submissions.cancelled() & open_ones) - told if open_ones else set()
            _say_cancelled(cancelled, listener.line)
            told.update(cancelled)
            if searcher is None or not (owed or searcher.has_room(states)):
                return None
            # what a try that came to nothing has said need not be said again
            say: Say = (lambda text: None) if owed else listener.line
            with submitting(plan):
                if owed:
                    reconcile(searcher.plan, say)
                owed = bool(searcher.fill()) or owed
                if not owed:
                    return None
                without = submissions.cancelled()
                again = find_work(searcher.plan, batch, manifest, say, retry, rehearse, without)
                more = submit(searcher.plan, again.packs, batch)
                owed = more.unknown
            if more.unknown:
                raise BatchError(more.refusal)
            if more.refusal:
                listener.line(more.refusal)
            return searcher.plan

        with listener.waiting(submitted):
            for statuses in watch(plan, listener.line, further=further):
                listener.watched(statuses)
    return ScanResult(plan if searcher is None else searcher.plan, work, submitted, statuses, batch.pull)


def _say_cancelled(numbers: Collection[int], say: Say) -> None:
    """Say which points are left alone from now on."""
    if numbers:
        were = f"{counted(len(numbers), 'point')} {agree(len(numbers), 'was', 'were')} cancelled"
        say(
            f"{were} ({', '.join(map(str, sorted(numbers)))}); this command does not submit "
            f"{agree(len(numbers), 'it', 'them')} again, run it anew to continue"
        )


def _for_slots(
    searcher: Searcher, batch: BatchOptions, manifest: Manifest, free: int
) -> tuple[Plan, Sequence[tuple[Point, ...]]]:
    """What a search proposes for so many processes of this machine."""
    points: Sequence[Point] = []
    # who finds the plan busy asks again when the next process ends, or a little later
    with contextlib.suppress(PlanBusy):
        if not searcher.over:
            points = searcher.more(jobs=free)
            proposals = searcher.plan.proposals
            if searcher.over and proposals and not proposals[-1].points:
                # it ended before its budget: perhaps no process is left to see who is the best now
                points = waiting(searcher.plan)
    return searcher.plan, pack(searcher.plan, points, batch, manifest) if points else []


def begin(
    experiment: Experiment,
    batch: BatchOptions,
    listener: Listener,
    extend: bool = False,
    narrow: bool = False,
) -> tuple[Plan, Manifest]:
    """Check that a scan can run, and freeze its plan; arguments and errors as for `run`.

    Returns
    -------
    (Plan, Manifest)
        The plan, and its dataset.
    """
    if batch.system == "local":
        require_backend(experiment)  # elsewhere a container may have it
    manifest = Manifest.of(experiment)
    fits.require(manifest, experiment)
    fits.require_transport(manifest, experiment)
    fits.require_families(manifest, experiment)
    require_devices(experiment, batch)
    require_nodes(experiment, batch, manifest)
    is_planned = (experiment.directory / "plan.json").exists()
    require_origins(experiment, manifest, Plan.read(experiment.directory).origins if is_planned else ())
    require_domain(experiment, manifest)
    if batch.system != "local":
        system(batch).check(batch)
    if not is_planned:
        # these load numpy, which `dlscan status` does not wait for
        from dlscan import tasks
        from dlscan.stream.standards import standards

        # each job measures them again: what cannot be learned is to be said before the first is submitted
        standards(experiment, tasks.of(experiment, manifest.classes), manifest.config_hash)
    if experiment.scan.search is not None:
        targets_of(experiment, manifest.classes)
        require_known(experiment)
    plan = freeze(experiment, manifest.config_hash, extend, narrow)
    listener.planned(plan)
    return plan, manifest


def require_backend(experiment: Experiment) -> None:
    """Check that there is a back end, and that it can divide networks if that is asked for."""
    name = choose_backend()
    divides = any(point.train.parallel == "model" for point in experiment.combinations.examples)
    if divides and name != "jax":
        raise experiment.problem(
            "train.parallel", f"model works on JAX alone, and the back end is {name}; set KERAS_BACKEND=jax"
        )
