"""The events of another domain: batches beside those of training, and what a network is worth there."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config import Experiment
from dlscan.dataset import Manifest
from dlscan.dataset.other_domain import require_domain
from dlscan.metrics import Measured, measure
from dlscan.models import keras
from dlscan.stream import Batch, Batches
from dlscan.tasks.classify_metrics import AREA, ELSEWHERE
from dlscan.train.devices import sender
from dlscan.train.feed import Fed, Feed
from dlscan.train.learner import Learner
from dlscan.train.steps import compiled

# Training, validation, and both again of the other domain share what `stream.memory` allows.
_STREAMS = 4


class _Unlabelled:
    """Nothing is to be learned of these events."""

    def truth(self, labels: NDArray[Any], extras: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        return {}


class DomainStream:
    """The events of a split of the other domain, over and over.

    Batch number n of a training is the same however often it was stopped.

    Parameters
    ----------
    batches : Batches
        Of the split.
    """

    def __init__(self, batches: Batches) -> None:
        self._batches, self._feed = batches, Feed(_Unlabelled())  # type: ignore[arg-type]

    def fed(self, first: int, one_length: bool) -> Iterator[Fed]:
        """The batches from number `first` on, without an end."""
        return self._feed(self._endless(first), one_length)

    def _endless(self, first: int) -> Iterator[Batch]:
        epoch, place = divmod(first, self._batches.steps)
        while True:
            # nothing here may hold a batch: its slot would be lent for longer
            yield from itertools.islice(self._batches.epoch(epoch), place, None)
            epoch, place = epoch + 1, 0


def open_domain(experiment: Experiment, manifest: Manifest, stack: ExitStack) -> dict[str, DomainStream]:
    """Open the other domain of an experiment, by split; empty if it has none.

    Raises
    ------
    ConfigError, DataError
        If it is not prepared, or its events have other shapes.
    """
    other = experiment.other_domain
    if other is None:
        return {}
    found = require_domain(experiment, manifest)
    assert found is not None
    memory = None if experiment.stream.memory is None else experiment.stream.memory // _STREAMS
    opened = {
        split: Batches(
            other.data.prepared,
            split=split,
            batch_size=experiment.train.batch_size,
            workers=0,
            seed=experiment.train.seed,
            shuffle=split == "train",
            memory=memory,
            dataset=found.config_hash,
            augment=experiment.data.augment if split == "train" else {},
        )
        for split in ("train", "validation")
    }
    return {split: DomainStream(stack.enter_context(batches)) for split, batches in opened.items()}


def measure_domain(experiment: Experiment, learner: Learner, classes: tuple[str, ...]) -> Measured:
    """The areas of a network on the test split of the other domain, if its events have labels there.

    Returns
    -------
    Measured
        `Domain_Mean_AUC`, `Domain_<Class>_AUC` and so on.

    Raises
    ------
    DataError
        If the events are no longer those that it was trained on.
    """
    other = experiment.other_domain
    if other is None:
        return Measured()
    call, send = compiled(learner.network), sender()
    scores, labels = [], []
    with Batches(
        other.data.prepared, split="test", shuffle=False, workers=0, dataset=learner.domain
    ) as batches:
        if tuple(batches.manifest.classes) != classes:
            return Measured()
        for batch in batches.epoch(0, last=True):
            told = call(send(batch.by_network_name())())
            found = told["scores"] if isinstance(told, dict) else told
            scores.append(_numpy(found))
            labels.append(np.array(batch.labels))
    measured = measure(np.concatenate(scores), np.concatenate(labels), classes)
    return measured.renamed({name: f"{ELSEWHERE}{name}" for name in measured.values if name.endswith(AREA)})


def _numpy(tensor: Any) -> NDArray[Any]:
    return np.array(keras.ops.convert_to_numpy(tensor))
