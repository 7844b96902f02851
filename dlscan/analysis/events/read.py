"""A prepared dataset, read to be looked at: its manifest, the names of its features, a few of its events."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.analysis.events.augmented import augmented, require_augmented
from dlscan.analysis.lookup import find
from dlscan.config import Experiment
from dlscan.dataset import SPLITS, Manifest, fits
from dlscan.errors import UsageError
from dlscan.raw.faults import RawError, hdf5_errors
from dlscan.raw.handle import RawHandle
from dlscan.stream import Batch, Batches

BATCH = 256


@dataclasses.dataclass(frozen=True)
class Event:
    """One event.

    Attributes
    ----------
    label : str
        Its class.
    file : str
        Its raw file, by its name below `data.raw`.
    row : int
        Its row there.
    inputs : dict of str to ndarray of float32
        Raw values; of an input with a mask the entries that are there, (n, F).
    epoch : int or None
        The epoch, from 1, in whose training it is as here: augmented.
    extras : dict of str to ndarray
        What it carries along.
    """

    label: str
    file: str
    row: int
    inputs: dict[str, NDArray[np.float32]]
    epoch: int | None = None
    extras: dict[str, NDArray[Any]] = dataclasses.field(default_factory=dict)

    @property
    def place(self) -> str:
        """Where it is from, and what has become of it."""
        return f"row {self.row}" if self.epoch is None else f"row {self.row}, in epoch {self.epoch}"


@dataclasses.dataclass(frozen=True)
class EventSet:
    """Some events of a split.

    Attributes
    ----------
    manifest : Manifest
        Of the dataset.
    split : str
        Where they come from.
    features : dict of str to tuple of str
        For each input, what its values are called.
    events : tuple of Event
        Class by class.
    """

    manifest: Manifest
    split: str
    features: dict[str, tuple[str, ...]]
    events: tuple[Event, ...]


def prepared_manifest(experiment: Experiment) -> Manifest:
    """The manifest of the dataset that was prepared for `experiment`.

    Raises
    ------
    DataError
        If there is none, or it was prepared for other keys of `data`.
    """
    manifest = Manifest.of(experiment)
    fits.require(manifest, experiment)
    return manifest


def read_events(
    experiment: Experiment,
    label: str | None = None,
    number: int = 4,
    split: str = "test",
    seed: int = 1,
    epochs: int = 0,
) -> EventSet:
    """Read whole events, drawn at random.

    Parameters
    ----------
    experiment : Experiment
        Its dataset is prepared.
    label : str, optional
        Which class, without regard to case; by default every class.
    number : int
        How many of each class.
    split : {"train", "validation", "test"}
        From where.
    seed : int
        Of the choice: the same seed gives the same events.
    epochs : int
        Each event is followed by what is made of it in the training of so many epochs, see `data.augment`.

    Returns
    -------
    EventSet

    Raises
    ------
    DataError
        If the dataset is not prepared.
    UsageError
        If there is no such class or split, or it has fewer events; or if none of its events is augmented.
    """
    manifest = prepared_manifest(experiment)
    if epochs:
        require_augmented(experiment, split)
    split = find(split, SPLITS, "split")
    wanted = manifest.classes if label is None else (find(label, manifest.classes, "class"),)
    for name in wanted:
        there = manifest.splits[split].counts[manifest.classes.index(name)]
        if number > there:
            raise UsageError(f"there are {there:,} events of {name} in split {split}, not {number:,}")
    found: dict[str, list[list[Event]]] = {name: [] for name in wanted}
    options: Any = {"seed": seed, "extras": True, "left_out": manifest.left_out}
    with Batches(experiment.data.prepared, split=split, batch_size=BATCH, workers=0, **options) as batches:
        for batch in batches.epoch(0):
            for row, event in enumerate(_events(batch, manifest)):
                if event.label in found and len(found[event.label]) < number:
                    more = augmented(experiment, manifest, batch, row, epochs) if epochs else []
                    changed = [
                        dataclasses.replace(event, inputs=own, epoch=n) for n, own in enumerate(more, 1)
                    ]
                    found[event.label].append([event, *changed])
            if all(len(events) == number for events in found.values()):
                break
    features = {name: feature_names(experiment, manifest, name) for name in manifest.inputs}
    shown = itertools.chain.from_iterable(itertools.chain(*found.values()))
    return EventSet(manifest, split, features, tuple(shown))


def without_single_axes(shape: Sequence[int]) -> tuple[int, ...]:
    """`shape` as it is looked at: an image (28, 28, 1) is one of (28, 28)."""
    return tuple(length for length in shape if length > 1)


def feature_names(experiment: Experiment, manifest: Manifest, name: str) -> tuple[str, ...]:
    """What the values of a vector input, or of entries, are called.

    It is `NAME[0]`, `NAME[1]` ... if nobody says it. Fields have their names. Of a plain dataset a raw file
    says it by an attribute `columns` of the dataset or of itself: names with commas between them, one for
    each value.
    """
    column, made = manifest.inputs[name], manifest.made.get(name)
    if made is not None and made.features:
        return made.features
    size = column.features if column.masked else column.size
    source = next(source for source in manifest.sources if source.events)
    try:
        with RawHandle(experiment.data.raw / source.file) as raw, hdf5_errors():
            text = raw.find(_raw_name(experiment, name)).dataset.attrs.get(
                "columns", raw.file.attrs.get("columns")
            )
    except RawError:
        text = None  # a dataset outlives its raw files, and does without the nicer names
    names = [item.strip() for item in text.split(",")] if isinstance(text, str) else []
    if len(names) == size:
        return tuple(names)
    return (name,) if size == 1 else tuple(f"{name}[{number}]" for number in range(size))


def _raw_name(experiment: Experiment, name: str) -> str:
    own = experiment.data.stored.get(name)
    return name if own is None else own.sources(name)[0]


def _events(batch: Batch, manifest: Manifest) -> Iterator[Event]:
    assert batch.sources is not None
    for row, label in enumerate(batch.labels):
        number, place = batch.sources[row]
        yield Event(
            manifest.classes[label],
            manifest.sources[number].file,
            int(place),
            {name: _values(batch, name, row) for name in batch.inputs},
            extras={name: own[row].copy() for name, own in batch.extras.items()},
        )


def _values(batch: Batch, name: str, row: int) -> NDArray[np.float32]:
    values: NDArray[np.float32] = batch.inputs[name][row]
    return values[batch.masks[name][row]] if name in batch.masks else values
