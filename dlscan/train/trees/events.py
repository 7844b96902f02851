"""All events of a split in memory, as trees want them: a row of numbers for each."""

import dataclasses
from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from dlscan.config import Experiment
from dlscan.dataset import ArraySpec, Manifest
from dlscan.errors import ConfigError
from dlscan.machine import free_memory
from dlscan.stream import Batches
from dlscan.tasks import Arrays, Task
from dlscan.trees.costs import batch_events, needed_bytes, reading_bytes


@dataclasses.dataclass(frozen=True)
class TreeEvents:
    """The events of a split.

    Attributes
    ----------
    features : ndarray of float32, (N, F)
        The values of all inputs, flattened and one behind the other.
    truth : dict of str to ndarray, (N, ...)
        What is to be learned, by the name of the head.
    weights : ndarray of float32, (N,)
        In the loss.
    labels : ndarray of int32, (N,)
        Indices of the classes.
    factors : tuple of float
        What the weights of the events of each class were multiplied by.
    """

    features: NDArray[np.float32]
    truth: Arrays
    weights: NDArray[np.float32]
    labels: NDArray[np.int32]
    factors: tuple[float, ...]

    def only(self, names: Collection[str], inputs: Mapping[str, ArraySpec]) -> "TreeEvents":
        """The events with the values of some of these inputs, the inputs of the dataset."""
        wanted = np.concatenate([np.full(column.size, name in names) for name, column in inputs.items()])
        return self if wanted.all() else dataclasses.replace(self, features=self.features[:, wanted])


def require_room(experiment: Experiment, manifest: Manifest, margins: int) -> None:
    """Check that the training and validation events fit into memory, before any is read.

    Parameters
    ----------
    experiment : Experiment
        Its `stream.memory` is what they may take; by default half of what is free.
    manifest : Manifest
        Of the dataset.
    margins : int
        Numbers that trees give for an event.

    Raises
    ------
    ConfigError
        If they do not; it says what to do.
    """
    values = sum(column.size for column in manifest.inputs.values())
    needed = needed_bytes(manifest, margins)
    given = experiment.stream.memory
    room = free_memory() // 2 if given is None else given
    if needed > room:
        events = sum(manifest.splits[name].events for name in ("train", "validation"))
        which = "half of the free memory" if given is None else "this"
        raise ConfigError(
            f"{experiment.file}: stream.memory: boosted trees hold all training and validation events in "
            f"memory, and {events:,} events of {values:,} values need {_gib(needed)}, but {which} is "
            f"{_gib(room)}; raise stream.memory, or prepare fewer events or fewer cells: an image can be "
            "summed to layers"
        )


def read_events(experiment: Experiment, split: str, task: Task, dataset: str) -> TreeEvents:
    """Read a split in the order of the disk.

    Parameters
    ----------
    experiment : Experiment
        Where it is; `data.balance: oversample` becomes weights of classes, which is the same in the mean.
    split : {"train", "validation"}
        Which events.
    task : Task
        What is to be learned of them.
    dataset : str
        The `config_hash` of the dataset that it must be.

    Raises
    ------
    DataError
        If there is no dataset, or another, or an event weight is not finite.
    """
    data, manifest = experiment.data, Manifest.of(experiment)
    with Batches(
        data.prepared,
        split=split,
        batch_size=batch_events(manifest),
        workers=experiment.stream.workers,
        shuffle=False,
        balance="none" if data.balance == "none" else "weights",
        extras=bool(task.extras),
        memory=reading_bytes(manifest),
        event_weights=data.training_weights,
        dataset=dataset,
        left_out=data.left_out,
        share=data.fraction if split == "train" else None,
    ) as batches:
        values = sum(column.size for column in batches.manifest.inputs.values())
        features = np.empty((batches.events, values), np.float32)
        labels = np.empty(batches.events, np.int32)
        weights = np.empty(batches.events, np.float32)
        truth: Arrays = {}
        start = 0
        for batch in batches.epoch(0, last=True):
            here = slice(start, start := start + len(batch))
            column = 0
            for name in batches.manifest.inputs:
                flat = batch.inputs[name].reshape(len(batch), -1)
                features[here, column : column + flat.shape[1]] = flat
                column += flat.shape[1]
            labels[here], weights[here] = batch.labels, batch.weights
            for name, own in task.truth(batch.labels, batch.extras).items():
                if name not in truth:
                    truth[name] = np.empty((batches.events, *own.shape[1:]), own.dtype)
                truth[name][here] = own
    return TreeEvents(features, truth, weights, labels, batches.class_weights)


def _gib(size: int) -> str:
    return f"{size / 2**30:.3g} GiB"
