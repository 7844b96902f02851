"""Fit the network of one point, judge it, and leave the record."""

import dataclasses
import datetime
import logging
from collections.abc import Sequence
from typing import Any

from dlscan import models
from dlscan.attempts import Attempt, first_start, resume_attempt
from dlscan.config import Experiment, plain
from dlscan.dataset import Manifest
from dlscan.errors import DataError, ScanError
from dlscan.files import written_whole
from dlscan.models.flops import flops
from dlscan.record import PointPaths, Record
from dlscan.stream import Batches
from dlscan.train.checkpoint import Checkpoint
from dlscan.train.evaluate import Evaluation, evaluate
from dlscan.train.history import speed, summary, write_csv
from dlscan.train.info import Outcome, PointInfo, Progress
from dlscan.train.interruption import Interruption
from dlscan.train.learner import Learner
from dlscan.train.loop import Loop
from dlscan.train.provenance import versions
from dlscan.train.streams import open_stream
from dlscan.train.variables import load_variables

log = logging.getLogger("dlscan")


@dataclasses.dataclass(frozen=True)
class Fit:
    """The work of one attempt at a point; the caller holds the point's lock.

    Attributes
    ----------
    paths : PointPaths
        The point's directory.
    point : PointInfo
        Its number and names.
    experiment : Experiment
        Its configuration.
    """

    paths: PointPaths
    point: PointInfo
    experiment: Experiment

    def run(self, attempt: Attempt, interruption: Interruption, on_step: Progress | None = None) -> Outcome:
        """Train from the start or from the checkpoint; at the end write network, scores and record."""
        self._sweep()
        checkpoint = Checkpoint(self.paths.last)
        with (
            open_stream(self.experiment, "train") as training,
            open_stream(self.experiment, "validation") as validation,
        ):
            manifest = training.manifest
            manifest.require(self.experiment)
            if self.point.dataset not in (None, manifest.config_hash):
                raise DataError(
                    f"{self.experiment.data.prepared}: holds other events than {self.point} was planned for; "
                    "prepare the raw files of then, or start a scan of another name"
                )
            learner = Learner(self._network(manifest), self.experiment.train, manifest.config_hash)
            self._resume(learner, checkpoint)
            resume_attempt(self.paths, attempt, learner.epoch)
            loop = Loop(self.experiment.train, training, validation, checkpoint, self.paths.history, on_step)
            stopped = loop.run(str(self.point), learner, interruption)
        if stopped:
            reason = interruption.signal or "train.time_limit"
            progress = f"epoch {learner.epoch} of {self.experiment.train.epochs}"
            log.info(
                f"{self.point}: stopped by {reason} after {progress}; run the same command again to go on"
            )
            return stopped
        network = self._best(manifest, learner, checkpoint)
        weights = self.experiment.data.weights
        evaluation = evaluate(network, self._evaluated, self.paths.predictions, weights)
        record = self._record(manifest, learner, attempt)
        _judged(record, network, evaluation).write(self.paths.record)
        # the record says what the checkpoint was for, and a scan has many points
        checkpoint.clear()
        log.info(
            f"{self.point}: done after epoch {learner.epoch}, the best was {learner.stopping.best_epoch}"
        )
        return "done"

    def _network(self, manifest: Manifest) -> Any:
        experiment = self.experiment
        return models.build(experiment.model, manifest, experiment.data.normalize, experiment.train.seed)

    def _resume(self, learner: Learner, checkpoint: Checkpoint) -> None:
        state = checkpoint.read()
        if state is None:
            log.info(f"{self.point}: {learner.parameters:,} parameters, on {models.device()}")
            return
        if state.dataset != learner.dataset:
            raise ScanError(
                f"{self.point}: the dataset was rebuilt after epoch {state.epoch}; remove {self.paths.last} "
                "to train this point from its start"
            )
        learner.resume(state, checkpoint.variables(state.epoch))
        write_csv(self.paths.history, learner.history)
        log.info(f"{self.point}: goes on after epoch {state.epoch}, on {models.device()}")

    def _best(self, manifest: Manifest, learner: Learner, checkpoint: Checkpoint) -> Any:
        """Put the best weights into a network without an optimizer, and save it."""
        network = self._network(manifest)
        best = checkpoint.variables(learner.stopping.best_epoch)
        load_variables(best, {"network": network.variables})
        with written_whole(self.paths.best) as temporary:
            network.save(temporary)
        return network

    def _evaluated(self, split: str) -> Batches:
        """The events of a split to score: each once, with what is carried along and with weights."""
        data, train, stream = self.experiment.data, self.experiment.train, self.experiment.stream
        return Batches(
            data.prepared,
            split=split,
            batch_size=train.batch_size,
            workers=stream.workers,
            seed=train.seed,
            # of train a sample is scored
            shuffle=split == "train",
            balance="none" if data.balance == "none" else "weights",
            extras=split == "test" or data.weights is not None,
            memory=stream.memory,
            event_weights=data.weights,
        )

    def _record(self, manifest: Manifest, learner: Learner, attempt: Attempt) -> Record:
        experiment, times = self.experiment, speed(learner.history)
        return Record(
            point=self.point.number,
            name=self.point.name,
            scan=self.point.scan,
            varied=self.point.varied,
            params=_params(experiment, self.point.varied),
            classes=manifest.classes,
            metrics=summary(learner.history, learner.stopping.best_epoch),
            epochs=learner.epoch,
            best_epoch=learner.stopping.best_epoch,
            stopped=learner.finished or "",
            seconds_per_epoch=times["seconds_per_epoch"],
            train_seconds=times["train_seconds"],
            events_per_second=times["events_per_second"],
            model_parameters=learner.parameters,
            seed=experiment.train.seed,
            started=first_start(self.paths),
            ended=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            attempts=attempt.number,
            host=attempt.host,
            device=models.device(),
            backend=models.backend(),
            versions=versions(),
            git_commit=self.point.git_commit,
            dataset={"path": str(experiment.data.prepared), "config_hash": manifest.config_hash},
        )

    def _sweep(self) -> None:
        """Remove what a killed process left half-written."""
        for path in (self.paths.best, self.paths.predictions, self.paths.history, self.paths.record):
            for leftover in path.parent.glob(f".{path.stem}-*{path.suffix}"):
                leftover.unlink()


def _judged(record: Record, network: Any, evaluation: Evaluation) -> Record:
    """The record with what the network is worth and what it costs."""
    measured = evaluation.measured
    count, reason = flops(network)
    return dataclasses.replace(
        record,
        metrics=measured.values | record.metrics,
        errors=measured.errors,
        reasons=measured.reasons | ({"flops": reason} if count is None else {}),
        flops=count,
        inference_events_per_second=evaluation.events_per_second,
    )


def _params(experiment: Experiment, varied: Sequence[str]) -> dict[str, Any]:
    """Every key of `model` and `train`; a varied section, such as `train.early_stopping`, as a whole too."""
    sections = {"model": plain(experiment.model), "train": plain(experiment.train)}
    params = _flat(sections)
    for key in varied:
        value: Any = sections
        for part in key.split("."):
            value = value[part]
        params[key] = value
    return params


def _flat(value: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Dotted keys for what is nested."""
    flat: dict[str, Any] = {}
    for name, item in value.items():
        flat |= _flat(item, f"{above}{name}.") if isinstance(item, dict) else {f"{above}{name}": item}
    return flat
