"""The predictions so far, in parts beside what they become: a repeated command goes on there."""

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from dlscan.errors import UsageError
from dlscan.files import put_in_place, remove, temporary_beside, write_json
from dlscan.hdf5 import open_hdf5, written_hdf5
from dlscan.locks import locked
from dlscan.tasks import Arrays

# Events of a part: few enough to be kept in memory, enough for the files to be few.
EVENTS = 20_000


class Parts:
    """Predictions, events in order.

    Parameters
    ----------
    target : Path
        The file or directory that they become.
    identity : mapping
        What decides them, plain JSON: parts of something else are removed.
    """

    def __init__(self, target: Path, identity: dict[str, Any]) -> None:
        self._target = target
        self._directory = target.with_name(f".{target.name}.parts")
        self._identity = json.loads(json.dumps(identity))
        if self._read_identity() != self._identity:
            remove(self._directory)
            self._directory.mkdir(parents=True)
            write_json(self._directory / "identity.json", self._identity)

    @classmethod
    @contextlib.contextmanager
    def of(cls, target: Path, identity: dict[str, Any]) -> Iterator["Parts"]:
        """Those of an output, for one process at a time.

        Raises
        ------
        UsageError
            If another one is writing them.
        """
        busy = UsageError(
            f"{target}: another `dlscan predict` is writing this; wait until it has finished, or choose "
            "another -o"
        )
        with locked(target.with_name(f".{target.name}.lock"), busy):
            yield cls(target, identity)

    def _read_identity(self) -> Any:
        try:
            return json.loads((self._directory / "identity.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    @property
    def paths(self) -> list[Path]:
        """The parts, in order."""
        return sorted(self._directory.glob("part-*.h5"))

    def last(self) -> tuple[int, int] | None:
        """The file and row of the last event that is done."""
        for path in self.paths[-1:]:
            with open_hdf5(path) as file:
                number, row = file["sources"][-1].tolist()
                return int(number), int(row)
        return None

    @property
    def events(self) -> int:
        """How many are done."""
        return sum(len(arrays["sources"]) for arrays in self.each())

    def each(self) -> Iterator[h5py.File]:
        """The parts in order, each open until the next one."""
        for path in self.paths:
            with open_hdf5(path) as file:
                yield file

    def add(self, arrays: Arrays) -> None:
        """Write the next part."""
        path = self._directory / f"part-{len(self.paths):06d}.h5"
        temporary = temporary_beside(path)
        try:
            with written_hdf5(temporary) as file:
                for name, values in arrays.items():
                    file[name] = values
            put_in_place(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)

    def read(self, name: str) -> Any:
        """All values of a column, in memory."""
        return np.concatenate([file[name][()] for file in self.each()])

    def remove(self) -> None:
        """Remove them, since what they became is in its place."""
        shutil.rmtree(self._directory)
