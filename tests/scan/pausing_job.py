"""A job that trains nothing: its point pauses at a rung, and the job of the last takes up the first."""

import sys
import time
from pathlib import Path

from dlscan.claims import Claim
from dlscan.scan import Plan
from tests.records import finish


def pause(plan: Plan, number: int) -> None:
    """Leave what one epoch does, and pause; points of a lower number are better."""
    paths = plan.paths(plan.point(number))
    claim = Claim.take(paths)
    header = "epoch,loss,val_loss,val_accuracy,seconds,events_per_second,networks"
    paths.history.write_text(f"{header}\n1,1,{number / 10},1,1,1,1\n")
    claim.end("paused")


def wait_for(file: Path) -> None:
    """Until the test has seen what it says; a minute at most, so that a test that fails ends."""
    for _ in range(1200):
        if file.exists():
            return
        time.sleep(0.05)
    raise SystemExit(f"{file.name}: not seen")


def main(plan: Plan, number: int, seen: Path) -> None:
    """The job of a point."""
    if number == len(plan.points):
        for other in range(1, number):
            wait_for(seen / f"ended {other}")
    pause(plan, number)
    if number == len(plan.points):
        paths = plan.paths(plan.point(1))
        claim = Claim.take(paths)
        wait_for(seen / "continued 1")
        finish(paths, epochs=3)
        claim.end("done")


if __name__ == "__main__":
    main(Plan.read(Path(sys.argv[1])), int(sys.argv[2]), Path(sys.argv[3]))
