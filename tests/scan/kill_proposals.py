"""Kills proposals at each of their steps, and goes on: run as a script, because each one is a process.

Arguments: the experiment file, a directory to work in. Prints how many steps there were.
"""

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from dlscan.config import load
from dlscan.scan import Plan
from dlscan.scan.growth import Grown, grow
from dlscan.scan.objective import targets_of

STEPS = ("open", "os.mkdir", "os.rename", "os.remove", "fcntl.flock")


def grown(file: Path) -> Grown:
    """Ask for three points more."""
    experiment = load(file)
    targets = targets_of(experiment, ("Ele", "Pi0"))
    return grow(Plan.read(experiment.directory), experiment, targets, experiment.batch, lambda known: 3)


def killed_at(step: int, file: Path, place: str) -> bool:
    """Whether a process that is killed at a step of its proposal, by real files, got that far."""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    left = step

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in STEPS and (event == "fcntl.flock" or place in str(arguments[0])):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    grown(file)
    os._exit(0)


def main(file: Path, work: Path) -> None:
    """Kill at the first step, the second ...; after each the same question has the same answer."""
    scan = load(file).directory
    shutil.copytree(scan, work / "before")
    planned = grown(file).plan
    step = 0
    while True:
        step += 1
        shutil.rmtree(scan)
        shutil.copytree(work / "before", scan)
        if not killed_at(step, file, str(scan)):
            break
        begun = Plan.read(scan)
        plan = begun if len(begun.points) == len(planned.points) else grown(file).plan
        assert plan.points == planned.points, step
        folders = sorted(path.name for path in (scan / "points").iterdir())
        assert folders == [point.directory for point in plan.points], step
        assert all(plan.paths(point).config.exists() for point in plan.points), step
        assert [each.points for each in plan.proposals] == [each.points for each in planned.proposals], step
    print(step - 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
