"""What the events of a prepared dataset hold, summed up event by event so that none has to be kept."""

import dataclasses
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.analysis.events.read import BATCH, feature_names, prepared_manifest, without_single_axes
from dlscan.analysis.lookup import find
from dlscan.config import Experiment
from dlscan.dataset import SPLITS, Manifest, fits
from dlscan.errors import UsageError
from dlscan.stream import Batch, Batches

log = logging.getLogger("dlscan")

DEFAULT_EVENTS = 4000
# So many numbers of a vector input are kept in memory at most, for all events.
_MOST_NUMBERS = 2**24

Floats = NDArray[np.floating[Any]]


@dataclasses.dataclass(frozen=True)
class InputSample:
    """What N events hold of one input.

    Attributes
    ----------
    name : str
        Of the input.
    shape : tuple of int
        Of one event, without axes of length one: none or one axis is a vector, more are an image. An input
        with a mask is a vector of the number of entries and the mean of each number over them.
    sums : ndarray, (N,)
        The sum over all values of each event.
    occupancy : ndarray, (N,)
        The fraction of its values that are not zero.
    profiles : tuple of ndarray, (N, length) each
        For images of two or three axes: along each axis, the sum over the others.
    images : ndarray, (C, rows, columns), or None
        For images of two axes: the mean of each class; nan for a class without events.
    features : dict of str to ndarray, (N,)
        For vectors: each value, by name; of a huge vector the first ones. A mean over no entries is nan.
    """

    name: str
    shape: tuple[int, ...]
    sums: Floats
    occupancy: Floats
    profiles: tuple[Floats, ...]
    images: Floats | None
    features: dict[str, Floats]

    @property
    def is_vector(self) -> bool:
        """Tell whether each value has a meaning of its own, so that their sum has none."""
        return len(self.shape) < 2


@dataclasses.dataclass(frozen=True)
class Sample:
    """N events of a split.

    Attributes
    ----------
    manifest : Manifest
        Of the dataset.
    split : str
        Where they come from.
    labels : ndarray, (N,)
        The class of each event.
    inputs : tuple of InputSample
        In the order of the experiment file.
    weights : str or None
        The extra that weighs events; nothing here is weighted.
    targets : dict of str to ndarray, (N,)
        What a regression is to predict, by name.
    """

    manifest: Manifest
    split: str
    labels: NDArray[np.int32]
    inputs: tuple[InputSample, ...]
    weights: str | None = None
    targets: dict[str, Floats] = dataclasses.field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def classes(self) -> dict[str, NDArray[np.bool_]]:
        """Which of the events are of each class, for the classes that have any."""
        return {
            name: self.labels == number
            for number, name in enumerate(self.manifest.classes)
            if (self.labels == number).any()
        }


