"""Points in processes of this machine."""

import errno
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from dlscan.batch import ends
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
