"""Points that pause at a rung of `scan.halving`, and go on from there."""

import dataclasses
import os
import signal
from collections.abc import Callable

import pytest

from dlscan.attempts import attempt_numbers, last_attempt
from dlscan.record import PointPaths, Record
from dlscan.train import PointInfo, train_point, train_points
from dlscan.train.info import Rungs


class Judge:
    """Says who may go on; notes how often it was asked."""

    def __init__(self, *promoted: int) -> None:
        self.promoted, self.asked = set(promoted), 0
        self.free: list[tuple[PointPaths, PointInfo]] = []

    def rungs(self, *epochs: int) -> Rungs:
        def promoted() -> set[int]:
            self.asked += 1
            return self.promoted

        return Rungs(epochs, promoted, lambda: list(self.free))


def test_a_promoted_point_ends_as_if_it_had_never_paused(
    make_point: Callable[..., PointPaths],
    info: PointInfo,
    undisturbed: PointPaths,
    read_history: Callable[[PointPaths], object],
) -> None:
    judge = Judge()
    point = dataclasses.replace(info, rungs=judge.rungs(2, 4))
    paths = make_point()

    assert train_point(paths, point) == "paused"
    last = last_attempt(paths)
    assert last is not None
    assert (last.outcome, last.exit_code) == ("paused", 0)
    assert not paths.record.exists()
    assert len(read_history(paths)) == 2  # type: ignore[arg-type]
    # asked again, and the answer is the same: it trains nothing
    assert train_point(paths, point) == "paused"

    judge.promoted.add(point.number)
    assert train_point(paths, point) == "done"
    assert judge.asked == 4
    assert read_history(paths) == read_history(undisturbed)
    paused, whole = Record.read(paths.record), Record.read(undisturbed.record)
    assert paused.metrics == whole.metrics
    assert (paused.epochs, paused.best_epoch, paused.attempts) == (whole.epochs, whole.best_epoch, 3)


def test_a_point_that_is_stopped_behind_a_rung_is_not_judged_there_again(
    make_point: Callable[..., PointPaths],
    info: PointInfo,
    undisturbed: PointPaths,
    read_history: Callable[[PointPaths], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DLSCAN_GRACE", "0")
    judge = Judge(info.number)
    point = dataclasses.replace(info, rungs=judge.rungs(2))
    paths = make_point()

    def on_step(epoch: int, step: int, steps: int) -> None:
        if (epoch, step) == (3, 1):
            os.kill(os.getpid(), signal.SIGTERM)

    assert train_points([(paths, point)], on_step) == {point.number: "preempted"}
    judge.promoted.clear()
    assert train_point(paths, point) == "done"
    assert judge.asked == 1
    assert read_history(paths) == read_history(undisturbed)


def test_losers_leave_a_pack_and_come_back_when_they_may(
    make_point: Callable[..., PointPaths], info: PointInfo, undisturbed: PointPaths
) -> None:
    """One goes on, two pause; one of these is promoted while the job still runs, and it takes it up."""
    judge = Judge(1)
    rungs = judge.rungs(2)
    points = [
        (make_point(f"point-{number}"), dataclasses.replace(info, number=number, name=name, rungs=rungs))
        for number, name in enumerate(("a", "b", "c"), 1)
    ]
    steps: list[tuple[int, int]] = []

    def on_step(epoch: int, step: int, last: int) -> None:
        steps.append((epoch, step))
        if (epoch, step) == (5, last):
            judge.promoted.add(2)
            judge.free = [each for each in points[:2] if last_attempt(each[0]).outcome == "paused"]  # type: ignore[union-attr]

    assert train_points(points, on_step) == {1: "done", 2: "done", 3: "paused"}
    assert [len(attempt_numbers(paths)) for paths, _ in points] == [1, 2, 1]
    assert [paths.record.exists() for paths, _ in points] == [True, True, False]
    # five epochs of the pack, then three of the one that came back
    assert [epoch for epoch, step in steps if step == 1] == [1, 2, 3, 4, 5, 3, 4, 5]
    whole = Record.read(undisturbed.record)
    for paths, _ in points[:2]:
        own = Record.read(paths.record)
        assert own.metrics["best_val_loss"] == pytest.approx(whole.metrics["best_val_loss"], rel=1e-4)


def test_a_job_that_was_told_to_end_takes_up_nothing_more(
    make_point: Callable[..., PointPaths], info: PointInfo
) -> None:
    judge = Judge()
    rungs = judge.rungs(1)
    points = [
        (
            make_point(f"point-{number}"),
            dataclasses.replace(info, number=number, rungs=rungs),
        )
        for number in (1, 2)
    ]
    assert train_point(*points[0]) == "paused"
    judge.free, judge.promoted = points[:1], {1}

    def on_step(epoch: int, step: int, last: int) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    assert train_points(points[1:], on_step) == {2: "preempted"}
    assert len(attempt_numbers(points[0][0])) == 1
