"""Mean and standard deviation of what networks predict, measured over the training split."""

from collections.abc import Hashable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config import Experiment
from dlscan.dataset import SPLITS, Manifest
from dlscan.errors import DataError
from dlscan.stream.batch import Batch
from dlscan.stream.batches import Batches
from dlscan.tasks import Head, Standard, Standards, Task

# Events that are read at once, fewer where they carry much along.
_EVENTS, _BYTES = 65_536, 16 * 2**20


def standards(experiment: Experiment, task: Task, dataset: str) -> Standards:
    """Measure the numbers that the heads of a task predict, or that it is given. Inputs are not read.

    Parameters
    ----------
    experiment : Experiment
        Of the point; its dataset is read.
    task : Task
        What the point learns.
    dataset : str
        The `config_hash` of the dataset that it must be.

    Returns
    -------
    dict of str to Standard
        By the name of the head; empty for a task that predicts no numbers.

    Raises
    ------
    DataError
        If a number of any split is not finite, or below 0 where rates are predicted; it names the file and
        the row. If all events of the training split have the same number.
    """
    heads = _with_numbers(task)
    if not heads:
        return {}
    sums = {head.name: _Sums() for head in heads}
    extras = Manifest.of(experiment).extras.values()
    size = max(1, min(_EVENTS, _BYTES // max(sum(8 * column.size for column in extras), 1)))
    for split in SPLITS:
        with Batches(
            experiment.data.prepared,
            split,
            size,
            workers=0,
            shuffle=False,
            extras=True,
            dataset=dataset,
            inputs=False,
            left_out=experiment.data.left_out,
        ) as batches:
            for batch in batches.epoch(0, last=True):
                truth = task.truth(batch.labels, batch.extras)
                for head in heads:
                    _require_finite(head, truth[head.name], batch, batches)
                    if split == "train":
                        sums[head.name].add(truth[head.name])
    for head in heads:
        _require_different(head, sums[head.name])
    return {name: own.standard() for name, own in sums.items()}


def numbers_of(task: Task) -> Hashable:
    """What the standards of a task depend on, beside the events."""
    return tuple((head.name, head.targets, head.are_rates) for head in _with_numbers(task))


def _with_numbers(task: Task) -> list[Head]:
    return [head for head in (*task.heads, *task.given, *task.beside) if head.targets]


def _require_finite(head: Head, numbers: NDArray[Any], batch: Batch, batches: Batches) -> None:
    wrong = np.argwhere(~np.isfinite(numbers) | (head.are_rates & (numbers < 0)))
    if not len(wrong):
        return
    event, target = wrong[0]
    assert batch.sources is not None
    number, row = batch.sources[event]
    file = batches.manifest.sources[number].file
    where = f"{_key(head, head.targets[target])}: {numbers[event, target]} in {file}, row {row}"
    if np.isfinite(numbers[event, target]):
        raise DataError(f"{where}; with the loss poisson it must be at least 0: choose another train.loss")
    raise DataError(f"{where}; it must be a finite number in float32: leave such events out of the raw files")


def _require_different(head: Head, sums: "_Sums") -> None:
    # not by the deviation, which is rounded
    for name, least, most in zip(head.targets, sums.least, sums.most, strict=True):
        if least == most:
            raise DataError(
                f"{_key(head, name)}: is {least:g} for every event of the training split: there is nothing "
                "to learn; name another place, or leave it out"
            )


def _key(head: Head, name: str) -> str:
    """The key of the file that names a number."""
    keys = {"condition": f"task.condition: {name}", "nuisance": f"adversary.nuisance: {name}"}
    return keys.get(head.name, f"task.targets.{name}")


class _Sums:
    """Moments and limits of numbers, merged block by block (Chan, Golub and LeVeque, 1979)."""

    def __init__(self) -> None:
        self._count, self._mean, self._squares = 0, np.zeros(1), np.zeros(1)
        self.least, self.most = np.array([np.inf]), np.array([-np.inf])

    def add(self, block: NDArray[Any]) -> None:
        """Take numbers (B, T)."""
        values = block.astype(np.float64)
        count, mean = len(values), values.mean(axis=0)
        total = self._count + count
        step = mean - self._mean
        self._squares = (
            self._squares + np.square(values - mean).sum(axis=0) + step**2 * (self._count * count / total)
        )
        self._mean = self._mean + step * (count / total)
        self._count = total
        self.least = np.minimum(self.least, values.min(axis=0))
        self.most = np.maximum(self.most, values.max(axis=0))

    def standard(self) -> Standard:
        """Mean and standard deviation so far."""
        spread = np.sqrt(self._squares / max(self._count, 1))
        return Standard(
            tuple(map(float, self._mean)), tuple(float(std) if std > 0 else 1.0 for std in spread)
        )
