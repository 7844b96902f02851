"""The checks find what they are for: a scan that is well, and one thing wrong with it at a time."""

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlscan.config import Experiment
from dlscan.scan import freeze
from tests.chaos import checks, searches
from tests.chaos.watch import Watcher
from tests.chaos.workload import Scan

HEAD = "epoch,loss,seconds"
ROWS = ["1,0.5,1.0", "2,0.25,1.1"]


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    """A scan of one point that took two attempts."""
    point = tmp_path / "scan" / "points" / "0001-width=4"
    (point / "attempts").mkdir(parents=True)
    write_history(point, ROWS)
    metrics = {"Mean_AUC": 0.9}
    record = {"epochs": 2, "best_epoch": 2, "seed": 1, "model_parameters": 7, "metrics": metrics}
    (point / "record.json").write_text(json.dumps(record))
    write_attempt(point, 1, "2026-01-01T00:00:00", "2026-01-01T00:00:05", "preempted")
    write_attempt(point, 2, "2026-01-01T00:00:05", "2026-01-01T00:00:09", "done")
    return Scan(tmp_path / "scan", ())


def write_history(point: Path, rows: list[str]) -> None:
    (point / "history.csv").write_text("\n".join([HEAD, *rows]) + "\n")


def write_attempt(point: Path, number: int, started: str, ended: str | None, outcome: str | None) -> None:
    value = {"number": number, "started": started, "ended": ended, "outcome": outcome}
    (point / "attempts" / f"{number:04d}.json").write_text(json.dumps(value))


def test_nothing_is_found_where_all_is_well(scan: Scan) -> None:
    assert checks.losses(scan) + checks.two_owners(scan) + checks.differences(scan, scan) == []


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda point: (point / "record.json").unlink(), "not done"),
        (lambda point: write_history(point, [*ROWS, ROWS[1]]), "epochs [1, 2, 2] of 2"),
        (lambda point: write_history(point, ROWS[:1]), "epochs [1] of 2"),
        (lambda point: (point / "last").mkdir(), "checkpoint"),
    ],
)
def test_a_loss_is_found(scan: Scan, spoil: Callable[[Path], Any], words: str) -> None:
    spoil(scan.points()[0])
    assert words in checks.losses(scan)[0]


@pytest.mark.parametrize(
    ("number", "started", "outcome", "words"),
    [
        (3, "2026-01-01T00:00:08", "preempted", "attempt 2 ended after the next began"),
        (3, "2026-01-01T00:00:09", "done", "say that they finished it"),
        (4, "2026-01-01T00:00:09", "preempted", "the numbers of its attempts are [1, 2, 4]"),
    ],
)
def test_two_owners_are_found(scan: Scan, number: int, started: str, outcome: str, words: str) -> None:
    write_attempt(scan.points()[0], number, started, None, outcome)
    assert any(words in line for line in checks.two_owners(scan))


def test_another_result_is_found(scan: Scan, tmp_path: Path) -> None:
    other = Scan(tmp_path / "other", ())
    shutil.copytree(scan.directory, other.directory)
    write_history(other.points()[0], [ROWS[0], "2,0.250002,1.1"])
    assert checks.differences(scan, other) == ["0001-width=4: epoch 2 loss is 0.25, not 0.250002"]


def test_an_epoch_that_is_trained_twice_is_seen(scan: Scan) -> None:
    watcher = Watcher(scan)
    watcher.look()
    point = scan.points()[0]
    (point / "history.csv").unlink()
    write_history(point, [ROWS[0], "2,0.25,1.3"])
    watcher.look()
    assert watcher.rewritten == ["0001-width=4: epoch 2 was trained twice"]


def test_heartbeats_after_the_next_attempt_are_seen(scan: Scan) -> None:
    watcher = Watcher(scan)
    watcher.look()
    beat = scan.points()[0] / "attempts" / "0001.beat"
    beat.touch()
    late = (scan.points()[0] / "attempts" / "0002.json").stat().st_mtime + 1
    for time in (late, late + 1):
        os.utime(beat, (time, time))
        watcher.look()
    assert watcher.overlaps() == ["0001-width=4: attempt 1 had 2 heartbeats after the next"]


def test_a_point_that_paused_is_compared_as_far_as_it_came(scan: Scan, tmp_path: Path) -> None:
    other = Scan(tmp_path / "other", ())
    shutil.copytree(scan.directory, other.directory)
    (scan.points()[0] / "record.json").unlink()
    write_history(scan.points()[0], ROWS[:1])
    assert checks.differences(scan, other) == []
    write_history(scan.points()[0], ["1,0.6,1.0"])
    assert checks.differences(scan, other) == ["0001-width=4: epoch 1 loss is 0.6, not 0.5"]


def test_what_a_search_must_not_do_is_found(make_experiment: Callable[..., Experiment]) -> None:
    plan = freeze(make_experiment(scan={"grid": {"model.width": [4, 8]}}))
    watcher = Watcher(Scan(plan.directory, ()))
    watcher.look()
    assert searches.proposed_twice(plan) + searches.beyond_the_budget(plan) + watcher.replanned == []
    again = dataclasses.replace(plan.points[0], number=3)
    (found,) = searches.proposed_twice(dataclasses.replace(plan, points=(*plan.points, again)))[:1]
    assert found.endswith("as points [1, 3]")
    (plan.directory / "points" / "0003-width=9").mkdir()
    assert searches.beyond_the_budget(plan) == ["small: 0003-width=9 is a point of no plan"]
    dataclasses.replace(plan, points=plan.points[::-1]).write(None)
    watcher.look()
    assert watcher.replanned == ["small: of 2 points some are others now"]
