"""The predictions so far, in parts beside the file that they become: a repeated command goes on there."""

import contextlib
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from dlscan.errors import DlscanError, UsageError
from dlscan.files import put_in_place, remove, temporary_beside, write_json
from dlscan.hdf5 import open_hdf5, written_hdf5
from dlscan.locks import locked
from dlscan.tasks import Arrays

# Events of a part: few enough to be kept in memory, enough for the files to be few.
EVENTS = 100_000


class Parts:
    """Predictions, events in order.

    Parameters
    ----------
    target : Path
        The file that they become.
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
        """Those of a file, for one process at a time.

        Raises
        ------
        UsageError
            If another one is writing them.
        """
        busy = UsageError(
            f"{target}: another `dlscan predict` is writing this file; wait until it has finished, or choose "
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
        return sum(len(arrays["sources"]) for arrays in self._each())

    def _each(self) -> Iterator[h5py.File]:
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
        return np.concatenate([file[name][()] for file in self._each()])

    def finish(self, attributes: dict[str, Any], files: Sequence[str]) -> None:
        """Put the parts together to the target, and remove them.

        Raises
        ------
        DlscanError
            If there is no event at all.
        """
        events = self.events
        if not events:
            raise DlscanError(f"{self._target}: not written: no event of these files passes data.where")
        temporary = temporary_beside(self._target)
        try:
            with written_hdf5(temporary) as out:
                start = 0
                for part in self._each():
                    stop = start + len(part["sources"])
                    _copy(part, out, slice(start, stop), events)
                    start = stop
                out.create_dataset("files", data=list(files), dtype=h5py.string_dtype())
                for name, value in attributes.items():
                    out.attrs[name] = value
            put_in_place(temporary, self._target)
        finally:
            temporary.unlink(missing_ok=True)
        shutil.rmtree(self._directory)


def _copy(part: h5py.File, out: h5py.File, here: slice, events: int) -> None:
    def visit(name: str, found: object) -> None:
        if isinstance(found, h5py.Dataset):
            if name not in out:
                out.create_dataset(name, (events, *found.shape[1:]), found.dtype)
            out[name][here] = found[()]

    part.visititems(visit)