def read_sample(
    experiment: Experiment, split: str = "train", events: int | None = None, seed: int = 1
) -> Sample:
    """Read events at random and sum them up.

    Parameters
    ----------
    experiment : Experiment
        Its dataset is prepared.
    split : {"train", "validation", "test"}
        Which events.
    events : int, optional
        How many, `DEFAULT_EVENTS` by default; where there are fewer, all, and the log says so.
    seed : int
        Of the choice: the same seed gives the same events.

    Raises
    ------
    DataError
        If the dataset is not prepared.
    UsageError
        If there is no such split, or no event in it.
    """
    manifest = prepared_manifest(experiment)
    fits.require_task(manifest, experiment)
    split = find(split, SPLITS, "split")
    there = manifest.splits[split].events
    if not there:
        raise UsageError(f"split {split} of {experiment.data.prepared} has no events")
    if events is not None and events > there:
        log.warning("split %s has only %s events, not %s; all are shown", split, f"{there:,}", f"{events:,}")
    wanted = min(events or DEFAULT_EVENTS, there)
    labels = []
    most = max(1, _MOST_NUMBERS // wanted)
    collectors = {name: _Collector(manifest, name, most) for name in manifest.inputs}
    selections = experiment.task.targets
    targets: dict[str, list[Floats]] = {name: [] for name in selections}
    options: Any = {"split": split, "batch_size": BATCH, "workers": 0, "seed": seed, "extras": bool(targets)}
    options["left_out"] = manifest.left_out
    with Batches(experiment.data.prepared, **options) as batches:
        for batch in _first(batches, wanted):
            labels.append(batch.labels)
            for name, selection in selections.items():
                values = selection.of(batch.extras[selection.extra])[: len(batch.labels)]
                targets[name].append(values.astype(np.float64))
            for name, values in batch.inputs.items():
                mask = batch.masks.get(name)
                summed = values if mask is None else _entries(values, mask)
                collectors[name].add(summed, batch.labels)
    names = {name: _names(experiment, manifest, name) for name in manifest.inputs}
    inputs = tuple(collector.sample(names[name]) for name, collector in collectors.items())
    truth = {name: np.concatenate(parts) for name, parts in targets.items()}
    return Sample(manifest, split, np.concatenate(labels), inputs, experiment.data.weights, truth)


def _names(experiment: Experiment, manifest: Manifest, name: str) -> tuple[str, ...]:
    names = feature_names(experiment, manifest, name)
    return ("entries", *(f"mean {each}" for each in names)) if manifest.inputs[name].masked else names


def _entries(values: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The number of entries of each event, and the mean of each of their numbers, (B, 1 + F)."""
    counts = np.count_nonzero(mask, axis=1)
    sums = values.sum(axis=1, dtype=np.float64)
    # padding is zero
    means = np.divide(sums, counts[:, None], out=np.full_like(sums, np.nan), where=counts[:, None] > 0)
    return np.column_stack([counts, means]).astype(np.float32)


def _first(batches: Batches, events: int) -> Iterator[Batch]:
    """The first `events` of an epoch; it is shuffled, so that they are any."""
    for batch in batches.epoch(0):
        kept = min(events, len(batch))
        inputs = {name: values[:kept] for name, values in batch.inputs.items()}
        masks = {name: mask[:kept] for name, mask in batch.masks.items()}
        yield dataclasses.replace(batch, inputs=inputs, masks=masks, labels=batch.labels[:kept])
        events -= kept
        if not events:
            return


class _Collector:
    """Adds up one input, batch by batch."""

    def __init__(self, manifest: Manifest, name: str, most_features: int) -> None:
        self.name, self._most_features = name, most_features
        column = manifest.inputs[name]
        self.shape = (1 + column.features,) if column.masked else without_single_axes(column.shape)
        self.events = np.zeros(len(manifest.classes))
        self.images = np.zeros((len(manifest.classes), *self.shape)) if len(self.shape) == 2 else None
        self.sums: list[Floats] = []
        self.occupancy: list[Floats] = []
        self.profiles: list[Sequence[Floats]] = []
        self.features: list[Floats] = []

    def add(self, values: NDArray[np.float32], labels: NDArray[np.int32]) -> None:
        """Add the events `values` (B, ...) of the classes `labels` (B,)."""
        flat = values.reshape(len(values), -1)
        values = values.reshape(len(values), *self.shape)
        self.sums.append(flat.sum(axis=1, dtype=np.float64))
        self.occupancy.append(np.count_nonzero(flat, axis=1) / flat.shape[1])
        if len(self.shape) in (2, 3):
            axes = range(1, values.ndim)
            others = [tuple(other for other in axes if other != axis) for axis in axes]
            self.profiles.append([values.sum(axis=other, dtype=np.float64) for other in others])
        if self.images is not None:
            np.add.at(self.images, labels, values)
            self.events += np.bincount(labels, minlength=len(self.events))
        if len(self.shape) < 2:
            self.features.append(flat[:, : self._most_features].astype(np.float64))

    def sample(self, names: Sequence[str]) -> InputSample:
        """What was added; `names` are those of the features."""
        images = self.images
        if images is not None:
            # a class without events has no mean
            images = images / np.where(self.events, self.events, np.nan)[:, None, None]
        features = np.concatenate(self.features).T if self.features else ()
        return InputSample(
            self.name,
            self.shape,
            np.concatenate(self.sums),
            np.concatenate(self.occupancy),
            tuple(np.concatenate(parts) for parts in zip(*self.profiles, strict=True)),
            images,
            dict(zip(names, features, strict=False)),
        )
