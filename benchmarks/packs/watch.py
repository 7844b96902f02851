"""A command from its start to its end: seconds, and the memory of all its processes."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import time
from pathlib import Path

from benchmarks.memory import proportional_set_size
from benchmarks.process import clean_environment

# a look takes 10 ms for each process with a back end in it
_PAUSE = 0.5


class CommandFailed(Exception):
    """A command has ended with an error, or did not end."""


@dataclasses.dataclass(frozen=True)
class Watched:
    """What a command took.

    Attributes
    ----------
    seconds : float
        From its start to its end.
    peak : int
        Bytes: the highest proportional set size of all its processes together.
    """

    seconds: float
    peak: int


def watch(command: list[str], cpus: frozenset[int], log: Path, patience: float = 3600.0) -> Watched:
    """Run a command.

    Parameters
    ----------
    command : list of str
        What to run.
    cpus : frozenset of int
        Where it and all that it starts may run.
    log : Path
        Gets what it prints.
    patience : float
        Seconds until it is taken for hanging.

    Raises
    ------
    CommandFailed
        If its exit code is not 0, or it takes longer than that.
    """
    placed = ["taskset", "--cpu-list", ",".join(map(str, sorted(cpus))), *command]
    peak = 0
    with log.open("ab") as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            placed,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=clean_environment(),
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )
        try:
            while not _ended(process):
                if time.perf_counter() - start > patience:
                    process.terminate()  # dlscan then stops its jobs, which are in sessions of their own
                    process.wait(60)
                    raise CommandFailed(f"it did not end in {patience:.0f} s; see {log}")
                peak = max(peak, proportional_set_size(process.pid)[0])
            seconds = time.perf_counter() - start
        finally:
            with contextlib.suppress(ProcessLookupError):  # whatever it left would disturb the next one
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if process.returncode:
        words = log.read_text(errors="replace").strip().rsplit("\n", 1)[-1]
        raise CommandFailed(f"exit code {process.returncode}: {words}; see {log}")
    return Watched(seconds, peak)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(_PAUSE)
    except subprocess.TimeoutExpired:
        return False
    return True
