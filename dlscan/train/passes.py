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

# Folds whose batches are taken together, at most: a signal is looked at in between.
_TOGETHER = 5


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
        How many of those behind it may be taken together with it: always a batch of each of the same folds.
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

    def together(self, left_out: Collection[LeftOut]) -> bool:
        """Whether fewer calls are needed if batches are taken together that may be.

        One that comes alone then needs a call for each choice of folds that does not leave it out.
        """


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

    def together(self, left_out: Collection[LeftOut]) -> bool:
        return False


class FoldPass:
    """The folds of a dataset, each batch of one fold; see `Pass`.

    The folds take turns, some at a time, with a batch each, in the order of their numbers. Where folds have
    fewer batches than others, the turns without them are spread evenly over the epoch. A training takes the
    batches that are not of the folds that it leaves out. So it takes the same ones in the same order whoever
    else is in the pass, and one alone reads only what it takes.

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
        self._groups = _groups(len(self._steps))
        self._turns = _turns(self._steps, self._groups)
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
        place = 0
        for turn in self._turns:
            own = [(at, fold) for at, fold in enumerate(turn, place + 1) if fold in batches]
            # what is left of a turn is not whole
            whole = turn in self._groups and place >= done
            place += len(turn)
            for rest, (at, fold) in zip(reversed(range(len(own))), own, strict=True):
                if at <= done:
                    next(batches[fold])
                else:
                    yield Delivered(at, fold, next(batches[fold]), rest if whole else 0)
        for end in batches.values():
            next(end, None)  # a stream looks at its end whether the dataset is still the same

    def together(self, left_out: Collection[LeftOut]) -> bool:
        # steps in a call take time to compile: for one choice of folds those on a batch serve for all
        if len(left_out) == 1:
            return False
        takers = [sum(fold not in own for own in left_out) for fold in range(1, len(self._steps) + 1)]
        calls = [
            1 if turn in self._groups else sum(takers[fold - 1] for fold in turn) for turn in self._turns
        ]
        batches = sum(steps for steps, count in zip(self._steps, takers, strict=True) if count)
        return sum(calls) < batches


def _groups(folds: int) -> list[list[int]]:
    """Folds, from 1, a few in each group, and about as many in all."""
    count = -(-folds // _TOGETHER)
    edges = [folds * number // count for number in range(count + 1)]
    return [list(range(first + 1, last + 1)) for first, last in itertools.pairwise(edges)]


def _turns(steps: Sequence[int], groups: Sequence[Sequence[int]]) -> list[list[int]]:
    """The folds, from 1, that have a batch each in the turns of an epoch, from the batches that each has."""
    rounds: list[list[list[int]]] = [[[] for _ in groups] for _ in range(max(steps))]
    for number, group in enumerate(groups):
        least = min(steps[fold - 1] for fold in group)
        whole = _evenly(least, len(rounds))
        others = sorted(set(range(len(rounds))) - set(whole))
        for fold in group:
            more = [others[place] for place in _evenly(steps[fold - 1] - least, len(others))]
            for place in (*whole, *more):
                rounds[place][number].append(fold)
    return [turn for turns in rounds for turn in turns if turn]


def _evenly(count: int, places: int) -> list[int]:
    """So many of these places, from 0."""
    return [(2 * number + 1) * places // (2 * count) for number in range(count)]


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
