"""Trained networks on events: scores to files, and what they are worth."""

import contextlib
import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config import network_name
from dlscan.errors import DataError
from dlscan.metrics import Estimate, Measured, losses_from_logits, measure, measure_validation
from dlscan.models import keras
from dlscan.models.trunk import split, with_logits
from dlscan.stream import Batch, Batches
from dlscan.train.devices import Arrays, sender
from dlscan.train.scores import ScoreFile
from dlscan.train.steps import Call, compiled

# Enough to see whether a network knows its training events better than others.
TRAIN_SAMPLE, TRAIN_FACTOR = 50_000, 2

# Events whose scores wait to be written: of many networks many small writes take longer than scoring.
BUFFERED = 32_768

# Long enough for a median, short enough for a scan of small networks.
_TIMED_SECONDS, _TIMED_CALLS = 0.02, 20

# Scores (B, C) and losses (B,) of a network.
Scored = tuple[NDArray[np.float32], NDArray[np.float32]]
Stream = Callable[[str], contextlib.AbstractContextManager[Batches]]


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What the scores are worth.

    Attributes
    ----------
    classes : tuple of str
        Labels, in the order of the score columns.
    measured : Measured
        Of the test and validation splits.
    events_per_second : float
        Events scored per second, reading not included.
    """

    classes: tuple[str, ...]
    measured: Measured
    events_per_second: float


def evaluate(
    networks: Sequence[Any], stream: Stream, files: Sequence[ScoreFile], weights: str | None = None
) -> list[Evaluation | DataError]:
    """Score the test and validation splits and a sample of train by several networks, each split read once.

    Parameters
    ----------
    networks : sequence of keras.Model
        Take raw inputs by name, give scores; the last layer is the softmax.
    stream : callable
        Opens the stream of a split. Test comes with extras, all with the extra `weights` if there is one, and
        train is shuffled: the sample is its first 50,000 events, or twice as many as test has.
    files : sequence of ScoreFile
        Where the scores of each network go; the caller commits them.
    weights : str, optional
        The extra that holds a weight per event; 1 without it.

    Returns
    -------
    list of Evaluation or DataError
        For each network; the error if one of its scores is nan or an event weight is not finite.
    """
    scorers = _Scorers(networks)
    with stream("test") as batches:
        classes = batches.manifest.classes
        for file in files:
            file.create(batches)
        test = _Events("test", batches, weights)
        test.fill(batches, scorers, files)
    with stream("validation") as batches:
        validation = _Events("validation", batches, weights)
        validation.fill(batches, scorers, files)
    with stream("train") as batches:
        sample = min(TRAIN_SAMPLE, TRAIN_FACTOR * len(test.labels))
        train = _Events("train", batches, weights, sample)
        train.fill(batches, scorers, files)
        batches.require_same()  # only a part of the epoch was read
    evaluations: list[Evaluation | DataError] = []
    for file, seconds in zip(files, scorers.seconds, strict=True):
        try:
            measured = _measured(file, test, validation, classes)
        except DataError as error:  # of this network alone
            evaluations.append(error)
        else:
            evaluations.append(Evaluation(classes, measured, test.largest / seconds))
    return evaluations


def _measured(file: ScoreFile, test: "_Events", validation: "_Events", classes: tuple[str, ...]) -> Measured:
    """What the scores of a network are worth."""
    scores, losses = file.read("test")
    measured = measure(scores, test.labels, classes, test.weights, losses)
    measured.add("test_loss", test.loss(losses), "no events")
    scores, _ = file.read("validation")
    return measured | measure_validation(scores, validation.labels, classes, validation.weights)


class _Scorers:
    """Networks that score, each batch scaled once for all; how fast they are is measured on the first."""

    def __init__(self, networks: Sequence[Any]) -> None:
        cut = [split(with_logits(network)) for network in networks]
        self._trunk, self._heads = compiled(cut[0][0]), [compiled(head) for _, head in cut]
        self._send = sender()
        self.seconds: list[float] = []

    def __call__(self, inputs: Arrays) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """The scores and logits of each network, in order."""
        sent = self._send(inputs)()
        scaled = self._trunk(sent)
        told = (keras.tree.map_structure(keras.ops.convert_to_numpy, head(scaled)) for head in self._heads)
        both = ((found["scores"], found["logits"]) for found in told)
        if self.seconds:
            yield from both
            return
        first = list(both)
        shared = _seconds(self._trunk, sent)
        self.seconds = [shared + _seconds(head, scaled) for head in self._heads]
        yield from first


def _seconds(call: Call, inputs: Any) -> float:
    """Time of one call, once it is compiled."""
    calls: list[float] = []
    while not calls or (sum(calls) < _TIMED_SECONDS and len(calls) < _TIMED_CALLS):
        start = time.perf_counter()
        for tensor in keras.tree.flatten(call(inputs)):
            keras.ops.convert_to_numpy(tensor)
        calls.append(time.perf_counter() - start)
    return statistics.median(calls)


class _Events:
    """The first events of a stream, at most `most`; the scores of networks go to their files as they come."""

    def __init__(self, split: str, batches: Batches, weights: str | None, most: int | None = None) -> None:
        self._split, self._weights = split, weights
        events = batches.events if most is None else min(batches.events, most)
        self.labels = np.empty(events, np.int32)
        self.weights = np.ones(events, np.float32)
        self.loss_weights = np.empty(events, np.float32)
        self.largest = 0

    def fill(self, batches: Batches, scorers: _Scorers, files: Sequence[ScoreFile]) -> None:
        """Score batches until there are enough; what events of test carry along goes to the files too."""
        for file in files:
            file.make_room(self._split, len(self.labels), len(batches.manifest.classes))
        waiting: list[list[Scored]] = [[] for _ in files]
        start = written = 0
        for batch in batches.epoch(0, last=True):
            self.largest = max(self.largest, len(batch))
            stop = min(start + len(batch), len(self.labels))
            here, used = slice(start, stop), slice(stop - start)
            self.labels[here], self.loss_weights[here] = batch.labels[used], batch.weights[used]
            if self._weights is not None:
                self.weights[here] = batch.extras[self._weights].reshape(len(batch))[used]
            for own, (scores, logits) in zip(waiting, scorers(_padded(batch, self.largest)), strict=True):
                losses = losses_from_logits(logits[used], self.labels[here])
                own.append((scores[used], losses.astype(np.float32)))
            if self._split == "test":
                for file in files:
                    file.carry(batch, start)
            start = stop
            if start - written >= BUFFERED or start == len(self.labels):
                for file, own in zip(files, waiting, strict=True):
                    file.write(self._split, written, *map(np.concatenate, zip(*own, strict=True)))
                    own.clear()
                written = start
            if start == len(self.labels):
                break
        for file in files:
            file.tell(self._split, self.labels, self.weights)

    def loss(self, losses: NDArray[np.float32]) -> Estimate:
        """Cross-entropy with the weights of training, the mean over events, as in the history."""
        weighed = self.loss_weights * losses.astype(np.float64)
        half = float(np.std(weighed)) / len(weighed) ** 0.5
        return Estimate(float(np.mean(weighed)), half, half)


def _padded(batch: Batch, size: int) -> dict[str, NDArray[np.float32]]:
    """Inputs by the network's names, with zeros behind a short last batch: a new shape is compiled anew."""
    inputs = {network_name(name): values for name, values in batch.inputs.items()}
    missing = size - len(batch)
    if not missing:
        return inputs
    return {
        name: np.concatenate([values, np.zeros((missing, *values.shape[1:]), values.dtype)])
        for name, values in inputs.items()
    }
