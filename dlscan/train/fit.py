"""Fit the networks of a pack, judge them, and leave their records."""

import contextlib
import dataclasses
import time
from collections.abc import Hashable, Sequence

from dlscan import models, tasks
from dlscan.config import Experiment
from dlscan.config.task_kinds import Generate
from dlscan.dataset import Manifest
from dlscan.errors import DataError, DlscanError
from dlscan.models.replicas import Replicas, holding, replicas
from dlscan.stream.standards import numbers_of, standards
from dlscan.tasks import Standards
from dlscan.train.domain import measure_domain, open_domain
from dlscan.train.evaluate import evaluate
from dlscan.train.folds import LeftOut
from dlscan.train.info import Report, Stopped
from dlscan.train.interruption import Interruption
from dlscan.train.learner import Learner
from dlscan.train.loop import Loop
from dlscan.train.member import Member
from dlscan.train.nodes import here
from dlscan.train.passes import open_pass
from dlscan.train.scorers import GeneratingScorer, NetworkScorer
from dlscan.train.scores import score_files
from dlscan.train.starting import start_alike, starting_learner
from dlscan.train.steps.across import connect
from dlscan.train.streams import open_stream
from dlscan.train.to_score import open_scored
from dlscan.train.twosample import told_apart

# Networks that score together; each has a file open.
_SCORED = 64


def fit(
    members: Sequence[Member[Learner]], interruption: Interruption, report: Report, began: float
) -> Stopped | None:
    """Train the networks of members on one pass of events; see `Trainer`."""
    models.prepare_device(members[0].experiment.train)
    nodes = here()
    connect(nodes)
    devices = replicas(members[0].experiment.train, nodes.count)
    nodes.require_alike(len(devices))
    seed = members[0].order_seed
    going, failed = list(members), dict[int, str]()

    def drop(member: Member[Learner], error: Exception) -> None:
        going.remove(member)
        failed[member.point.number] = str(error)
        report.fail(member.point, error)

    def leave(member: Member[Learner]) -> None:
        going.remove(member)
        member.say(f"paused after {member.progress}: others are better so far")
        report.done(member.point, "paused")

    first = members[0].experiment
    with contextlib.ExitStack() as stack:
        # one for each choice of folds that validate; without folds there is one
        manifests = {each.experiment.data.left_out: Manifest.of(each.experiment) for each in members}
        manifest = next(iter(manifests.values()))
        dataset, task = manifest.config_hash, tasks.of(first, manifest.classes)
        training = open_pass([each.experiment for each in members], manifest, seed, stack)
        validation = {
            left_out: stack.enter_context(
                open_stream(experiment, "validation", seed, dataset, beside=len(manifests))
            )
            for left_out, experiment in _of_each(members).items()
        }
        found: dict[Hashable, Standards] = {}
        for member in members:
            left_out = member.experiment.data.left_out
            try:
                member.require_data(manifests[left_out])
                own = tasks.of(member.experiment, manifest.classes)
                # some losses refuse numbers that others take
                key = left_out, numbers_of(own)
                if key not in found:
                    found[key] = standards(member.experiment, own, dataset)
                steps = training.steps_of(left_out)
                learner = starting_learner(
                    *(member.experiment, own, found[key], manifests[left_out], steps),
                    devices,
                    member.origin,
                )
                member.start(learner, training.mix)
            except DlscanError as error:
                drop(member, error)
        going[:] = start_alike(going, failed, nodes)
        domain = open_domain(first, manifest, stack)
        loop = Loop(task, training, validation, drop, leave, report.on_step, devices, domain)
        stopped = loop.run(going, interruption)
        loop.close()
    if stopped:
        for member in going:
            reason = interruption.signal or "train.time_limit"
            member.say(f"stopped by {reason} after {member.progress}; run the same command again to continue")
        return stopped
    if nodes.follows:
        return None
    shared = (time.perf_counter() - began - loop.train_seconds) / max(len(going), 1)
    for left_out in manifests:
        # other events validate them
        together = [member for member in going if member.experiment.data.left_out == left_out]
        for start in range(0, len(together), _SCORED):
            _judge(together[start : start + _SCORED], report, shared, dataset, holding(devices))
    return None


def _of_each(members: Sequence[Member[Learner]]) -> dict[LeftOut, Experiment]:
    """An experiment of each choice of folds that are left out."""
    return {each.experiment.data.left_out: each.experiment for each in reversed(members)}


def _judge(
    members: list[Member[Learner]], report: Report, shared: float, dataset: str, devices: Replicas
) -> None:
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
    generates = Generate.kind in members[0].learner.task.kinds
    scorer = GeneratingScorer if generates else NetworkScorer
    with score_files([member.paths.predictions for member in members]) as files:
        evaluations = evaluate(
            [member.learner.task for member in members],
            scorer(networks, seed, devices),
            lambda split: open_scored(experiment, split, seed, dataset),
            files,
            experiment.data.weights,
            [member.learner.objective.unusual for member in members],
            told_apart if generates else None,
            experiment.data.validates,
        )
        shared += (time.perf_counter() - start) / len(members)
        for member, evaluation, file in zip(members, evaluations, files, strict=True):
            try:
                if isinstance(evaluation, DataError):
                    raise DataError(f"{member}: {evaluation}")
                adapted = measure_domain(member.experiment, member.learner, evaluation.classes)
                evaluation = dataclasses.replace(evaluation, measured=evaluation.measured | adapted)
                member.finish(evaluation, file, shared)
            except (DlscanError, OSError) as error:
                report.fail(member.point, error)
            else:
                report.done(member.point, "done")
