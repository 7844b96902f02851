"""The checkpoint of a point: a file of variables per epoch, and the state that names the one that counts.

`state.json` is written last and in one step. Whenever the process is killed, it names files that are whole:
those of the epoch before, or those of this one. It holds their checksums and its own, and `before.json` is
the state before it, with its files: what a disk has damaged is found, and training goes on one epoch earlier.
"""

import contextlib
import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from dlscan.errors import DlscanError, ScanError
from dlscan.files import checksum, put_in_place, read_json, temporary_beside, write_text
from dlscan.train.history import Row
from dlscan.train.stopping import Stopping


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
        What those steps told: see `Sums.flat`.
    seconds : float
        What those steps took.
    mixing : int or None
        The stream's `mixing`, on which the order of the events of an index depends.
    plateau : int
        Epochs that count towards a lower learning rate.
    """

    dataset: str
    best_epoch: int
    stopping: dict[str, Any]
    history: tuple[Row, ...]
    step: int = 0
    sums: tuple[Any, ...] = ()
    seconds: float = 0.0
    mixing: int | None = None
    plateau: int = 0

    @property
    def epoch(self) -> int:
        """Epochs trained."""
        return len(self.history)


class _Saved(NamedTuple):
    """A state on file: its text, the checksums of the files that it names, and its steps of an epoch."""

    text: str
    files: dict[str, str]
    step: int


class Checkpoint:
    """The directory `last/` of a point.

    Parameters
    ----------
    directory : Path
        It need not exist.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._state, self._before = directory / "state.json", directory / "before.json"
        self._saved: _Saved | None = None
        self._earlier: _Saved | None = None

    def variables(self, epoch: int, step: int = 0) -> Path:
        """The file of variables after `epoch` and `step` steps of the next one.

        It is there for the best epoch, and for where training goes on.
        """
        return self._directory / f"epoch-{epoch:04d}{f'-step-{step}' if step else ''}.variables"

    def read(
        self,
        say: Callable[[str], object] = lambda line: None,
        usable: Callable[[State], bool] = lambda state: True,
    ) -> State | None:
        """The latest state that is whole; None at the start.

        Parameters
        ----------
        say : callable
            Gets a line for each damaged file that is passed over.
        usable : callable
            Whether a state is one to go on from.
        """
        if not self._state.exists():
            return None
        for file in (self._state, self._before):
            try:
                state, saved = self._whole(file)
            except FileNotFoundError:
                continue
            except (DlscanError, OSError) as error:
                say(f"{error}; this checkpoint is not used")
                continue
            if usable(state):
                self._saved = saved
                if saved.step:
                    # the start of the epoch is kept for as long as the epoch lasts
                    with contextlib.suppress(DlscanError, OSError):
                        self._earlier = self._whole(self._before)[1]
                return state
        return None

    def require_whole(self, epoch: int) -> Path:
        """The file of variables after `epoch`, of the state that was last read or written.

        Raises
        ------
        ScanError
            If it is missing or damaged.
        """
        path = self.variables(epoch)
        if self._saved is not None:
            self._check(path, self._saved.files.get(path.name))
        return path

    def commit(
        self,
        state: State,
        save: Callable[[Path], None],
        turn: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        """Make `state` the one to go on from; that after the epoch before is kept beside it.

        Parameters
        ----------
        state : State
            After its last epoch or step.
        save : callable
            Writes the variables to the path it is given, and pushes them to the disk.
        turn : callable
            Gives what files are put in their places within. They are written before that, in the directory
            above: a disk may take its time, and whoever waits for the turn should not.
        """
        before = self._saved
        if before is not None and before.step:
            before = self._earlier
        before = before or _Saved("", {}, 0)
        last = self.variables(state.epoch, state.step)
        aside = self._directory.parent / temporary_beside(last).name
        try:
            save(aside)
            digest = checksum(aside)
            with turn():
                self._directory.mkdir(exist_ok=True)
                put_in_place(aside, last)
                self._put(state, before, digest)
        finally:
            aside.unlink(missing_ok=True)

    def _put(self, state: State, before: _Saved, digest: str) -> None:
        """Write the states, and remove what neither of them needs."""
        last, best = self.variables(state.epoch, state.step), self.variables(state.best_epoch)
        known = self._saved.files if self._saved else {}
        files = {name: digest for name, digest in known.items() if name == best.name}
        files[last.name] = digest
        content = {"epoch": state.epoch, **vars(state), "history": [row.flat for row in state.history]}
        # on one line: that is encoded ten times as fast, and nobody reads it
        text = _signed(content | {"files": files})
        if before.text:
            write_text(self._before, before.text, safe=False)
        write_text(self._state, text)
        self._saved, self._earlier = _Saved(text, files, state.step), before
        needed = {self._state, self._before, last, best, *(self._directory / name for name in before.files)}
        for path in set(self._directory.iterdir()) - needed:
            path.unlink()

    def clear(self) -> None:
        """Remove the checkpoint, the state first: without it the other files mean nothing."""
        self._state.unlink(missing_ok=True)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _whole(self, file: Path) -> tuple[State, _Saved]:
        """The state in `file`; an error that names what is damaged of it or of the variables it needs."""
        try:
            value = read_json(file)
            text = json.dumps(value, allow_nan=False)
            # those of older versions have no checksums
            files = dict(value.pop("files", {}))
            if "checksum" in value and _signed(value | {"files": files}) != text:
                raise ScanError(f"{file}: damaged, its checksum does not match")
            Stopping().resumed(value["stopping"])
            history = tuple(Row.of(row) for row in value["history"])
            within = value["step"], tuple(value["sums"]), value["seconds"]
            state = State(
                value["dataset"],
                value["best_epoch"],
                value["stopping"],
                history,
                *within,
                value.get("mixing"),
                value.get("plateau", 0),
            )
            needed = [self.variables(state.epoch, state.step), self.variables(state.best_epoch)]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ScanError(f"{file}: damaged ({error!r})") from None
        for path in needed if state.best_epoch else needed[:1]:
            self._check(path, files.get(path.name))
        return state, _Saved(text, files, state.step)

    def _check(self, path: Path, digest: str | None) -> None:
        try:
            found = checksum(path)
        except OSError as error:
            raise ScanError(f"{path}: missing or damaged ({error.strerror})") from None
        if digest not in (None, found):
            raise ScanError(f"{path}: damaged, its checksum does not match")


def _signed(content: dict[str, Any]) -> str:
    """The content of a state as JSON, its checksum in it."""
    content = {key: value for key, value in content.items() if key != "checksum"}
    text = json.dumps(content, allow_nan=False)
    return json.dumps(content | {"checksum": hashlib.blake2b(text.encode(), digest_size=16).hexdigest()})
