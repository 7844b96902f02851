"""The points of a job: claims, packs, what became of each. No Keras here: it takes seconds to load."""

import contextlib
import dataclasses
import gc
import itertools
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from dlscan.claims import Claim
from dlscan.config import Experiment, in_common, load_point
from dlscan.errors import (
    ConfigError,
    DlscanError,
    HeldError,
    NoMemoryError,
    PointsFailed,
    ScanError,
    is_out_of_memory,
)
from dlscan.record import PointPaths, Record, is_done
from dlscan.train.failures import exit_code, first_words, last_line, outcome_of, without_frames
from dlscan.train.folds import passed_alone
from dlscan.train.info import Outcome, PointInfo, Progress, Report
from dlscan.train.interruption import Interruption, grace_seconds
from dlscan.train.nodes import here

log = logging.getLogger("dlscan")


@dataclasses.dataclass(frozen=True)
class _Held:
    """A point that this process owns."""

    paths: PointPaths
    point: PointInfo
    claim: Claim
    experiment: Experiment


class _Stopped(Exception):
    """A signal came before a point was taken."""


class Session:
    """The points that one job trains; whatever happens, the end of each attempt is written down."""

    def __init__(self, points: int, on_step: Progress | None) -> None:
        self._several, self._on_step = points > 1, on_step
        self.outcomes: dict[int, Outcome] = {}
        self._claims: dict[int, Claim] = {}
        self._points: list[PointInfo] = []
        self._held: list[_Held] = []
        self._failed: dict[PointInfo, Exception] = {}
        # from before the first claim on: a signal must not end a job that cannot say so any more
        self._interruption = Interruption()

    def __enter__(self) -> "Session":
        self._interruption.__enter__()
        here().on_lost = self._end_lost
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._end_all(error)
        finally:
            self._interruption.__exit__(kind, error, trace)

    def _end_all(self, error: BaseException | None) -> None:
        """Write down how attempts ended that are still open, and raise what points failed of."""
        if error is not None:
            for claim in self._claims.values():
                with contextlib.suppress(DlscanError):  # a full disk: the error on its way says so
                    claim.end(outcome_of(error), last_line(error), exit_code(error))
        elif self._failed and not self._several:
            raise next(iter(self._failed.values()))
        elif self._failed:
            names = ", ".join(str(point) for point in self._failed)
            raise PointsFailed(
                f"{len(self._failed)} of {len(self._failed) + len(self.outcomes)} points failed: {names}"
            )

    def _end_lost(self, error: DlscanError) -> None:
        """Write down, from another thread, that a process that trains with this one is gone."""
        for claim in list(self._claims.values()):
            with contextlib.suppress(DlscanError):
                claim.end("failed", str(error))

    def claim(self, points: Sequence[tuple[PointPaths, PointInfo]]) -> None:
        """Take the points that are neither done nor held by somebody else."""
        grace_seconds()  # is wrong before anything is taken
        wanted = []
        self._points = [point for _, point in points]
        for paths, point in points:
            if not paths.config.exists():
                raise ScanError(f"{paths.directory}: no point here, {paths.config.name} is missing")
            if is_done(paths):
                log.info(f"{point} is already done; its record is {paths.record}")
                self.outcomes[point.number] = "done"
            else:
                wanted.append((paths, point))
        self._take_all(wanted)

    def _take_all(self, wanted: Sequence[tuple[PointPaths, PointInfo]]) -> None:
        for paths, point in wanted:
            try:
                self._wait(0.0)
                self._take(paths, point, len(wanted))
            except _Stopped:
                self.outcomes[point.number] = "preempted"
            except HeldError as error:
                log.warning("%s; skipped here", error)
                self.outcomes[point.number] = "held"
            except ScanError as error:
                if not self._several:
                    raise
                self._fail(point, error)

    def train(self) -> None:
        """Train all that is held, pack by pack."""
        limits = [held.experiment.train.time_limit for held in self._held]
        self._interruption.limit(min((limit for limit in limits if limit is not None), default=None))
        waiting = _packs(self._held)
        while waiting or (waiting := _packs(self._promoted())):
            pack = waiting.pop(0)
            # a signal leaves no time to build networks
            found = "preempted" if self._interruption.signal else self._fit(pack, self._interruption)
            if isinstance(found, Exception):
                waiting[:0] = self._smaller(pack, found)
            elif found:
                for held in itertools.chain(pack, *waiting):
                    if held.point.number in self._claims:
                        self._end(held.point, found)
                break
            if waiting:
                # networks refer to themselves, and the next ones want their memory
                gc.collect()

    def _promoted(self) -> list[_Held]:
        """As many points as this job had that paused at a rung, here or elsewhere, and may go on now."""
        rungs = next((point.rungs for point in self._points if point.rungs), None)
        if rungs is None or self._interruption.signal or self._interruption.out_of_time(0.0):
            return []
        # one that is held or has failed is no business of this job any more
        free = [
            (paths, point)
            for paths, point in rungs.waiting()
            if self.outcomes.get(point.number, "paused") == "paused" and point not in self._failed
        ][: len(self._points)]
        self._held.clear()
        self._take_all(free)
        return self._held

    def _wait(self, seconds: float) -> None:
        """Wait for a point, unless a signal says that there is no time for it."""
        if self._interruption.signal:
            raise _Stopped
        time.sleep(seconds)

    def _take(self, paths: PointPaths, point: PointInfo, pack: int) -> None:
        claim = self._claims[point.number] = Claim.take(paths, pack, self._wait)
        # while it was waited for the point, somebody may have finished it
        if is_done(paths):
            self._end(point, "done")
            return
        if _is_damaged(paths.record):
            with claim.writing():
                paths.record.replace(paths.record.with_suffix(".damaged"))
            log.warning(
                "%s: damaged; it is renamed to record.damaged, and %s is trained again", paths.record, point
            )
        try:
            if point.check is not None:
                point.check()
            self._held.append(_Held(paths, point, claim, load_point(paths.config, point.sources)))
        except DlscanError as error:
            self._fail(point, error)

    def _fit(self, pack: Sequence[_Held], interruption: Interruption) -> Exception | Outcome | None:
        """Train a pack; why it stopped before its end, or what was too much for it."""
        began = time.perf_counter()
        # not for points that are done or taken
        from dlscan.train.member import Member
        from dlscan.train.trainer import TRAINERS

        trainer = TRAINERS[pack[0].experiment.model.trainer]
        together = len(pack) if trainer.together else 1
        members = [
            Member[Any](held.paths, held.point, held.claim, held.experiment, together) for held in pack
        ]
        try:
            train = trainer.load()
            here().agree([held.point.number for held in pack])
            stops = here().interruption(interruption)
            return train(members, stops, Report(self._end, self._fail, self._on_step), began)
        except ConfigError as error:
            # a step has met what one point says, such as a loss of the user that only works outside of steps
            if not self._several or here().count > 1:
                raise
            return without_frames(error)
        except DlscanError:
            raise  # of the stream or the back end: no smaller pack does better
        except Exception as error:
            here().await_loss()
            # processes that train together cannot go on without one of them
            if here().count > 1 or (not self._several and not is_out_of_memory(error)):
                raise
            log.debug("a pack of %d", len(pack), exc_info=error)
            return without_frames(error)

    def _smaller(self, pack: Sequence[_Held], trouble: Exception) -> list[list[_Held]]:
        """What is left of a pack that cannot be trained, in halves; one point alone has failed."""
        left = [held for held in pack if held.point.number in self._claims]
        if len(left) == 1:
            point = left[0].point
            if is_out_of_memory(trouble):
                trouble = NoMemoryError(
                    f"{point} does not fit into memory ({first_words(trouble)}); lower train.batch_size, "
                    "make the network smaller, or give it more memory"
                )
            self._fail(point, trouble)
            return []
        # neighbours in the plan cost alike: each half gets every second one
        halves = [half for half in (left[::2], left[1::2]) if half]
        log.warning(
            "%d points %s together (%s); continuing with %s of them",
            len(left),
            "do not fit into memory" if is_out_of_memory(trouble) else "failed in training",
            first_words(trouble),
            " and then ".join(str(len(half)) for half in halves),
        )
        return halves

    def _end(self, point: PointInfo, outcome: Outcome) -> None:
        self._claims.pop(point.number).end(outcome)
        self.outcomes[point.number] = outcome

    def _fail(self, point: PointInfo, error: Exception) -> None:
        claim = self._claims.pop(point.number, None)
        if claim is not None:
            claim.end(outcome_of(error), last_line(error))
        self._failed[point] = without_frames(error) if self._several else error
        if self._several:
            log.error("%s", error if isinstance(error, DlscanError) else f"{point}: {first_words(error)}")


def _packs(held: Sequence[_Held]) -> list[list[_Held]]:
    """Points that can be trained together, in the order of the first of each."""
    packs: dict[object, list[_Held]] = {}
    for one in held:
        # points of different scans, and repeats without one, see the events in orders of their own
        order = one.experiment.train.seed if one.point.order_seed is None else one.point.order_seed
        kind = in_common(one.experiment.plain()), order, passed_alone(one.experiment)
        packs.setdefault(kind, []).append(one)
    return list(packs.values())


def _is_damaged(record: Path) -> bool:
    """Whether there is a record that cannot be read; one of fewer epochs stays until all are trained."""
    try:
        Record.read(record)
    except FileNotFoundError:
        return False
    except ScanError:
        return True
    return False
