"""One point of a job while it is trained, whatever trains it."""

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from dlscan import event_losses
from dlscan.claims import Claim
from dlscan.config import Experiment
from dlscan.config.labels import VALIDATION_AREA
from dlscan.dataset import Manifest, fits
from dlscan.dataset.notes import note_use
from dlscan.errors import DataError, DivergedError, ScanError
from dlscan.files import checksum, put_in_place, sync, temporary_beside
from dlscan.origins import Origin, origins_of
from dlscan.record import PointPaths
from dlscan.train.checkpoint import Checkpoint, State
from dlscan.train.evaluate import Evaluation
from dlscan.train.finished import record_of
from dlscan.train.history import Row, write_csv
from dlscan.train.info import PointInfo
from dlscan.train.learned import Learned
from dlscan.train.scores import ScoreFile

log = logging.getLogger("dlscan")

L = TypeVar("L", bound=Learned)


class Member(Generic[L]):
    """A point, its claim, and what learns in it.

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

    Attributes
    ----------
    learner : Learned
        Once it has started.
    """

    def __init__(
        self, paths: PointPaths, point: PointInfo, claim: Claim, experiment: Experiment, pack: int
    ) -> None:
        self.paths, self.point, self.claim, self.experiment, self.pack = paths, point, claim, experiment, pack
        self.checkpoint = Checkpoint(paths.last)
        self.learner: L

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
        if not self.paths.log.exists():
            return False
        # where a pipe leads there, as that of `srun`, the job's script tells
        told = Path(os.environ.get("DLSCAN_LOG") or os.devnull)
        is_printed = os.path.samestat(self.paths.log.stat(), os.fstat(2))
        return is_printed or (told.exists() and told.samefile(self.paths.log))

    @property
    def order_seed(self) -> int:
        """Of the order of events: that of the scan where there is one, so that its points share a stream."""
        seed = self.point.order_seed
        return self.experiment.train.seed if seed is None else seed

    @property
    def validates(self) -> bool:
        """Whether there are events that validate it."""
        return self.experiment.data.validates

    @property
    def origin(self) -> Origin | None:
        """The network that it begins with, if it does with one, as it was when the plan was made.

        Raises
        ------
        ConfigError
            If no plan says which, and it is gone.
        """
        pretrained = self.experiment.model.pretrained
        if pretrained is None:
            return None
        found = self.point.origins.get(pretrained.place)
        return origins_of(self.experiment)[pretrained.place] if found is None else found

    @property
    def place(self) -> tuple[int, int]:
        """Epochs trained, and steps of the next one."""
        return self.learner.epoch, self.learner.step

    def require_data(self, manifest: Manifest) -> None:
        """Check that a dataset is what the point was planned for, and note that it is used.

        Raises
        ------
        DataError
            If it is not.
        """
        fits.require(manifest, self.experiment)
        prepared = self.experiment.data.prepared
        if self.point.dataset not in (None, manifest.config_hash):
            raise DataError(
                f"{prepared}: holds different events from those {self} was planned for; prepare the original "
                "raw files again, or start a scan with another name"
            )
        note_use(prepared, self.point.scan, self.paths.scan)
        if (other := self.experiment.other_domain) is not None:
            note_use(other.data.prepared, self.point.scan, self.paths.scan)

    def start(self, learner: L, mix: Callable[[int | None], bool] = lambda events: True) -> None:
        """Go on from the checkpoint if there is one that is whole.

        Parameters
        ----------
        learner : Learned
            As it is at its start.
        mix : callable
            Whether its stream can draw events as one with this `mixing` did: a checkpoint in the middle of an
            epoch is of use only if the stream can deliver the rest of that epoch, for which an index needs as
            much memory as it had then.

        Raises
        ------
        ScanError
            If the checkpoint is of another dataset or of another model.
        """
        self.learner = learner
        self._sweep()
        state = self._latest(mix)
        if state is None:
            self.say(learner.summary)
        else:
            if state.dataset != learner.state().dataset:
                raise ScanError(
                    f"{self}: the dataset was rebuilt after epoch {state.epoch}; remove {self.paths.last} "
                    "to train this point from its start"
                )
            self.learner.resume(state, self.checkpoint.variables(state.epoch, state.step))
            with self.claim.writing():
                write_csv(self.paths.history, self.learner.history, self.validates)
            self.say(f"continues after {self.progress}, on {learner.device}")
        # one of a pack that was split starts again in the same attempt
        if self.claim.attempt.resumed_after is None:
            self.claim.resumed(self.learner.epoch)

    def _latest(self, mix: Callable[[int | None], bool]) -> State | None:
        """The state to go on from, None for a start from scratch; what is wrong with others is said."""
        damaged: list[str] = []

        def usable(state: State) -> bool:
            if not state.step or mix(state.mixing):
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

    def end_epoch(self, row: Row, losses: NDArray[np.float32] | None = None) -> Callable[[], None]:
        """Keep an epoch that has ended, see `keep`; errors as for `require_usable`.

        `losses` are those of the validation events, (N,): they are kept if this is the best epoch so far.
        """
        self.require_usable(row)
        earlier = [each["val_loss"] for each in self.learner.history if each.epoch < row.epoch]
        is_best = all(row["val_loss"] < each for each in earlier)
        return self.keep(losses if is_best else None)

    def require_usable(self, row: Row) -> None:
        """Check that what an epoch tells can be gone on from.

        Raises
        ------
        DivergedError
            If a loss is no longer a number; the last good epoch is on file.
        DataError
            If early stopping monitors the mean AUC, and there is none.
        """
        if not row.finite:
            raise DivergedError(
                f"{self}: loss is {row['loss']:g} and validation loss {row['val_loss']:g} after epoch "
                f"{row.epoch}; {self.learner.advice}"
            )
        if self.learner.stopping.monitors_area and row.values[VALIDATION_AREA] is None:
            raise DataError(
                f"{self}: train.early_stopping.monitor is val_Mean_AUC, but no class has an AUC in the "
                "validation split: it needs events of at least two classes, with weights that add up to "
                "more than 0"
            )

    def keep(self, losses: NDArray[np.float32] | None = None) -> Callable[[], None]:
        """Take the network as it is now, and the losses of events if it is the best so far.

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
                if losses is not None and self.point.rungs is not None:
                    # in front of the history, by which they are looked for
                    after = max((rung for rung in self.point.rungs.epochs if rung < state.epoch), default=0)
                    event_losses.keep(self.paths, state.epoch, losses, after)
                yield
                write_csv(self.paths.history, state.history, self.validates)

        return lambda: self.checkpoint.commit(state, values.write, turn)

    def load_best(self) -> Any:
        """What the learner makes of its best file.

        Raises
        ------
        ScanError
            If that is missing or damaged; the next attempt goes on from what is whole.
        """
        return self.learner.best(self.checkpoint.require_whole)

    def finish(self, evaluation: Evaluation, scores: ScoreFile, shared: float) -> None:
        """Write model, scores and record: from then on the point is done.

        Parameters
        ----------
        evaluation : Evaluation
            What the model is worth.
        scores : ScoreFile
            Its scores, not in their place yet.
        shared : float
            Seconds of the job that were not training so far, this point's share.
        """
        start = time.perf_counter()
        place = self.learner.place(self.paths)
        model = temporary_beside(place)
        try:
            # whoever waits for the claim must not wait for the disk as well
            self.learner.save(model)
            sync(model)
            files = {place.name: checksum(model), self.paths.predictions.name: scores.close()}
            # the checkpoint, which has it too, is about to go
            sync(self.paths.history)
            beside = shared + time.perf_counter() - start
            record = record_of(self, evaluation, files, beside)
            with self.claim.writing():
                # that of a training of fewer epochs must not stand beside another model
                self.paths.record.unlink(missing_ok=True)
                put_in_place(model, place)
                scores.commit()
                record.write(self.paths.record)
                if not self.experiment.train.keep_checkpoint:
                    # the record says what the checkpoint was for, and a scan has many points
                    self.checkpoint.clear()
        finally:
            model.unlink(missing_ok=True)
        best = self.learner.stopping.best_epoch
        self.say(f"done after epoch {self.learner.epoch}, best epoch {best}; {beside:.1f} s besides training")

    def _sweep(self) -> None:
        """Remove what a killed process left half-written."""
        with self.claim.writing():
            place = self.learner.place(self.paths)
            for path in (place, self.paths.predictions, self.paths.history, self.paths.record):
                for leftover in path.parent.glob(f".{path.stem}-*{path.suffix}"):
                    leftover.unlink()
            for leftover in self.paths.directory.glob(".epoch-*.variables"):
                leftover.unlink()
