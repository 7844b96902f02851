"""The loop over epochs."""

import functools
import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from types import MappingProxyType

from dlscan.errors import DlscanError
from dlscan.models.replicas import Replicas
from dlscan.stream import Batches
from dlscan.tasks import Task
from dlscan.train.domain import DomainStream
from dlscan.train.failures import without_frames
from dlscan.train.feed import Fed, Feed
from dlscan.train.folds import LeftOut
from dlscan.train.info import Progress, Stopped
from dlscan.train.interruption import Interruption
from dlscan.train.kept_losses import KeptLosses
from dlscan.train.learner import Learner
from dlscan.train.member import Member
from dlscan.train.nodes import here
from dlscan.train.objectives.domain import DOMAIN
from dlscan.train.pack import Pack
from dlscan.train.passes import Pass
from dlscan.train.turns import turns
from dlscan.train.validating import side_by_side, together

_WRITERS = 8


class Loop:
    """Trains the members of a pack epoch by epoch, and leaves a checkpoint and the history after each.

    Members that are not as far as the others train first, until all are at the same place.

    Parameters
    ----------
    task : Task
        What the members learn.
    training : Pass
        What they are trained on.
    validation : mapping of tuple of int to Batches
        By the folds that they leave out, what validates them.
    fail : callable
        Called with a member that cannot go on, and why; the others do.
    leave : callable
        Called with a member that is to pause at a rung; the others go on.
    on_step : callable, optional
        Called after each training step with the epoch, from 1, the step, from 1, and the steps of an epoch.
    devices : Replicas
        Those that share every batch, if there are several.
    domain : mapping of str to DomainStream
        The splits of another domain, whose events are given beside.
    """

    def __init__(
        self,
        task: Task,
        training: Pass,
        validation: Mapping[LeftOut, Batches],
        fail: Callable[[Member[Learner], Exception], None],
        leave: Callable[[Member[Learner]], None],
        on_step: Progress | None = None,
        devices: Replicas = (),
        domain: Mapping[str, DomainStream] = MappingProxyType({}),
    ) -> None:
        self._training, self._validation = training, validation
        self._fail, self._leave, self._on_step = fail, leave, on_step
        self._feed, self._devices, self._domain = Feed(task, devices), devices, domain
        self._pack: Pack | None = None
        self._left: set[Learner] = set()
        self._laps: list[float] = []
        self.train_seconds = 0.0

    def run(self, members: Sequence[Member[Learner]], interruption: Interruption) -> Stopped | None:
        """Train until every member is finished or has failed, or until something asks to stop.

        Parameters
        ----------
        members : sequence of Member
            Where they start is where they are.
        interruption : Interruption
            What may ask to stop.

        Returns
        -------
        str or None
            Why it stopped before.
        """
        going = list(members)
        while going := [member for member in going if not member.learner.finished]:
            if interruption.signal:
                return "preempted"
            # at least one epoch per attempt, or a short limit would never get anywhere
            if self._laps and interruption.out_of_time(statistics.median(self._laps)):
                return "timeout"
            first = min(member.place for member in going)
            behind = [member for member in going if member.place == first]
            # points that came from nodes with other memory see the events in other orders
            mixing = behind[0].learner.mixing
            behind = [member for member in behind if member.learner.mixing in (None, mixing)]
            if paused := self._at_rung(behind):
                going = [member for member in going if member not in paused]
                continue
            self._training.mix(mixing)
            lost = self._epoch(self._packed(behind), behind, interruption)
            if lost is None:
                return "preempted" if interruption.signal else "timeout"
            going = [member for member in going if member not in lost]
        return "preempted" if interruption.signal else None

    def _at_rung(self, members: Sequence[Member[Learner]]) -> list[Member[Learner]]:
        """Let those leave that stand at a rung and are not among its best."""
        rungs, (epoch, step) = members[0].point.rungs, members[0].place
        if rungs is None or step or epoch not in rungs.epochs:
            return []
        promoted = rungs.promoted()
        paused = [member for member in members if member.point.number not in promoted]
        self._left.update(member.learner for member in paused)
        for member in paused:
            self._leave(member)
        return paused

    def close(self) -> None:
        """See to it that the members' networks hold what was trained."""
        if self._pack is not None:
            self._pack.settle()
            self._pack = None

    def _packed(self, members: Sequence[Member[Learner]]) -> Pack:
        """The compiled pack of these members, perhaps with some that have left."""
        wanted = [member.learner for member in members]
        if self._pack is not None and set(wanted) <= set(self._pack.learners):
            others = [learner for learner in self._pack.learners if learner not in wanted]
            # one that is ahead must not take a step now; one that is finished or failed may
            idle = all(learner.finished or learner in self._left for learner in others)
            if not others or (idle and not here().agree(self._pack.worth_leaving(others, self._laps[-1]))):
                return self._pack
        self.close()
        factors = self._validation[wanted[0].left_out].class_weights
        jit = members[0].experiment.train.jit
        together = self._training.together({learner.left_out for learner in wanted})
        self._pack = Pack(wanted, jit, factors, self._devices, together)
        return self._pack

    def _epoch(
        self, pack: Pack, members: Sequence[Member[Learner]], interruption: Interruption
    ) -> list[Member[Learner]] | None:
        """Train an epoch to its end; the members that failed. None if it was left in the middle."""
        start = time.perf_counter()
        epoch, done = members[0].place
        last = all(epoch + 1 >= member.experiment.train.epochs for member in members)
        left_out = list(dict.fromkeys(member.learner.left_out for member in members))
        left_at = self._steps(pack, members, interruption, start, last)
        if left_at is not None:
            self._pause(pack, members, left_at, start)
            return None
        pack.wait()
        for own in left_out:
            # where its order matters, a training that was resumed has to see the same one
            self._validation[own].mix(self._training.mixing)
        trained = time.perf_counter()
        rungs = members[0].point.rungs
        kept = KeptLosses() if rungs is not None and rungs.racing else None
        for some in side_by_side(pack.left_out, left_out):
            self._look(pack, some, epoch, last, kept)
        pack.wait()
        learners = [member.learner for member in members]
        self._note_mixing(members)
        rows = pack.end_epoch(learners, time.perf_counter() - start, self._events(done) / (trained - start))
        for member, row in zip(members, rows, strict=True):
            member.say(row.line(member.experiment.train.epochs))
            lowered = member.learner.lowered
            if lowered is not None:
                member.say(f"no progress: the learning rate is {lowered:.3g} after epoch {row.epoch}")
        losses = [None if kept is None else kept.of(learner) for learner in learners]
        lost = self._write(
            members,
            [
                functools.partial(member.end_epoch, row, own)
                for member, row, own in zip(members, rows, losses, strict=True)
            ],
        )
        self._left.update(member.learner for member in lost)
        self._laps.append(time.perf_counter() - start)
        self.train_seconds += self._laps[-1]
        return lost

    def _steps(
        self,
        pack: Pack,
        members: Sequence[Member[Learner]],
        interruption: Interruption,
        start: float,
        last: bool,
    ) -> int | None:
        """Take the steps of an epoch; the last one, if the epoch is left behind it."""
        epoch, done = members[0].place
        # calls are compiled for the folds of their batches, also those that finished ones alone take
        own = pack.left_out if pack.together else {member.learner.left_out for member in members}
        delivered = self._training.deliver(epoch, done, last, own)
        beside = self._beside("train", epoch * self._training.steps + done, pack)
        for batches in turns(self._feed, delivered, beside, pack):
            pack.train(*batches.values())
            step = max(batches)
            if self._on_step:
                for place in batches:
                    self._on_step(epoch + 1, place, self._training.steps)
            if step < self._training.steps and self._must_leave(start, step - done, step, interruption):
                return step
        return None

    def _look(
        self, pack: Pack, left_out: Sequence[LeftOut], epoch: int, last: bool, kept: KeptLosses | None
    ) -> None:
        """Look at what validates these choices of folds, a batch of each in one call."""
        whole = pack.needs_events or kept is not None
        streams = {
            own: self._feed(self._validation[own].epoch(epoch, last), pack.one_length, whole)
            for own in left_out
        }
        beside = self._beside("validation", 0, pack)
        for groups in together(streams):
            others = next(beside)
            for batches in groups:
                pack.look(batches, others, kept)

    def _beside(self, split: str, first: int, pack: Pack) -> Iterator[Mapping[str, Fed]]:
        """What other streams give with each batch, from number `first` on."""
        if split not in self._domain:
            return itertools.repeat({})
        return ({DOMAIN: fed} for fed in self._domain[split].fed(first, pack.one_length))

    def _note_mixing(self, members: Sequence[Member[Learner]]) -> None:
        for member in members:
            member.learner.mixing = self._training.mixing

    def _must_leave(self, start: float, steps: int, step: int, interruption: Interruption) -> bool:
        """Whether what is left of the epoch, by the pace so far, takes longer than there is time."""
        left = self._training.steps - step + sum(each.steps for each in self._validation.values())
        return interruption.leaves_no_time((time.perf_counter() - start) / steps * left)

    def _pause(self, pack: Pack, members: Sequence[Member[Learner]], step: int, start: float) -> None:
        self._training.require_same()  # in the middle of an epoch the stream has not looked yet
        seconds = time.perf_counter() - start
        self.train_seconds += seconds
        self._note_mixing(members)
        pack.pause([member.learner for member in members], step, seconds)
        self._write(members, [member.keep for member in members])

    def _write(
        self, members: Sequence[Member[Learner]], keeps: Sequence[Callable[[], Callable[[], None]]]
    ) -> list[Member[Learner]]:
        """Let each member keep what it is; those that cannot have failed."""
        failed: dict[Member[Learner], Exception] = {}
        written: list[tuple[Member[Learner], Future[Exception | None]]] = []
        # Most of the time goes by until the disk has it. Variables are read here all the same: threads that
        # compute hold each other up.
        with ThreadPoolExecutor(_WRITERS) as pool:
            for member, keep in zip(members, keeps, strict=True):
                if len(written) >= _WRITERS:
                    # one copy of a network for each writer, and no more
                    wait([written[-_WRITERS][1]])
                try:
                    written.append((member, pool.submit(_trouble, keep())))
                except DlscanError as error:
                    failed[member] = error
        failed |= {member: failure for member, future in written if (failure := future.result())}
        lost = here().agree([member.point.number for member in failed])
        for member in members:
            if member.point.number in lost:
                # its files are written by the first process alone
                failed.setdefault(member, DlscanError(f"{member}: failed in the first process"))
        for member, trouble in failed.items():
            self._fail(member, trouble)
        return list(failed)

    def _events(self, done: int) -> int:
        """Events of an epoch without its first `done` batches."""
        return self._training.events * (self._training.steps - done) // self._training.steps


def _trouble(write: Callable[[], None]) -> Exception | None:
    """Write; what a point may fail of is given back without its frames, which hold a copy of the network."""
    try:
        write()
    except (DlscanError, OSError) as error:
        return without_frames(error)
    return None
