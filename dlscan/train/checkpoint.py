"""The checkpoint of a point: a file of variables per epoch, and the state that names the one that counts.

`state.json` is written last and in one step. Whenever the process is killed, it names files that are whole:
those of the epoch before, or those of this one.
"""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dlscan.errors import ScanError
from dlscan.files import read_json, write_text
from dlscan.train.history import Row


@dataclasses.dataclass(frozen=True)
class State:
    """A training between two epochs.

    Attributes
    ----------
    dataset : str
        The dataset's `config_hash`.
    best_epoch : int
        The epoch, from 1, whose weights are the best so far.
    stopping : dict
        What early stopping remembers.
    history : tuple of Row
        The epochs so far.
    step : int
        Steps taken of the next epoch.
    sums : tuple
        What those steps told: events, loss, hits.
    seconds : float
        What those steps took.
    """

    dataset: str
    best_epoch: int
    stopping: dict[str, Any]
    history: tuple[Row, ...]
    step: int = 0
    sums: tuple[Any, ...] = ()
    seconds: float = 0.0

    @property
    def epoch(self) -> int:
        """Epochs trained."""
        return len(self.history)


class Checkpoint:
    """The directory `last/` of a point.

    Parameters
    ----------
    directory : Path
        It need not exist.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._state = directory / "state.json"

    def variables(self, epoch: int, step: int = 0) -> Path:
        """The file of variables after `epoch` and `step` steps of the next one.

        It is there for the best epoch, and for where training goes on.
        """
        return self._directory / f"epoch-{epoch:04d}{f'-step-{step}' if step else ''}.variables"

    def read(self) -> State | None:
        """The state to go on from; None at the start.

        Raises
        ------
        ScanError
            If it is damaged.
        """
        try:
            value = read_json(self._state)
            history = tuple(Row(**row) for row in value["history"])
            within = value["step"], tuple(value["sums"]), value["seconds"]
            return State(value["dataset"], value["best_epoch"], value["stopping"], history, *within)
        except FileNotFoundError:
            return None
        except (KeyError, TypeError) as error:
            advice = f"remove {self._directory} to train this point from its start"
            raise ScanError(f"{self._state}: damaged ({error}); {advice}") from None

    def commit(self, state: State, save: Callable[[Path], None]) -> None:
        """Make `state` the one to go on from.

        Parameters
        ----------
        state : State
            After its last epoch or step.
        save : callable
            Writes the variables to the path it is given, whole.
        """
        self._directory.mkdir(exist_ok=True)
        last = self.variables(state.epoch, state.step)
        save(last)
        content = {"epoch": state.epoch, **vars(state), "history": [vars(row) for row in state.history]}
        # on one line: that is encoded ten times as fast, and nobody reads it
        write_text(self._state, json.dumps(content, allow_nan=False))
        needed = {self._state, last, self.variables(state.best_epoch)}
        for path in set(self._directory.iterdir()) - needed:
            path.unlink()

    def clear(self) -> None:
        """Remove the checkpoint, the state first: without it the other files mean nothing."""
        self._state.unlink(missing_ok=True)
        shutil.rmtree(self._directory, ignore_errors=True)
