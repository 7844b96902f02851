"""A scan on this machine that goes on without the terminal it was started from."""

import dataclasses
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from dlscan.config import BatchOptions, Experiment
from dlscan.scan.plan import Plan
from dlscan.scan.run import Listener, begin


@dataclasses.dataclass(frozen=True)
class Detached:
    """A process that scans, and the file that has what it prints."""

    plan: Plan
    pid: int
    log: Path


def detach(
    experiment: Experiment,
    batch: BatchOptions,
    listener: Listener,
    arguments: Sequence[str],
    extend: bool = False,
    narrow: bool = False,
) -> Detached:
    """Start `dlscan scan` in a session of its own, where no terminal ends it.

    What can be refused is refused before. The errors are those of `dlscan.scan.run`, and so are the
    parameters but for one.

    Parameters
    ----------
    arguments : sequence of str
        Of the command, after `scan`.
    """
    plan, _ = begin(experiment, batch, listener, extend, narrow)
    log = plan.directory / "scan.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "dlscan", "scan", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Detached(plan, process.pid, log)
