"""`dlscan scan` on this machine: it stays and says how far it is, or goes on without its terminal."""

import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dlscan.cli import scanning
from dlscan.cli.output import say
from dlscan.cli.progress import Progress
from dlscan.cli.signals import terminable
from dlscan.spelling import counted

if TYPE_CHECKING:
    from dlscan.config import Experiment
    from dlscan.scan import Plan, PointStatus, Report, Work

# Without a terminal: a line after so many seconds, and then less and less often.
_FIRST_SECONDS, _MOST_SECONDS, _LONGER = 30.0, 900.0, 1.5


def train_here(experiment: "Experiment", plan: "Plan", work: "Work") -> None:
    """Train the points of a scan in processes of this machine.

    Raises
    ------
    PointsFailed
        If not all are done in the end.
    """
    from dlscan import scan as scans

    slots = scans.local_slots(experiment.batch, len(work.packs))
    packed = "" if len(work.packs) == len(work.points) else f" in {counted(len(work.packs), 'process')}"
    points = counted(len(plan.points), "point")
    at_once = f", {slots} at a time" if work.points else ""
    scanning.tell(f"{plan.directory}: {points}, {len(work.points)} to train{packed}{at_once}")
    with terminable() as ending:
        try:
            with Progress() as progress:
                telling = Telling(progress)
                states = scans.run_local(plan, work.packs, experiment.batch, telling)
        except KeyboardInterrupt:
            scanning.tell("stopped; finished epochs are kept, and the same command continues the scan")
            if ending.hung_up:
                scanning.tell("the terminal was closed; use --detach to keep a scan running without one")
            raise
    scanning.conclude(plan, states)


class Telling:
    """Says how a scan on this machine goes on: a bar on a terminal, a line now and then elsewhere.

    Parameters
    ----------
    progress : Progress
        The bar.
    clock : callable
        Gives seconds.
    """

    def __init__(self, progress: Progress, clock: Callable[[], float] = time.monotonic) -> None:
        self._progress, self._clock = progress, clock
        self._pause = _FIRST_SECONDS
        self._next = clock() + self._pause

    def line(self, text: str) -> None:
        """Say something."""
        self._progress.clear()
        scanning.tell(text)

    def ended(self, report: "Report") -> None:
        """Say what became of a point."""
        self._progress.clear()
        scanning.say_ended(report)

    def under_way(self, states: "Sequence[PointStatus]") -> None:
        """Say how far the points are, epochs and time left."""
        from dlscan.cli.status_text import clock, summary
        from dlscan.scan.totals import totals

        whole = totals(states)
        if self._progress.visible:
            left = "time left known after the first epoch"
            if whole.seconds_left is not None:
                left = f"at most {clock(whole.seconds_left / max(1, whole.running))} left"
            self._progress("epochs", whole.epochs, whole.epochs_wanted, f"{whole.running} running, {left}")
        elif self._clock() >= self._next:
            scanning.tell(summary(states))
            self._pause = min(self._pause * _LONGER, _MOST_SECONDS)
            self._next = self._clock() + self._pause


def detach(plan: "Plan", arguments: Sequence[str]) -> None:
    """Start `dlscan scan` with these arguments in a session of its own, where no terminal ends it.

    Parameters
    ----------
    plan : Plan
        Of the scan.
    arguments : sequence of str
        Of the command, after `scan`.
    """
    log = plan.directory / "scan.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "dlscan", "scan", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    scan = shlex.quote(str(plan.directory))
    say(
        f"{plan.directory}: runs in the background as process {process.pid}, even after this terminal "
        f"closes; output in {log}. Check it with `dlscan status {scan}`, stop it with `dlscan cancel {scan}`"
    )
