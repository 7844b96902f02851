"""The loop over epochs."""

import logging
import statistics
import time
from pathlib import Path
from typing import Literal

from dlscan.config import Train
from dlscan.errors import DivergedError
from dlscan.stream import Batches
from dlscan.train.checkpoint import Checkpoint
from dlscan.train.feed import Feed
from dlscan.train.history import Row, write_csv
from dlscan.train.info import Progress
from dlscan.train.interruption import Interruption
from dlscan.train.learner import Learner

log = logging.getLogger("dlscan")

Stopped = Literal["preempted", "timeout"]


class Loop:
    """Trains a learner epoch by epoch, and leaves a checkpoint and the history after each.

    Parameters
    ----------
    train : Train
        The experiment's `train` section.
    training, validation : Batches
        The two streams.
    checkpoint : Checkpoint
        Where to leave the state.
    history : Path
        Where to leave the history.
    on_step : callable, optional
        Called after each training step with the epoch, from 1, the step, from 1, and the steps of an epoch.
    """

    def __init__(
        self,
        train: Train,
        training: Batches,
        validation: Batches,
        checkpoint: Checkpoint,
        history: Path,
        on_step: Progress | None = None,
    ) -> None:
        self._train, self._training, self._validation = train, training, validation
        self._checkpoint, self._history = checkpoint, history
        self._on_step = on_step
        self._feed = Feed()

    def run(self, name: str, learner: Learner, interruption: Interruption) -> Stopped | None:
        """Train until the learner is finished, or until something asks to stop.

        Parameters
        ----------
        name : str
            Of the point, for messages.
        learner : Learner
            Where it starts is where it is.
        interruption : Interruption
            What may ask to stop.

        Returns
        -------
        str or None
            Why it stopped before the learner was finished.

        Raises
        ------
        DivergedError
            If a loss is no longer a number; the last good epoch is on file.
        """
        laps: list[float] = []
        while not learner.finished:
            if interruption.signal:
                return "preempted"
            # at least one epoch per attempt, or a short limit would never get anywhere
            if laps and interruption.out_of_time(statistics.median(laps)):
                return "timeout"
            start = time.monotonic()
            row = self._epoch(learner)
            log.info(row.line(self._train.epochs))
            if not row.finite:
                raise self._diverged(name, row)
            self._checkpoint.commit(learner.state(), learner.save)
            write_csv(self._history, learner.history)
            laps.append(time.monotonic() - start)
        return "preempted" if interruption.signal else None

    def _epoch(self, learner: Learner) -> Row:
        number = learner.epoch
        start = time.perf_counter()
        for step, batch in enumerate(self._feed(self._training.epoch(number)), 1):
            learner.step(batch)
            if self._on_step:
                self._on_step(number + 1, step, self._training.steps)
        learner.wait()
        trained = time.perf_counter()
        for batch in self._feed(self._validation.epoch(number)):
            learner.evaluate(batch)
        ended = time.perf_counter()
        return learner.end_epoch(ended - start, self._training.events / (trained - start))

    def _diverged(self, name: str, row: Row) -> DivergedError:
        return DivergedError(
            f"{name}: loss is {row.loss:g} and validation loss {row.val_loss:g} after epoch {row.epoch} "
            f"with learning rate {self._train.learning_rate:g}; lower train.learning_rate, or scale the "
            "inputs by data.normalize"
        )
