"""The trained network on events: scores to a file, and what they are worth."""

import contextlib
import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dlscan.config import network_name
from dlscan.files import written_whole
from dlscan.metrics import Estimate, Measured, event_losses, measure, measure_validation
from dlscan.stream import Batch, Batches

TRAIN_SAMPLE = 50_000

# Long enough for a median, short enough for a scan of small networks.
_TIMED_SECONDS, _TIMED_CALLS = 0.2, 20

Stream = Callable[[str], contextlib.AbstractContextManager[Batches]]


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What the scores are worth.

    Attributes
    ----------
    measured : Measured
        Of the test and validation splits.
    events_per_second : float
        Events scored per second in batches of training's size, reading not included.
    """

    measured: Measured
    events_per_second: float


def evaluate(network: Any, stream: Stream, path: Path, weights: str | None = None) -> Evaluation:
    """Score the test and validation splits and a sample of train, write the scores, whole, and measure them.

    Parameters
    ----------
    network : keras.Model
        Takes raw inputs by name, gives scores.
    stream : callable
        Opens the stream of a split. Test comes with extras, all with the extra `weights` if there is one, and
        train is shuffled: the sample is its first 50,000 events.
    path : Path
        The HDF5 file to write. At its root the test split: `scores` (N, C) float32, `labels` (N,) int32,
        `weights` (N,) float32, `sources` (N, 2) uint32 (number of the raw file in the dataset's manifest, row
        in it), `extras/<name>`; attributes `classes`, `split`. In the groups `validation` and `train`
        `scores`, `labels` and `weights` of those.
    weights : str, optional
        The extra that holds a weight per event; 1 without it.

    Raises
    ------
    DataError
        If a score is nan or an event weight is not finite.
    """
    with written_whole(path) as temporary, h5py.File(temporary, "w") as file:
        with stream("test") as batches:
            classes = batches.manifest.classes
            file.attrs["classes"], file.attrs["split"] = list(classes), "test"
            _create_extras(file, batches)
            test = _Scores(network, batches, weights)
            test.fill(_carried(batches, file))
        test.write(file)
        with stream("validation") as batches:
            validation = _Scores(network, batches, weights)
            validation.fill(batches.epoch(0))
        validation.write(file.create_group("validation"))
        with stream("train") as batches:
            train = _Scores(network, batches, weights, TRAIN_SAMPLE)
            train.fill(batches.epoch(0))
        train.write(file.create_group("train"))
    measured = measure(test.scores, test.labels, classes, test.weights)
    measured.add("test_loss", _loss(test), "no event")
    measured |= measure_validation(validation.scores, validation.labels, classes, validation.weights)
    return Evaluation(measured, test.events_per_second)


class _Scores:
    """The scores of a stream's first events, at most `most`."""

    def __init__(self, network: Any, batches: Batches, weights: str | None, most: int | None = None) -> None:
        self._network, self._weights = network, weights
        events = batches.events if most is None else min(batches.events, most)
        self.scores = np.empty((events, len(batches.manifest.classes)), np.float32)
        self.labels = np.empty(events, np.int32)
        self.weights = np.ones(events, np.float32)
        self.loss_weights = np.empty(events, np.float32)
        self.events_per_second = 0.0

    def fill(self, batches: Iterator[Batch]) -> None:
        """Score batches until the arrays are full."""
        size = start = 0
        for batch in batches:
            inputs = {network_name(name): values for name, values in batch.inputs.items()}
            if not start:
                size = len(batch)
                self.events_per_second = size / self._seconds(inputs)
            stop = min(start + len(batch), len(self.labels))
            here, used = slice(start, stop), slice(stop - start)
            scores = self._network.predict_on_batch(_padded(inputs, size))
            self.scores[here] = np.asarray(scores)[used]
            self.labels[here], self.loss_weights[here] = batch.labels[used], batch.weights[used]
            if self._weights is not None:
                self.weights[here] = batch.extras[self._weights].reshape(len(batch))[used]
            start = stop
            if start == len(self.labels):
                break

    def write(self, group: Any) -> None:
        group["scores"], group["labels"], group["weights"] = self.scores, self.labels, self.weights

    def _seconds(self, inputs: dict[str, NDArray[np.float32]]) -> float:
        """Time of one call, once it is compiled."""
        self._network.predict_on_batch(inputs)
        calls: list[float] = []
        while not calls or (sum(calls) < _TIMED_SECONDS and len(calls) < _TIMED_CALLS):
            start = time.perf_counter()
            self._network.predict_on_batch(inputs)
            calls.append(time.perf_counter() - start)
        return statistics.median(calls)


def _padded(inputs: dict[str, NDArray[np.float32]], size: int) -> dict[str, NDArray[np.float32]]:
    """Zeros behind a short last batch: a new shape would be compiled anew."""
    missing = size - len(next(iter(inputs.values())))
    if not missing:
        return inputs
    return {
        name: np.concatenate([values, np.zeros((missing, *values.shape[1:]), values.dtype)])
        for name, values in inputs.items()
    }


def _create_extras(file: Any, batches: Batches) -> None:
    file.create_dataset("sources", (batches.events, 2), np.uint32)
    extras = file.create_group("extras")
    for name, column in batches.manifest.extras.items():
        extras.create_dataset(name, (batches.events, *column.shape), column.dtype)


def _carried(batches: Batches, file: Any) -> Iterator[Batch]:
    """The batches, once what they carry along is in the file."""
    start = 0
    for batch in batches.epoch(0):
        here = slice(start, start + len(batch))
        file["sources"][here] = batch.sources
        for name, values in batch.extras.items():
            file["extras"][name][here] = values
        start = here.stop
        yield batch


def _loss(test: _Scores) -> Estimate:
    """Cross-entropy with the weights of training, the mean over events, as in the history."""
    losses = test.loss_weights * event_losses(test.scores, test.labels)
    half = float(np.std(losses)) / len(losses) ** 0.5
    return Estimate(float(np.mean(losses)), half, half)
