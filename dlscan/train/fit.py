"""Fit the networks of a pack, judge them, and leave their records."""

import contextlib
import time
from collections.abc import Sequence

from dlscan import models, tasks
from dlscan.config import Experiment
from dlscan.errors import DataError, DlscanError
from dlscan.stream import Batches
from dlscan.stream.standards import standards
from dlscan.tasks import Standards, Task
from dlscan.train.evaluate import evaluate
from dlscan.train.info import Report, Stopped
from dlscan.train.interruption import Interruption
from dlscan.train.learner import Learner
from dlscan.train.loop import Loop
from dlscan.train.member import Member
from dlscan.train.scorers import NetworkScorer
from dlscan.train.scores import score_files
from dlscan.train.streams import open_stream
from dlscan.train.to_score import open_scored

# Networks that score together; each has a file open.
_SCORED = 64


def fit(
    members: Sequence[Member[Learner]], interruption: Interruption, report: Report, began: float
) -> Stopped | None:
    """Train the networks of members on one stream; see `Trainer`."""
    models.prepare_device(members[0].experiment.train)
    seed = members[0].order_seed
    going = list(members)

    def drop(member: Member[Learner], error: Exception) -> None:
        going.remove(member)
        report.fail(member.point, error)

    def leave(member: Member[Learner]) -> None:
        going.remove(member)
        member.say(f"paused after {member.progress}: others are better so far")
        report.done(member.point, "paused")

    experiment = members[0].experiment
    with contextlib.ExitStack() as stack:
        training = stack.enter_context(open_stream(experiment, "train", seed))
        dataset = training.manifest.config_hash
        task = tasks.of(experiment, training.manifest.classes)
        validation = stack.enter_context(open_stream(experiment, "validation", seed, dataset))
        found: Standards = {}
        for member in members:
            try:
                member.require_data(training.manifest)
                found = found or standards(experiment, task, dataset)
                own = tasks.of(member.experiment, training.manifest.classes)
                member.start(_learner(member.experiment, own, found, training), training.mix)
            except DlscanError as error:
                drop(member, error)
        loop = Loop(task, training, validation, drop, leave, report.on_step)
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


def _learner(experiment: Experiment, task: Task, standards: Standards, training: Batches) -> Learner:
    """The network of a point at its start."""
    train, manifest = experiment.train, training.manifest
    network = models.construct(
        *(experiment.model, manifest, experiment.data.normalize, train.seed, train.precision),
        task,
        standards,
        experiment.data.inputs,
    )
    return Learner(network, task, train, manifest.config_hash, training.steps, standards)


def _judge(members: list[Member[Learner]], report: Report, shared: float, dataset: str) -> None:
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
