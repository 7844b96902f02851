"""What an epoch of training reads: a stream of one split, or the folds of a dataset, which several share."""

import contextlib
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

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
    rest : int
        How many of those behind it belong to the same round, which is whole: one batch of each fold.
    """

    place: int
    fold: int | None
    batch: Batch
    rest: int = 0


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

    An epoch has as many rounds as the longest fold has batches. In a round the folds follow each other by
    their numbers, with a batch each; those that have fewer batches are spread evenly over the rounds. A
    training takes the batches that are not of the folds that it leaves out. So it takes the same ones in the
    same order whoever else is in the pass, and one alone reads only what it takes.

    Parameters
    ----------
    streams : mapping of int to Batches
        Of the folds, from 1, that somebody trains on.
    manifest : Manifest
        Of the dataset.
    batch_size : int
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
        classes: Collection[str] = (),
    ) -> None:
        self._streams = streams
        wanted = [manifest.number_of(name) for name in classes] or range(len(manifest.classes))
        counts = [sum(fold.events.counts[number] for number in wanted) for fold in manifest.folds]
        self._steps = [-(-events // batch_size) for events in counts]
        self._rounds = _rounds(self._steps)
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
        places = itertools.count(1)
        for folds in self._rounds:
            taken = [(place, fold) for fold, place in zip(folds, places, strict=False) if fold in batches]
            whole = len(taken) == len(batches) and taken[0][0] > done
            for number, (place, fold) in enumerate(taken, 1):
                if place <= done:
                    next(batches[fold])
                else:
                    yield Delivered(place, fold, next(batches[fold]), len(taken) - number if whole else 0)
        for end in batches.values():
            next(end, None)  # a stream looks at its end whether the dataset is still the same


def _rounds(steps: Sequence[int]) -> list[list[int]]:
    """The folds, from 1, of each round, from the batches that each fold has in an epoch."""
    rounds: list[list[int]] = [[] for _ in range(max(steps))]
    for fold, count in enumerate(steps, 1):
        for number in range(count):
            rounds[(2 * number + 1) * len(rounds) // (2 * count)].append(fold)
    return rounds


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
    return FoldPass(streams, manifest, first.train.batch_size, first.task.train_on)
