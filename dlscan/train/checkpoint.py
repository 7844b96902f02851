"""The checkpoint of a point: a file of variables per epoch, and the state that names the one that counts.

`state.json` is written last and in one step. Whenever the process is killed, it names files that are whole:
those of the epoch before, or those of this one.
"""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dlscan.errors import ScanError
from dlscan.files import read_json, write_json
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
    """

    dataset: str
    best_epoch: int
    stopping: dict[str, Any]
    history: tuple[Row, ...]

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

    def variables(self, epoch: int) -> Path:
        """The file of variables after `epoch`; it is there for the last and for the best one."""
        return self._directory / f"epoch-{epoch:04d}.h5"

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
            return State(value["dataset"], value["best_epoch"], value["stopping"], history)
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
            After its last epoch.
        save : callable
            Writes the variables to the path it is given, whole.
        """
        self._directory.mkdir(exist_ok=True)
        save(self.variables(state.epoch))
        write_json(self._state, {"epoch": state.epoch, **dataclasses.asdict(state)})
        needed = {self._state, self.variables(state.epoch), self.variables(state.best_epoch)}
        for path in set(self._directory.iterdir()) - needed:
            path.unlink()

    def clear(self) -> None:
        """Remove the checkpoint, the state first: without it the other files mean nothing."""
        self._state.unlink(missing_ok=True)
        shutil.rmtree(self._directory, ignore_errors=True)
