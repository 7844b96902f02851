"""Learners that take each step together."""

import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from dlscan.models.replicas import Replicas
from dlscan.train.areas import Areas
from dlscan.train.feed import Fed
from dlscan.train.folds import LeftOut
from dlscan.train.history import Row
from dlscan.train.kept_losses import KeptLosses
from dlscan.train.learner import Learner
from dlscan.train.means import Running, Sums
from dlscan.train.nodes import here
from dlscan.train.steps import Jit, Steps, Who, chosen, steps

NONE: Mapping[str, Fed] = MappingProxyType({})


class TrainingBatch(NamedTuple):
    """Events that a pack trains on.

    Attributes
    ----------
    fed : Fed
        On the device.
    fold : int or None
        The fold that all of them are of, where some learners leave out folds.
    others : mapping of str to Fed
        Batches of other streams by name.
    """

    fed: Fed
    fold: int | None = None
    others: Mapping[str, Fed] = NONE


class Pack:
    """Learners that train on the same batches, compiled as one.

    Some may leave out batches of some folds. What a learner becomes does not depend on the others. One that
    is finished may stay for a while, because compiling the others anew takes time too: `worth_leaving` tells
    when that pays.

    Parameters
    ----------
    learners : sequence of Learner
        At the same step of the same epoch.
    jit : bool or "auto"
        See `steps`.
    factors : sequence of float
        The weight of each class in the loss; only needed where a learner monitors the mean AUC.
    devices : Replicas
        See `steps`.
    together : bool
        Whether batches of different folds are taken in one call, if they can be compiled as one.

    Attributes
    ----------
    learners : tuple of Learner
        As given.
    left_out : tuple of tuple of int
        The different choices of folds that learners leave out, in their order.
    together : bool
        Whether batches of different folds are taken in one call.
    """

    def __init__(
        self,
        learners: Sequence[Learner],
        jit: Jit = "auto",
        factors: Sequence[float] = (),
        devices: Replicas = (),
        together: bool = False,
    ) -> None:
        self.learners = tuple(learners)
        monitored = any(learner.stopping.monitors_area for learner in learners)
        self.left_out = tuple(dict.fromkeys(learner.left_out for learner in learners))
        self._areas = {own: Areas(factors) for own in self.left_out} if monitored else {}
        self._steps: Steps = steps([learner.trained for learner in learners], jit, devices)
        self.together = together and self._steps.as_one
        self._choices = {own: self._who(own.__eq__) for own in self.left_out}
        self._whose: dict[int | None, Who] = {None: None}
        self._start_sums()
        self._compiling, self._wasted = 0.0, 0.0
        self._called: set[str] = set()

    def _who(self, chosen: Callable[[LeftOut], bool]) -> Who:
        """The learners that leave out such folds; None is all."""
        who = tuple(place for place, learner in enumerate(self.learners) if chosen(learner.left_out))
        return None if len(who) == len(self.learners) else who

    def _start_sums(self) -> None:
        """Let the sums start where each learner is."""
        self._training = Running([learner.sums for learner in self.learners])
        self._validation = Running([Sums()] * len(self.learners))

    @property
    def needs_events(self) -> bool:
        """Whether something is measured of all events of the validation split together."""
        return bool(self._areas)

    @property
    def one_length(self) -> bool:
        """See `Steps`."""
        return self._steps.one_length

    def train(self, *batches: TrainingBatch) -> None:
        """Train on batches, without waiting for the result; each is taken by all who may see its fold.

        Several have to be of the same folds each time: calls are compiled for these.
        """
        for call in self._calls(batches):
            start = time.perf_counter()
            found = self._steps.train(
                *(({**self._named(batch.fed), **batch.others}, who) for batch, who in call)
            )
            for (batch, who), numbers in zip(call, found, strict=True):
                self._training.add(numbers, batch.fed.events, who)
            self._note(f"train {[who for _, who in call]}", start)

    def _calls(self, batches: Sequence[TrainingBatch]) -> list[list[tuple[TrainingBatch, Who]]]:
        """What is trained on in a call each, and which learners take it.

        A call that takes a batch of each fold has as many steps to compile as a call for each fold. Batches
        that come alone have calls for each choice of folds beside it, which have the fewest.
        """
        if self.together and len(batches) == 1:
            (batch,) = batches
            return [[(batch, who)] for left_out, who in self._choices.items() if batch.fold not in left_out]
        taken = [(batch, self._takers(batch.fold)) for batch in batches]
        return [[(batch, who) for batch, who in taken if who != ()]]

    def _takers(self, fold: int | None) -> Who:
        """The learners that may see a fold."""
        if fold not in self._whose:
            self._whose[fold] = self._who(lambda left_out: fold not in left_out)
        return self._whose[fold]

    def look(
        self,
        batches: Mapping[LeftOut, Fed],
        others: Mapping[str, Fed] = NONE,
        kept: KeptLosses | None = None,
    ) -> None:
        """Measure what steps tell on batches, without waiting: each by those that leave these folds out.

        With `kept` the losses of their events are noted there.
        """
        start = time.perf_counter()
        found = self._steps.look(
            *(
                ({**self._named(batch), **others}, self._choices[left_out])
                for left_out, batch in batches.items()
            )
        )
        for (left_out, batch), (numbers, raw) in zip(batches.items(), found, strict=True):
            who = self._choices[left_out]
            self._validation.add(numbers, batch.events, who)
            if self._areas:
                self._areas[left_out].add([own["scores"] for own in raw], batch)
            if kept is not None:
                for learner, own in zip(chosen(self.learners, who), raw, strict=True):
                    kept.add(learner, own, batch)
        self._note(f"look {list(batches)}", start)

    def _named(self, batch: Fed) -> dict[str, Fed]:
        """The batches of all streams: this one where they have none of their own, to measure speed."""
        return {name: batch for learner in self.learners for name in learner.trained.streams}

    def wait(self) -> None:
        """Wait until every step so far is done."""
        self._training.read()
        self._validation.read()

    def pause(self, learners: Sequence[Learner], step: int, seconds: float) -> None:
        """Stop these learners in the middle of an epoch, after its first `step` steps."""
        self.settle()
        for learner, sums in zip(self.learners, self._training.read(), strict=True):
            if learner in learners:
                learner.pause(step, sums, seconds)

    def end_epoch(self, learners: Sequence[Learner], seconds: float, events_per_second: float) -> list[Row]:
        """Close the epoch of these learners; a row for each."""
        self.settle()
        training, validation = self._training.read(), self._validation.read()
        places = [self.learners.index(learner) for learner in learners]
        areas: list[float | None] = [None] * len(self.learners)
        for left_out, kept in self._areas.items():
            who = self._choices[left_out]
            if not kept.empty:
                for place, area in zip(range(len(areas)) if who is None else who, kept.read(), strict=True):
                    areas[place] = area
        # what differs between nodes by rounding must not decide otherwise there
        training, validation, areas = here().agree((training, validation, areas))
        rows = [
            learner.end_epoch(
                training[place], validation[place], seconds, events_per_second, len(learners), areas[place]
            )
            for learner, place in zip(learners, places, strict=True)
        ]
        self._start_sums()
        return rows

    def settle(self) -> None:
        """See to it that the learners' variables hold what the steps have made of them."""
        self._steps.settle()

    def worth_leaving(self, gone: Sequence[Learner], seconds: float) -> bool:
        """Whether to compile the others without those that are `gone`, after an epoch of `seconds`.

        It is once the time that was lost to them since has become what compiling takes: whatever comes, no
        more than twice the least is lost.
        """
        share = sum(learner.parameters for learner in gone) / sum(
            learner.parameters for learner in self.learners
        )
        self._wasted += share * seconds
        return self._wasted >= (1 - share) * self._compiling

    def _note(self, what: str, start: float) -> None:
        """Compiling is what the first call takes."""
        if what not in self._called:
            self._called.add(what)
            self._compiling += time.perf_counter() - start
