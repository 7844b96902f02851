"""Learners that take each step together."""

import time
from collections.abc import Sequence

from dlscan.train.areas import Areas
from dlscan.train.feed import Fed
from dlscan.train.history import Row
from dlscan.train.learner import Learner
from dlscan.train.means import Running, Sums
from dlscan.train.objectives import EVENTS
from dlscan.train.steps import Jit, Steps, steps


class Pack:
    """Learners that train on the same batches, compiled as one.

    What a learner becomes does not depend on the others. One that is finished may stay for a while, because
    compiling the others anew takes time too: `worth_leaving` tells when that pays.

    Parameters
    ----------
    learners : sequence of Learner
        At the same step of the same epoch.
    jit : bool or "auto"
        See `steps`.
    factors : sequence of float
        The weight of each class in the loss; only needed where a learner monitors the mean AUC.
    """

    def __init__(self, learners: Sequence[Learner], jit: Jit = "auto", factors: Sequence[float] = ()) -> None:
        self.learners = tuple(learners)
        self._areas = Areas(factors) if any(learner.stopping.monitors_area for learner in learners) else None
        self._steps: Steps = steps([learner.trained for learner in learners], jit)
        self._start_sums()
        self._compiling, self._wasted = 0.0, 0.0
        self._called: set[str] = set()

    def _start_sums(self) -> None:
        """Let the sums start where each learner is."""
        self._training = Running([learner.sums for learner in self.learners])
        self._validation = Running([Sums()] * len(self.learners))

    @property
    def one_length(self) -> bool:
        """See `Steps`."""
        return self._steps.one_length

    def train(self, batch: Fed) -> None:
        """Train on a batch, without waiting for the result."""
        start = time.perf_counter()
        self._training.add(self._steps.train({EVENTS: batch}), batch.events)
        self._note("train", start)

    def look(self, batch: Fed) -> None:
        """Measure what steps tell on a batch, without waiting for the result."""
        start = time.perf_counter()
        numbers, raw = self._steps.look({EVENTS: batch})
        self._validation.add(numbers, batch.events)
        if self._areas is not None:
            self._areas.add([own["scores"] for own in raw], batch)
        self._note("look", start)

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
        areas = self._areas.read() if self._areas is not None else [None] * len(self.learners)
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
