"""Points in processes of this machine."""

import errno
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from dlscan.config import Experiment
from dlscan.errors import ScanError
from dlscan.scan import PointStatus, Report, freeze, local, processes, run_local

Make = Callable[..., Experiment]


class Silent:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.looks = self.ends = 0

    def line(self, text: str) -> None:
        pass

    def ended(self, report: Report) -> None:
        self.ends += 1

    def under_way(self, states: Sequence[PointStatus]) -> None:
        self.looks += 1


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), ScanError("damaged")])
def test_a_look_that_fails_ends_no_training(
    make_experiment: Make, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    plan = freeze(make_experiment(scan={"grid": {"model.width": [4, 8]}}))
    teller, failed = Silent(), []

    def fail(*_: Any) -> Any:
        failed.append(1)
        raise error

    monkeypatch.setattr(local, "train_command", lambda *_: (sys.executable, "-c", "pass"))
    monkeypatch.setattr(local, "statuses_by_files", fail)
    monkeypatch.setattr(processes, "last_attempt", fail)
    packs = [(point,) for point in plan.points]
    assert len(run_local(plan, packs, plan.experiment.batch, teller)) == 2
    assert failed
    assert (teller.looks, teller.ends) == (0, 2)
