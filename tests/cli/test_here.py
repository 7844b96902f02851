"""What a scan on this machine says while it trains."""

import itertools

import pytest

from dlscan.cli.here import Telling
from dlscan.cli.progress import Progress
from dlscan.scan import Point, PointStatus


def status(number: int, state: str, epochs: int, pace: float | None) -> PointStatus:
    left = None if pace is None else pace * (10 - epochs)
    return PointStatus(Point(number, "a", {}), state, epochs, 10, left, "", pace)


def test_without_a_terminal_a_line_comes_now_and_then_and_ever_more_seldom(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = 0.0
    telling = Telling(Progress(), lambda: now)
    said = []
    for second in range(0, 3600, 2):
        now = float(second)
        telling.under_way([status(1, "running", 4, 30.0), status(2, "pending", 0, None)])
        if capsys.readouterr().err:
            said.append(second)
    pauses = [after - before for before, after in itertools.pairwise(said)]
    assert said[0] == 30
    assert pauses == sorted(pauses)
    assert 5 < len(said) < 15


def test_the_line_has_epochs_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    telling = Telling(Progress(), lambda: now)
    now = 100.0
    telling.under_way([status(1, "running", 4, 30.0), status(2, "pending", 0, None)])
    assert capsys.readouterr().err == (
        "1 pending, 1 running; 4 of at most 20 epochs; at most 0:08:00 of training left\n"
    )
