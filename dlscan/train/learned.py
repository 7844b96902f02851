"""What a point needs of that which learns in it, whatever trains it."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from dlscan.record import PointPaths
from dlscan.tasks import Task
from dlscan.train.checkpoint import State
from dlscan.train.history import Row
from dlscan.train.stopping import Stopping


@dataclasses.dataclass(frozen=True)
class ModelFacts:
    """What a record says of a model, and of where it was trained.

    Attributes
    ----------
    parameters : int
        Numbers that training has fitted: weights of a network, leaves of trees.
    flops : int or None
        See `Record`.
    why_no_flops : str
        The reason for None.
    device, backend : str
        See `Record`.
    versions : dict of str to str
        Of the packages that decide the result, beside those that always do.
    """

    parameters: int
    flops: int | None
    why_no_flops: str
    device: str
    backend: str
    versions: dict[str, str]


class Snapshot(Protocol):
    """What is written of a model between two epochs."""

    def write(self, path: Path) -> None:
        """Write it to `path`, and push it to the disk."""


class Learned(Protocol):
    """A model in training, with its history and stopping rule.

    Attributes
    ----------
    task : Task
        What it learns.
    dataset : str
        The `config_hash` of its dataset.
    domain : str
        That of the other domain that it has learned from; empty without one.
    history : list of Row
        The epochs so far.
    step : int
        Steps taken of the next one.
    stopping : Stopping
        The best epoch so far.
    """

    task: Task
    dataset: str
    domain: str
    history: list[Row]
    step: int
    stopping: Stopping

    @property
    def epoch(self) -> int:
        """Epochs trained."""

    @property
    def finished(self) -> str | None:
        """Why there is no epoch left: "early" or "epochs"."""

    @property
    def device(self) -> str:
        """Where it is trained."""

    @property
    def summary(self) -> str:
        """What it is, for the log at its start."""

    @property
    def advice(self) -> str:
        """What to do where a loss is no longer a number."""

    def state(self) -> State:
        """What `resume` needs beside the file."""

    def values(self) -> Snapshot:
        """The model as it is now, whatever becomes of it."""

    def resume(self, state: State, path: Path) -> None:
        """Go on from `state` with the file in `path`."""

    def best(self, whole: Callable[[int], Path]) -> Any:
        """The best model, which is the one that is saved; `whole` gives the file after an epoch, checked."""

    def place(self, paths: PointPaths) -> Path:
        """Where the best model of a finished point is."""

    def save(self, path: Path) -> None:
        """Write the best model."""

    def facts(self) -> ModelFacts:
        """What the record says of it."""
