"""A job, as every batch system sees it."""

import dataclasses
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
