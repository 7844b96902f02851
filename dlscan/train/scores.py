"""The file of a network's scores, written split by split and put in its place at the end."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.dataset import file_ids
from dlscan.files import checksum, put_in_place, sync, temporary_beside
from dlscan.hdf5 import written_hdf5
from dlscan.stream import Batch, Batches
from dlscan.tasks import Arrays, Task


class ScoreFile:
    """An HDF5 file that is there once it is committed, and leaves nothing behind otherwise.

    At its root the test split: what the task writes of events, such as `scores` (N, C) float32 and `losses`
    (N,) float32; `labels` (N,) int32, `weights` (N,) float32, `sources` (N, 2) uint32 (number of the raw file
    in the dataset's manifest, row in it), `files` (F, 16) uint8 (what each of these raw files is:
    `dlscan.dataset.file_ids`), `extras/<name>`; attributes `classes`, `split`, `task` (kinds of tasks) and,
    with a regression, `targets` (their names). In the groups `validation` and `train` what the task writes,
    `labels` and `weights` of those.

    Parameters
    ----------
    path : Path
        Its place.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._temporary = path, temporary_beside(path)
        self._open = contextlib.ExitStack()
        self._file = self._open.enter_context(written_hdf5(self._temporary))

    def create(self, batches: Batches, task: Task) -> None:
        """Make room for what the events of the test split carry along, and say what is in the columns."""
        for head in task.heads:
            if head.targets:
                self._file.attrs["targets"] = list(head.targets)
        if task.train_on:
            self._file.attrs["train_on"] = list(task.train_on)
        self._file.attrs["task"] = list(task.kinds)
        self._file.attrs["classes"], self._file.attrs["split"] = list(batches.manifest.classes), "test"
        self._file.create_dataset("sources", (batches.events, 2), np.uint32)
        self._file["files"] = file_ids(batches.manifest.sources)
        extras = self._file.create_group("extras")
        for name, column in batches.manifest.extras.items():
            extras.create_dataset(name, (batches.events, *column.shape), column.dtype)

    def carry(self, batch: Batch, start: int) -> None:
        """Write what a batch of the test split carries along; its first event is number `start`."""
        here = slice(start, start + len(batch))
        self._file["sources"][here] = batch.sources
        for name, values in batch.extras.items():
            self._file["extras"][name][here] = values

    def write(self, split: str, start: int, events: int, arrays: Arrays) -> None:
        """Write what a model gives for events of a split, from number `start` on of `events` in all."""
        group = self._file.require_group("/" if split == "test" else split)
        for name, values in arrays.items():
            if name not in group:
                group.create_dataset(name, (events, *values.shape[1:]), values.dtype)
            group[name][start : start + len(values)] = values

    def tell(self, split: str, labels: NDArray[Any], weights: NDArray[Any]) -> None:
        """Write what the events of a split are and weigh."""
        group = self._group(split)
        group["labels"], group["weights"] = labels, weights

    def read(self, split: str) -> Arrays:
        """What was written of a split, without what its events carry along."""
        own = self._group(split)
        return {
            name: item[()]
            for name, item in own.items()
            if hasattr(item, "dtype") and name not in ("sources", "files")
        }

    def _group(self, split: str) -> Any:
        return self._file if split == "test" else self._file[split]

    def close(self) -> str:
        """Push what was written to the disk; nothing more is.

        Returns
        -------
        str
            The checksum of the file.

        Raises
        ------
        OSError
            If it could not be written whole.
        """
        self._open.close()
        sync(self._temporary)
        return checksum(self._temporary)

    def commit(self) -> None:
        """Put the file in its place.

        Raises
        ------
        OSError
            If it could not be written whole.
        """
        self._open.close()
        put_in_place(self._temporary, self._path)

    def discard(self) -> None:
        """Leave nothing behind, unless it is in its place."""
        with contextlib.suppress(OSError):
            self._open.close()
        self._temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def score_files(paths: list[Path]) -> Iterator[list[ScoreFile]]:
    """A score file for each path; those that are not committed are discarded."""
    with contextlib.ExitStack() as stack:
        files = []
        for path in paths:
            files.append(ScoreFile(path))
            stack.callback(files[-1].discard)
        yield files
