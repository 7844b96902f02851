"""What `dlscan scan` says while points are trained."""

import itertools
from pathlib import Path

import pytest

from dlscan.cli.scan_display import ScanDisplay
from dlscan.scan import Plan, Point, PointStatus, Work

PLAN = Plan(Path("scans/a"), "a", (), (), {}, {}, None, None)


def status(number: int, state: str, epochs: int, pace: float | None) -> PointStatus:
    left = None if pace is None else pace * (10 - epochs)
    return PointStatus(Point(number, "a", {}), state, epochs, 10, left, "", pace)


def test_without_a_terminal_a_line_comes_now_and_then_and_ever_more_seldom(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = 0.0
    display = ScanDisplay(lambda: now)
    said = []
    with display.training(PLAN, Work([], []), 1):
        capsys.readouterr()
        for second in range(0, 3600, 2):
            now = float(second)
            display.under_way([status(1, "running", 4, 30.0), status(2, "pending", 0, None)])
            if capsys.readouterr().err:
                said.append(second)
    pauses = [after - before for before, after in itertools.pairwise(said)]
    assert said[0] == 30
    assert pauses == sorted(pauses)
    assert 5 < len(said) < 15


def test_the_line_has_epochs_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    display = ScanDisplay(lambda: now)
    with display.training(PLAN, Work([], []), 1):
        now = 100.0
        display.under_way([status(1, "running", 4, 30.0), status(2, "pending", 0, None)])
    assert capsys.readouterr().err == (
        "scans/a: 0 points, 0 to train\n"
        "1 pending, 1 running; 4 of at most 20 epochs; at most 0:08:00 of training left\n"
    )
