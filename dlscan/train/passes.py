"""What an epoch of training reads: a stream of one split, or the folds of a dataset, which several share."""

import contextlib
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from dlscan.config import Experiment
from dlscan.dataset import Manifest
from dlscan.stream import Batch, Batches
from dlscan.stream.options import auto_workers
from dlscan.train.folds import LeftOut, passed_alone
from dlscan.train.streams import open_stream


class Delivered(NamedTuple):
    """A batch on its way.

    Attributes
    ----------
    place : int
        Its number in the pass, from 1; those that nobody takes count too.
    fold : int or None
        The fold that all of its events are of, where folds are passed through.
    batch : Batch
        The events.
    """

    place: int
    fold: int | None
    batch: Batch


class Pass(Protocol):
    """What the networks of a job are trained on.

    Attributes
    ----------
    steps : int
        Batches of an epoch.
    events : int
        Events of an epoch.
    """

    steps: int
    events: int

    @property
    def mixing(self) -> int | None:
        """See `Batches`."""

    def mix(self, events: int | None) -> bool:
        """See `Batches`."""

    def require_same(self) -> None:
        """See `Batches`."""

    def steps_of(self, left_out: LeftOut) -> int:
        """Batches that a training takes which leaves out these folds."""

    def deliver(
        self, epoch: int, done: int, last: bool, left_out: Collection[LeftOut]
    ) -> Iterator[Delivered]:
        """The batches of an epoch behind the first `done` for trainings that leave out these folds."""


class WholePass:
    """A stream of the training split; see `Pass`."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self.steps, self.events = batches.steps, batches.events

    @property
    def mixing(self) -> int | None:
        return self._batches.mixing

    def mix(self, events: int | None) -> bool:
        return self._batches.mix(events)

    def require_same(self) -> None:
        self._batches.require_same()

    def steps_of(self, left_out: LeftOut) -> int:
        return self.steps

    def deliver(
        self, epoch: int, done: int, last: bool, left_out: Collection[LeftOut]
    ) -> Iterator[Delivered]:
        # nothing here may hold a batch: its slot would be lent for longer
        batches = map(Delivered, itertools.count(1), itertools.repeat(None), self._batches.epoch(epoch, last))
        yield from itertools.islice(batches, done, None)


class FoldPass:
    """The folds of a dataset, each batch of one fold; see `Pass`.

    The batches of each fold are spread evenly over the epoch, in an order that depends on seed and epoch
    alone. A training takes those that are not of the folds that it leaves out. So it takes the same batches
    in the same order whoever else is in the pass, and one alone reads only what it takes.

    Parameters
    ----------
    streams : mapping of int to Batches
        Of the folds, from 1, that somebody trains on.
    manifest : Manifest
        Of the dataset.
    batch_size, seed : int
        Of the streams.
    classes : collection of str
        Those that are delivered; all without any.
    """

    mixing = None

    def __init__(
        self,
        streams: Mapping[int, Batches],
        manifest: Manifest,
        batch_size: int,
        seed: int,
        classes: Collection[str] = (),
    ) -> None:
        self._streams, self._seed = streams, seed
        wanted = [manifest.number_of(name) for name in classes] or range(len(manifest.classes))
        counts = [sum(fold.events.counts[number] for number in wanted) for fold in manifest.folds]
        self._steps = [-(-events // batch_size) for events in counts]
        self.steps = sum(self._steps)
        self.events = sum(stream.events for stream in streams.values())

    def mix(self, events: int | None) -> bool:
        return True

    def require_same(self) -> None:
        for stream in self._streams.values():
            stream.require_same()

    def steps_of(self, left_out: LeftOut) -> int:
        return sum(steps for fold, steps in enumerate(self._steps, 1) if fold not in left_out)

    def deliver(
        self, epoch: int, done: int, last: bool, left_out: Collection[LeftOut]
    ) -> Iterator[Delivered]:
        wanted = [fold for fold in self._streams if not all(fold in own for own in left_out)]
        batches = {fold: self._streams[fold].epoch(epoch, last) for fold in wanted}
        for place, fold in enumerate(self._order(epoch).tolist(), 1):
            if fold not in batches:
                continue
            if place <= done:
                next(batches[fold])
            else:
                yield Delivered(place, fold, next(batches[fold]))
        for rest in batches.values():
            next(rest, None)  # a stream looks at its end whether the dataset is still the same

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """The fold of each batch."""
        rng = np.random.default_rng([self._seed, epoch, 1])
        keys = [(np.arange(steps) + rng.random()) / steps for steps in self._steps]
        folds = np.repeat(np.arange(1, len(self._steps) + 1), self._steps)
        return folds[np.argsort(np.concatenate(keys), kind="stable")]


def open_pass(
    experiments: Sequence[Experiment], manifest: Manifest, seed: int, stack: contextlib.ExitStack
) -> Pass:
    """Open what trainings read, which have a pass in common.

    Parameters
    ----------
    experiments : sequence of Experiment
        Of the trainings.
    manifest : Manifest
        Of their dataset.
    seed : int
        Of the order of events.
    stack : ExitStack
        Closes it.
    """
    first = experiments[0]
    if not first.data.left_out or passed_alone(first):
        return WholePass(stack.enter_context(open_stream(first, "train", seed, manifest.config_hash)))
    left_out = {experiment.data.left_out for experiment in experiments}
    numbers = range(1, len(manifest.folds) + 1)
    wanted = [fold for fold in numbers if not all(fold in own for own in left_out)]
    options: dict[str, Any] = {"workers": first.stream.workers}
    if options["workers"] == "auto":
        events = sum(manifest.folds[fold - 1].events.events for fold in wanted)
        workers = auto_workers(manifest, events, True)
        options["workers"] = max(workers // len(wanted), 1) if workers else 0
    streams = {
        fold: stack.enter_context(
            # a fold is what validates if it is left out; all of them count, because the order of events may
            # depend on the memory, and a training alone leaves out some
            open_stream(
                *(first, "validation", seed, manifest.config_hash),
                fold=fold,
                beside=len(numbers),
                **options,
            )
        )
        for fold in wanted
    }
    return FoldPass(streams, manifest, first.train.batch_size, seed, first.task.train_on)
