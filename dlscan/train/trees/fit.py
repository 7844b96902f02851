"""Grow the trees of points one after the other, judge them, and leave their records."""

import time
from collections.abc import Sequence

from dlscan import tasks
from dlscan.dataset import Manifest
from dlscan.errors import DataError, DlscanError
from dlscan.stream.standards import standards
from dlscan.tasks import Task
from dlscan.train.evaluate import evaluate
from dlscan.train.info import Report, Stopped
from dlscan.train.interruption import Interruption
from dlscan.train.member import Member
from dlscan.train.scores import score_files
from dlscan.train.to_score import open_scored
from dlscan.train.trees.events import read_events, require_room
from dlscan.train.trees.learner import TreeLearner
from dlscan.train.trees.objectives import TreeObjective, objective_of
from dlscan.train.trees.scorer import TreeScorer
from dlscan.trees.costs import trees_of

# Rounds are grown for so long between two checkpoints: scikit-learn cannot be asked to stop in between, and
# begins each time by binning all events.
_SECONDS = 5.0


def fit(
    members: Sequence[Member[TreeLearner]], interruption: Interruption, report: Report, began: float
) -> Stopped | None:
    """Train members from their starts or checkpoints, one after the other; see `Trainer`."""
    first = members[0].experiment
    manifest = Manifest.of(first)
    # points of a job have the same targets, but perhaps other losses
    task = tasks.of(first, manifest.classes)
    require_room(first, manifest, trees_of(task.heads))
    standard = standards(first, task, manifest.config_hash)
    training, validation = (
        read_events(first, split, task, manifest.config_hash) for split in ("train", "validation")
    )
    shared = (time.perf_counter() - began) / len(members)
    growth = _Growth(interruption, report)
    for member in members:
        if interruption.signal:
            return "preempted"  # it leaves no time to begin with another point
        started = time.perf_counter()
        try:
            member.require_data(manifest)
            objective = objective_of(member.experiment, task, manifest, standard)
            learner = TreeLearner(member.experiment, task, objective, manifest, training, validation)
            member.start(learner)
            grown = time.perf_counter()
            stopped = growth.run(member)
            if stopped:
                return stopped
            beside = shared + grown - started
            _judge(member, task, objective, manifest.config_hash, beside)
        except (DlscanError, OSError) as error:
            report.fail(member.point, error)
        else:
            report.done(member.point, "done")
    return None


class _Growth:
    """Grows trees until they are finished, or something asks to stop."""

    def __init__(self, interruption: Interruption, report: Report) -> None:
        self._interruption, self._report = interruption, report
        self._has_grown = False

    def run(self, member: Member[TreeLearner]) -> Stopped | None:
        """Grow the trees of a member to their end; why that was not reached."""
        learner, epochs = member.learner, member.experiment.train.epochs
        rounds, pace = 1, 0.0
        while not learner.finished:
            stopped = self._must_stop(pace)
            if stopped:
                reason = self._interruption.signal or "train.time_limit"
                member.say(
                    f"stopped by {reason} after {member.progress}; run the same command again to continue"
                )
                return stopped
            started = time.perf_counter()
            rows = learner.grow(min(rounds, epochs - learner.epoch))
            member.keep()()
            for row in rows:
                member.require_usable(row)
                member.say(row.line(epochs))
            self._has_grown = True
            pace = (time.perf_counter() - started) / len(rows)
            rounds = self._rounds(pace)
            if self._report.on_step:
                self._report.on_step(learner.epoch, learner.epoch, epochs)
        # trees that are whole are judged all the same: that takes no longer than a checkpoint may
        return None

    def _must_stop(self, pace: float) -> Stopped | None:
        if self._interruption.signal:
            return "preempted"
        # at least a round per attempt, or a short limit would never get anywhere
        return "timeout" if self._has_grown and self._interruption.out_of_time(pace) else None

    def _rounds(self, pace: float) -> int:
        """How many to grow before the next look at what asks to stop."""
        rounds = max(1, int(_SECONDS / pace))
        while rounds > 1 and self._interruption.out_of_time(rounds * pace):
            rounds //= 2
        return rounds


def _judge(
    member: Member[TreeLearner], task: Task, objective: TreeObjective, dataset: str, beside: float
) -> None:
    """Score the best trees of a member, and write what it leaves."""
    start, experiment = time.perf_counter(), member.experiment
    with score_files([member.paths.predictions]) as files:
        (evaluation,) = evaluate(
            [task],
            TreeScorer([member.load_best()], objective),
            lambda split: open_scored(experiment, split, member.order_seed, dataset),
            files,
            experiment.data.weights,
            [objective.losses],
            validates=experiment.data.validates,
        )
        if isinstance(evaluation, DataError):
            raise DataError(f"{member}: {evaluation}")
        member.finish(evaluation, files[0], beside + time.perf_counter() - start)
