"""Fit the networks of a pack, judge them, and leave their records."""

import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence

from dlscan import tasks
from dlscan.dataset import Manifest
from dlscan.errors import DataError, DlscanError
from dlscan.models import prepare_device
from dlscan.tasks import Standards
from dlscan.train.evaluate import evaluate
from dlscan.train.info import Outcome, PointInfo, Progress
from dlscan.train.interruption import Interruption
from dlscan.train.loop import Loop, Stopped
from dlscan.train.member import Member
from dlscan.train.scorers import NetworkScorer
from dlscan.train.scores import score_files
from dlscan.train.standards import standards
from dlscan.train.streams import open_scored, open_stream
from dlscan.users import note_use

# Networks that score together; each has a file open.
_SCORED = 64


@dataclasses.dataclass(frozen=True)
class Report:
    """Whom to tell what becomes of members.

    Attributes
    ----------
    done : callable
        Called with a point whose record is written, and "done".
    fail : callable
        Called with a point that cannot go on, and why; the others do.
    on_step : callable, optional
        Called after each training step with the epoch, from 1, the step, from 1, and the steps of an epoch.
    """

    done: Callable[[PointInfo, Outcome], None]
    fail: Callable[[PointInfo, Exception], None]
    on_step: Progress | None = None


def fit(
    members: Sequence[Member], interruption: Interruption, report: Report, began: float
) -> Stopped | None:
    """Train members from their starts or checkpoints; at the end write networks, scores and records.

    Parameters
    ----------
    members : sequence of Member
        Of points that share a stream; the caller holds their claims.
    interruption : Interruption
        What may ask to stop.
    report : Report
        Whom to tell.
    began : float
        When the job began with these members, by `time.perf_counter`.

    Returns
    -------
    str or None
        Why training stopped before all that did not fail were done.
    """
    prepare_device(members[0].experiment.train)
    seed = members[0].order_seed
    going = list(members)

    def drop(member: Member, error: Exception) -> None:
        going.remove(member)
        report.fail(member.point, error)

    experiment = members[0].experiment
    with contextlib.ExitStack() as stack:
        training = stack.enter_context(open_stream(experiment, "train", seed))
        dataset = training.manifest.config_hash
        task = tasks.of(experiment, training.manifest.classes)
        validation = stack.enter_context(open_stream(experiment, "validation", seed, dataset))
        found: Standards = {}
        for member in members:
            try:
                _require_data(member, training.manifest)
                note_use(experiment.data.prepared, member.point.scan, member.paths.scan)
                found = found or standards(experiment, task, dataset)
                member.start(training, tasks.of(member.experiment, training.manifest.classes), found)
            except DlscanError as error:
                drop(member, error)
        loop = Loop(task, training, validation, drop, report.on_step)
        stopped = loop.run(going, interruption)
        loop.close()
    if stopped:
        for member in going:
            reason = interruption.signal or "train.time_limit"
            member.say(f"stopped by {reason} after {member.progress}; run the same command again to continue")
        return stopped
    shared = (time.perf_counter() - began - loop.train_seconds) / max(len(going), 1)
    for first in range(0, len(going), _SCORED):
        _judge(going[first : first + _SCORED], report, shared, dataset)
    return None


def _require_data(member: Member, manifest: Manifest) -> None:
    manifest.require(member.experiment)
    if member.point.dataset not in (None, manifest.config_hash):
        raise DataError(
            f"{member.experiment.data.prepared}: holds different events from those {member} was planned "
            "for; prepare the original raw files again, or start a scan with another name"
        )


def _judge(members: list[Member], report: Report, shared: float, dataset: str) -> None:
    """Score the best networks of members that are finished, and write what they leave."""
    start = time.perf_counter()
    experiment, seed = members[0].experiment, members[0].order_seed
    networks = []
    for member in list(members):
        try:
            networks.append(member.load_best())
        except DlscanError as error:  # of its checkpoint
            members.remove(member)
            report.fail(member.point, error)
    if not members:
        return
    with score_files([member.paths.predictions for member in members]) as files:
        evaluations = evaluate(
            [member.learner.task for member in members],
            NetworkScorer(networks),
            lambda split: open_scored(experiment, split, seed, dataset),
            files,
            experiment.data.weights,
            [member.learner.objective.unusual for member in members],
        )
        shared += (time.perf_counter() - start) / len(members)
        for member, evaluation, file in zip(members, evaluations, files, strict=True):
            try:
                if isinstance(evaluation, DataError):
                    raise DataError(f"{member}: {evaluation}")
                member.finish(evaluation, file, shared)
            except (DlscanError, OSError) as error:
                report.fail(member.point, error)
            else:
                report.done(member.point, "done")
