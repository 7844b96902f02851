"""Trained networks on events: scores to files, and what they are worth."""

import contextlib
import dataclasses
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config import network_name
from dlscan.metrics import Estimate, Measured, event_losses, measure, measure_validation
from dlscan.models import keras
from dlscan.stream import Batch, Batches
from dlscan.train.devices import Send, Tensors, sender
from dlscan.train.scores import ScoreFile
from dlscan.train.steps import scorer

TRAIN_SAMPLE = 50_000

# Long enough for a median, short enough for a scan of small networks.
_TIMED_SECONDS, _TIMED_CALLS = 0.05, 20

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
) -> list[Evaluation]:
    """Score the test and validation splits and a sample of train by several networks, each split read once.

    Parameters
    ----------
    networks : sequence of keras.Model
        Take raw inputs by name, give scores.
    stream : callable
        Opens the stream of a split. Test comes with extras, all with the extra `weights` if there is one, and
        train is shuffled: the sample is its first 50,000 events.
    files : sequence of ScoreFile
        Where the scores of each network go; the caller commits them.
    weights : str, optional
        The extra that holds a weight per event; 1 without it.

    Raises
    ------
    DataError
        If a score is nan or an event weight is not finite.
    """
    scorers, send = [_Scorer(network) for network in networks], sender()
    with stream("test") as batches:
        classes = batches.manifest.classes
        for file in files:
            file.create(batches)
        test = _Events(batches, weights, len(networks))
        test.fill(batches, scorers, send, files)
    with stream("validation") as batches:
        validation = _Events(batches, weights, len(networks))
        validation.fill(batches, scorers, send)
    with stream("train") as batches:
        train = _Events(batches, weights, len(networks), TRAIN_SAMPLE)
        train.fill(batches, scorers, send)
    evaluations = []
    for number, (file, network) in enumerate(zip(files, scorers, strict=True)):
        for split, events in (("test", test), ("validation", validation), ("train", train)):
            file.write(split, events.scores[number], events.labels, events.weights)
        measured = measure(test.scores[number], test.labels, classes, test.weights)
        measured.add("test_loss", test.loss(number), "no event")
        measured |= measure_validation(
            validation.scores[number], validation.labels, classes, validation.weights
        )
        evaluations.append(Evaluation(classes, measured, network.events_per_second))
    return evaluations


class _Scorer:
    """A network that scores; its first call, with a whole batch, measures how fast it is."""

    def __init__(self, network: Any) -> None:
        self._score = scorer(network)
        self.events_per_second = 0.0

    def __call__(self, inputs: Tensors, events: int) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = keras.ops.convert_to_numpy(self._score(inputs))
        if not self.events_per_second:
            self.events_per_second = events / self._seconds(inputs)
        return scores

    def _seconds(self, inputs: Tensors) -> float:
        """Time of one call, once it is compiled."""
        calls: list[float] = []
        while not calls or (sum(calls) < _TIMED_SECONDS and len(calls) < _TIMED_CALLS):
            start = time.perf_counter()
            keras.ops.convert_to_numpy(self._score(inputs))
            calls.append(time.perf_counter() - start)
        return statistics.median(calls)


class _Events:
    """The first events of a stream, at most `most`, with the scores of each network."""

    def __init__(self, batches: Batches, weights: str | None, networks: int, most: int | None = None) -> None:
        self._weights = weights
        events = batches.events if most is None else min(batches.events, most)
        self.scores = np.empty((networks, events, len(batches.manifest.classes)), np.float32)
        self.labels = np.empty(events, np.int32)
        self.weights = np.ones(events, np.float32)
        self.loss_weights = np.empty(events, np.float32)

    def fill(
        self, batches: Batches, scorers: Sequence[_Scorer], send: Send, files: Sequence[ScoreFile] = ()
    ) -> None:
        """Score batches until the arrays are full; what they carry along goes into the files."""
        size = start = 0
        for batch in batches.epoch(0):
            size = size or len(batch)
            stop = min(start + len(batch), len(self.labels))
            here, used = slice(start, stop), slice(stop - start)
            inputs = send(_padded(batch, size))()
            for number, score in enumerate(scorers):
                self.scores[number, here] = score(inputs, size)[used]
            self.labels[here], self.loss_weights[here] = batch.labels[used], batch.weights[used]
            if self._weights is not None:
                self.weights[here] = batch.extras[self._weights].reshape(len(batch))[used]
            for file in files:
                file.carry(batch, start)
            start = stop
            if start == len(self.labels):
                break

    def loss(self, number: int) -> Estimate:
        """Cross-entropy with the weights of training, the mean over events, as in the history."""
        losses = self.loss_weights * event_losses(self.scores[number], self.labels)
        half = float(np.std(losses)) / len(losses) ** 0.5
        return Estimate(float(np.mean(losses)), half, half)


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
