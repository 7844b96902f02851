"""Points in processes of this machine."""

import errno
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from dlscan.batch import ends
from dlscan.cli.scan_display import ScanDisplay
from dlscan.config import Experiment
from dlscan.errors import ScanError
from dlscan.scan import PointEnded, PointStatus, freeze, local, processes
from dlscan.scan.local import run_local

Make = Callable[..., Experiment]


class Silent:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.looks = self.ends = 0
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def ended(self, point: PointEnded) -> None:
        self.ends += 1

    def continued(self, status: PointStatus) -> None:
        pass

    def under_way(self, states: Sequence[PointStatus]) -> None:
        self.looks += 1


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), ScanError("damaged")])
def test_a_look_that_fails_ends_no_training(
    make_experiment: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    plan = freeze(make_experiment(scan={"grid": {"model.width": [4, 8]}}))
    listener, failed = Silent(), []

    def fail(*_: Any) -> Any:
        failed.append(1)
        raise error

    monkeypatch.setattr(local, "train_command", lambda *_: (sys.executable, "-c", "raise SystemExit(1)"))
    for module, name in (
        *((local, "statuses_by_files"), (local, "point_status")),
        *((processes, "last_attempt"), (ends, "is_done")),
    ):
        monkeypatch.setattr(module, name, fail)
    packs = [(point,) for point in plan.points]
    assert len(run_local(plan, packs, plan.experiment.batch, listener)) == 2
    assert failed
    assert (listener.looks, listener.ends) == (0, 0)
    assert sorted(line.split(" ended")[0] for line in listener.lines) == ["point 1", "point 2"]
    assert caplog.text.count("cannot write down how its job ended") == 2


class Told(ScanDisplay):
    """Keeps the lines, and tells the jobs what it has seen."""

    def __init__(self, seen: Path) -> None:
        super().__init__()
        self.seen, self.lines = seen, list[str]()

    def line(self, text: str) -> None:
        self.lines.append(text)

    def ended(self, point: PointEnded) -> None:
        super().ended(point)
        (self.seen / f"ended {point.status.point.number}").touch()

    def continued(self, status: PointStatus) -> None:
        super().continued(status)
        (self.seen / f"continued {status.point.number}").touch()


def test_points_that_pause_are_told_and_followed_into_the_jobs_of_others(
    make_experiment: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of three points, two pause; the job of the third one, which is worse, takes up the best one."""
    scan = {"grid": {"model.width": [2, 3, 4]}, "halving": {"first": 1, "factor": 3}}
    plan = freeze(make_experiment(scan=scan, train={"epochs": 3}))
    root, seen = Path(__file__).parents[2], tmp_path / "seen"
    seen.mkdir()
    monkeypatch.chdir(root)
    monkeypatch.setattr(
        local,
        "train_command",
        lambda directory, numbers: (
            *(sys.executable, "-m", "tests.scan.pausing_job"),
            *(str(directory), str(numbers[0]), str(seen)),
        ),
    )
    told = Told(seen)
    packs = [(point,) for point in plan.points]
    statuses = run_local(plan, packs, plan.experiment.batch, told)
    assert [each.state for each in statuses] == ["done", "pruned", "pruned"]
    first = {line.split(": ")[1] for line in told.lines[:2]}
    assert first == {"paused at the rung of 1 epoch"}
    assert told.lines[2:] == [
        "0001-width=2: continues in another job, after 1 epoch so far",
        "[2/3] 0003-width=4: pruned after 1 epoch",
        "[3/3] 0001-width=2: done after 3 epochs",
    ]
