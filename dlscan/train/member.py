"""One point of a pack while its network trains."""

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator

from dlscan import models
from dlscan.claims import Claim
from dlscan.config import Experiment
from dlscan.errors import DataError, DivergedError, ScanError
from dlscan.files import checksum, put_in_place, sync, temporary_beside
from dlscan.models import Network
from dlscan.record import PointPaths
from dlscan.stream import Batches
from dlscan.tasks import Standards, Task
from dlscan.train.checkpoint import Checkpoint, State
from dlscan.train.evaluate import Evaluation
from dlscan.train.finished import record_of
from dlscan.train.history import Row, write_csv
from dlscan.train.info import PointInfo
from dlscan.train.learner import Learner
from dlscan.train.objectives import NETWORK
from dlscan.train.scores import ScoreFile
from dlscan.train.variables import load_variables

log = logging.getLogger("dlscan")


class Member:
    """A point, its claim, and its network in training.

    Everything that it leaves is put in its place under its claim, and nothing is once another job has taken
    over; only its log is written without.

    Parameters
    ----------
    paths : PointPaths
        The point's directory.
    point : PointInfo
        Its number and names.
    claim : Claim
        On the point.
    experiment : Experiment
        Its configuration.
    pack : int
        How many points train together: fewer than the job has, if these cannot.
    """

    def __init__(
        self, paths: PointPaths, point: PointInfo, claim: Claim, experiment: Experiment, pack: int
    ) -> None:
        self.paths, self.point, self.claim, self.experiment, self.pack = paths, point, claim, experiment, pack
        self.checkpoint = Checkpoint(paths.last)
        self.learner: Learner

    def __str__(self) -> str:
        return str(self.point)

    def say(self, text: str) -> None:
        """Tell the log; the point's own too where the job's is that of several."""
        if self.claim.attempt.pack == 1:
            log.info(text)
            return
        log.info(f"{self}: {text}")
        # the job's log has it too: no reason to end a training
        with contextlib.suppress(OSError):
            if not self._log_is_of_the_job():
                with self.paths.log.open("a", encoding="utf-8") as own:
                    own.write(f"{text}\n")

    def _log_is_of_the_job(self) -> bool:
        """Whether what this process prints goes to the point's log anyway, as of the first of a pack."""
        return self.paths.log.exists() and os.path.samestat(self.paths.log.stat(), os.fstat(2))

    @property
    def order_seed(self) -> int:
        """Of the order of events: that of the scan where there is one, so that its points share a stream."""
        seed = self.point.order_seed
        return self.experiment.train.seed if seed is None else seed

    @property
    def place(self) -> tuple[int, int]:
        """Epochs trained, and steps of the next one."""
        return self.learner.epoch, self.learner.step

    def start(self, training: Batches, task: Task, standards: Standards) -> None:
        """Build the network; go on from the checkpoint if there is one that is whole.

        Parameters
        ----------
        training : Batches
            What it will be trained on. A checkpoint in the middle of an epoch is of use only if the stream
            can deliver the rest of that epoch, for which an index needs as much memory as it had then.
        task : Task
            What it learns.
        standards : mapping of str to Standard
            Of the numbers that it predicts.

        Raises
        ------
        ScanError
            If the checkpoint is of another dataset or of another network.
        """
        self._sweep()
        experiment, manifest = self.experiment, training.manifest
        train = experiment.train
        network = models.construct(
            *(experiment.model, manifest, experiment.data.normalize, train.seed, train.precision),
            task,
            standards,
        )
        self.learner = Learner(network, task, train, manifest.config_hash, training.steps, standards)
        state = self._latest(training)
        if state is None:
            self.say(f"{self.learner.parameters:,} parameters, on {models.device()}")
        else:
            if state.dataset != manifest.config_hash:
                raise ScanError(
                    f"{self}: the dataset was rebuilt after epoch {state.epoch}; remove {self.paths.last} "
                    "to train this point from its start"
                )
            self.learner.resume(state, self.checkpoint.variables(state.epoch, state.step))
            with self.claim.writing():
                write_csv(self.paths.history, self.learner.history)
            self.say(f"continues after {self.progress}, on {models.device()}")
        # one of a pack that was split starts again in the same attempt
        if self.claim.attempt.resumed_after is None:
            self.claim.resumed(self.learner.epoch)

    def _latest(self, training: Batches) -> State | None:
        """The state to go on from, None for a start from scratch; what is wrong with others is said."""
        damaged: list[str] = []

        def usable(state: State) -> bool:
            if not state.step or training.mix(state.mixing):
                return True
            damaged.append(
                f"less memory is free than before, too little to continue epoch {state.epoch + 1} in the "
                "same order of events; this epoch starts again"
            )
            return False

        state = self.checkpoint.read(damaged.append, usable)
        for line in damaged:
            self.say(f"Warning: {line}")
        if state is None and damaged:
            self.say(
                "Warning: there is no other checkpoint to continue from; the point is trained from its start"
            )
            with self.claim.writing():
                self.paths.history.unlink(missing_ok=True)
        return state

    @property
    def progress(self) -> str:
        """How far it is, in words."""
        epochs = f"epoch {self.learner.epoch} of {self.experiment.train.epochs}"
        return f"{epochs} and {self.learner.step} steps" if self.learner.step else epochs

    def end_epoch(self, row: Row) -> Callable[[], None]:
        """Keep an epoch that has ended, see `keep`.

        Raises
        ------
        DivergedError
            If a loss is no longer a number; the last good epoch is on file.
        DataError
            If early stopping monitors the mean AUC, and there is none.
        """
        train = self.experiment.train
        if not row.finite:
            own = f", or mend {train.loss}" if train.loss.is_own else ""
            raise DivergedError(
                f"{self}: loss is {row['loss']:g} and validation loss {row['val_loss']:g} after epoch "
                f"{row.epoch} with learning rate {train.learning_rate:g}; lower train.learning_rate, or "
                f"scale the inputs with data.normalize{own}"
            )
        if self.learner.monitors_area and row.values["val_Mean_AUC"] is None:
            raise DataError(
                f"{self}: train.early_stopping.monitor is val_Mean_AUC, but no class has an AUC in the "
                "validation split: it needs events of at least two classes, with weights that add up to "
                "more than 0"
            )
        if self.learner.lowered is not None:
            self.say(f"no progress: the learning rate is {self.learner.lowered:.3g} after epoch {row.epoch}")
        return self.keep()

    def keep(self) -> Callable[[], None]:
        """Take the network as it is now.

        Returns
        -------
        callable
            Writes the checkpoint and the history, in any thread; a `FencedError` if another job has taken
            over.
        """
        state, values = self.learner.state(), self.learner.values()

        @contextlib.contextmanager
        def turn() -> Iterator[None]:
            with self.claim.writing():
                yield
                write_csv(self.paths.history, state.history)

        return lambda: self.checkpoint.commit(state, values.write, turn)

    def load_best(self) -> Network:
        """Put the best weights into the network, and give it.

        Raises
        ------
        ScanError
            If their file is missing or damaged; the next attempt goes on from what is whole.
        """
        best = self.checkpoint.require_whole(self.learner.stopping.best_epoch)
        load_variables(best, {"network": self.learner.network.variables})
        return self.learner.trained.networks[NETWORK]

    def finish(self, evaluation: Evaluation, scores: ScoreFile, shared: float) -> None:
        """Write network, scores and record: from then on the point is done.

        Parameters
        ----------
        evaluation : Evaluation
            What the network is worth.
        scores : ScoreFile
            Its scores, not in their place yet.
        shared : float
            Seconds of the job that were not training so far, this point's share.
        """
        start = time.perf_counter()
        network = temporary_beside(self.paths.best)
        try:
            # whoever waits for the claim must not wait for the disk as well
            self.learner.network.save(network)
            sync(network)
            files = {self.paths.best.name: checksum(network), self.paths.predictions.name: scores.close()}
            # the checkpoint, which has it too, is about to go
            sync(self.paths.history)
            beside = shared + time.perf_counter() - start
            record = record_of(self, evaluation, files, beside)
            with self.claim.writing():
                # that of a training of fewer epochs must not stand beside another network
                self.paths.record.unlink(missing_ok=True)
                put_in_place(network, self.paths.best)
                scores.commit()
                record.write(self.paths.record)
                if not self.experiment.train.keep_checkpoint:
                    # the record says what the checkpoint was for, and a scan has many points
                    self.checkpoint.clear()
        finally:
            network.unlink(missing_ok=True)
        best = self.learner.stopping.best_epoch
        self.say(f"done after epoch {self.learner.epoch}, best epoch {best}; {beside:.1f} s besides training")

    def _sweep(self) -> None:
        """Remove what a killed process left half-written."""
        with self.claim.writing():
            for path in (self.paths.best, self.paths.predictions, self.paths.history, self.paths.record):
                for leftover in path.parent.glob(f".{path.stem}-*{path.suffix}"):
                    leftover.unlink()
            for leftover in self.paths.directory.glob(".epoch-*.variables"):
                leftover.unlink()
