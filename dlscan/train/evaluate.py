"""Trained models on events: what they give to files, and what it is worth."""

import contextlib
import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from dlscan.config.folds import ALL_TRAIN
from dlscan.errors import DataError
from dlscan.metrics import Estimate, Measured
from dlscan.stream import Batches
from dlscan.tasks import Arrays, Task
from dlscan.train.scorer import Scorer
from dlscan.train.scores import ScoreFile

# Enough to see whether a network knows its training events better than others.
TRAIN_SAMPLE, TRAIN_FACTOR = 50_000, 2

# Events whose scores wait to be written: of many networks many small writes take longer than scoring.
BUFFERED = 32_768

Stream = Callable[[str], contextlib.AbstractContextManager[Batches]]
Complete = Callable[[Arrays], Arrays]
Losses = Callable[[Arrays, Arrays], NDArray[np.float32] | None]


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What a model is worth.

    Attributes
    ----------
    classes : tuple of str
        Labels of the dataset.
    measured : Measured
        Of the test and validation splits.
    events_per_second : float
        Events scored per second, reading not included.
    """

    classes: tuple[str, ...]
    measured: Measured
    events_per_second: float


def evaluate(
    tasks: Sequence[Task],
    scorer: Scorer,
    stream: Stream,
    files: Sequence[ScoreFile],
    weights: str | None = None,
    losses: Sequence[Losses] = (),
    complete: Complete | None = None,
    validates: bool = True,
) -> list[Evaluation | DataError]:
    """Score the test and validation splits and a sample of train by several models, each split read once.

    Parameters
    ----------
    tasks : sequence of Task
        What each model has learned: of the same targets.
    scorer : Scorer
        The models.
    stream : callable
        Opens the stream of a split. Test comes with extras, all with the extra `weights` if there is one and
        with those of the task, and train is shuffled: the sample is its first 50,000 events, or twice as many
        as test has.
    files : sequence of ScoreFile
        Where what each model gives goes; the caller commits them.
    weights : str, optional
        The extra that holds a weight per event; 1 without it.
    losses : sequence of callable, optional
        For each model, what tells the loss of each event that was minimised from what its heads give and what
        is right: None where that is usual for the task, as it is for all without this.
    complete : callable, optional
        From what is in the file of a whole split, test or validation, to what is written beside.
    validates : bool
        Whether there are events of validation: without, its numbers are missing, and say why.

    Returns
    -------
    list of Evaluation or DataError
        For each model; the error if one of its scores is nan or an event weight is not finite.
    """
    losses = losses or [lambda raw, truth: None] * len(files)
    splits = ("test", "validation") if validates else ("test",)
    with stream("test") as batches:
        classes = batches.manifest.classes
        for file in files:
            file.create(batches, tasks[0])
        test = _Events("test", batches, weights)
        test.fill(tasks, batches, scorer, files, losses)
    if validates:
        with stream("validation") as batches:
            _Events("validation", batches, weights).fill(tasks, batches, scorer, files, losses)
    with stream("train") as batches:
        sample = min(TRAIN_SAMPLE, TRAIN_FACTOR * len(test.labels))
        _Events("train", batches, weights, sample).fill(tasks, batches, scorer, files, losses)
        batches.require_same()  # only a part of the epoch was read
    for task, file in zip(tasks, files, strict=True):
        _compare(task, file, splits)
    evaluations: list[Evaluation | DataError] = []
    for task, file, seconds in zip(tasks, files, scorer.seconds, strict=True):
        try:
            if complete is not None:
                for split in splits:
                    whole = file.read(split)
                    file.write(split, 0, len(whole["weights"]), complete(whole))
            kept = file.read("test")
            measured = task.measure(kept)
            if "losses" in kept:
                test.add_loss(measured, kept["losses"], task.is_trained(kept["labels"]))
            if validates:
                measured |= task.measure_validation(file.read("validation"))
            else:
                for name in task.measure_validation(kept).values:
                    measured.add(name, None, ALL_TRAIN)
        except DataError as error:  # of this model alone
            evaluations.append(error)
        else:
            evaluations.append(Evaluation(classes, measured, test.largest / seconds))
    return evaluations


def _compare(task: Task, file: ScoreFile, splits: Sequence[str]) -> None:
    """Write what is known of events once training events have been scored too."""
    training = file.read("train") if task.compares else {}
    for split in (*splits, "train") if task.compares else ():
        found = task.compared(file.read(split), training)
        file.write(split, 0, len(next(iter(found.values()))), found)


class _Events:
    """The first events of a stream, at most `most`; what models give goes to their files as it comes."""

    def __init__(self, split: str, batches: Batches, weights: str | None, most: int | None = None) -> None:
        self._split, self._weights = split, weights
        events = batches.events if most is None else min(batches.events, most)
        self.labels = np.empty(events, np.int32)
        self.weights = np.ones(events, np.float32)
        self.loss_weights = np.empty(events, np.float32)
        self.largest = 0

    def fill(
        self,
        tasks: Sequence[Task],
        batches: Batches,
        scorer: Scorer,
        files: Sequence[ScoreFile],
        losses: Sequence[Losses],
    ) -> None:
        """Score batches until there are enough; what events of test carry along goes to the files too."""
        waiting: list[list[Arrays]] = [[] for _ in files]
        start = written = 0
        for batch in batches.epoch(0, last=True):
            self.largest = max(self.largest, len(batch))
            stop = min(start + len(batch), len(self.labels))
            here, used = slice(start, stop), slice(stop - start)
            self.labels[here], self.loss_weights[here] = batch.labels[used], batch.weights[used]
            if self._weights is not None:
                self.weights[here] = batch.extras[self._weights].reshape(len(batch))[used]
            whole = tasks[0].truth(batch.labels, batch.extras)
            truth, given = _cut(whole, used), {head.aside: whole[head.name] for head in tasks[0].given}
            found = scorer(_padded({**batch.by_network_name(), **given}, self.largest))
            for own, task, told, (final, raw) in zip(waiting, tasks, losses, found, strict=True):
                raw = _cut(raw, used)
                own.append(task.written(_cut(final, used), raw, truth, told(raw, truth)))
            if self._split == "test":
                for file in files:
                    file.carry(batch, start)
            start = stop
            if start - written >= BUFFERED or start == len(self.labels):
                for file, own in zip(files, waiting, strict=True):
                    whole = {name: np.concatenate([part[name] for part in own]) for name in own[0]}
                    file.write(self._split, written, len(self.labels), whole)
                    own.clear()
                written = start
            if start == len(self.labels):
                break
        for file in files:
            file.tell(self._split, self.labels, self.weights)

    def add_loss(self, measured: Measured, losses: NDArray[np.float32], trained: NDArray[np.bool_]) -> None:
        """Enter the loss with the weights of training, the mean over events, as in the history.

        It is that of events of the classes that were trained on.
        """
        losses, loss_weights = losses[trained], self.loss_weights[trained]
        wrong = np.count_nonzero(~np.isfinite(losses))
        if wrong:
            # of a function of the user, which may have a logarithm of 0
            measured.add("test_loss", None, f"the losses of {wrong} of {len(losses)} events are not finite")
            return
        if len(losses) < 2:
            few = "one event, which tells no uncertainty" if len(losses) else "no event of a class trained on"
            measured.add("test_loss", None, few)
            return
        weighed = loss_weights * losses.astype(np.float64)
        half = float(np.std(weighed)) / len(weighed) ** 0.5
        measured.add("test_loss", Estimate(float(np.mean(weighed)), half, half), "")


def _cut(arrays: Arrays, used: slice) -> Arrays:
    return {name: values[used] for name, values in arrays.items()}


def _padded(inputs: Arrays, size: int) -> Arrays:
    """Inputs of a batch; a short last one gets zeros behind it: a new shape is compiled anew."""
    missing = size - len(next(iter(inputs.values())))
    if not missing:
        return inputs
    return {
        name: np.concatenate([values, np.zeros((missing, *values.shape[1:]), values.dtype)])
        for name, values in inputs.items()
    }
