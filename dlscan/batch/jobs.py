"""A job, as every batch system sees it."""

import dataclasses
import sys
from collections.abc import Iterable
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Job:
    """A command to run.

    Attributes
    ----------
    name : str
        For people.
    command : tuple of str
        Program and arguments, passed without a shell.
    log : Path
        Where its output is appended.
    points : tuple of int
        The numbers of the points that it trains.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    points: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Ended:
    """A job that has ended, with its exit code; negative if a signal killed it."""

    job: Job
    code: int


def train_command(scan: Path | str, points: Iterable[int]) -> tuple[str, ...]:
    """The command of a job on this machine, with this very Python."""
    # -P: a directory called dlscan where the job starts, such as a checkout, is not the package
    return (sys.executable, "-P", "-m", "dlscan", "train", str(scan), "--point", *map(str, points))
