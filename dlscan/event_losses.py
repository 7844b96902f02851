"""The losses of the validation events of a point at its best epochs, by which `scan.halving.racing` compares.

A file for each epoch that was the best until a rung: the numbers alone, in the order of the split.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dlscan.files import written_whole
from dlscan.record import PointPaths

# Of fewer validation events, a rare one with a very large loss may not be in the sample at all.
FEWEST = 1000


def keep(paths: PointPaths, epoch: int, losses: NDArray[np.float32], after: int) -> None:
    """Write the losses of an epoch that is the best so far.

    Parameters
    ----------
    paths : PointPaths
        Of the point.
    epoch : int
        From 1.
    losses : ndarray of float32, (N,)
        Of each event, with its weight.
    after : int
        The last rung before this epoch: earlier epochs since then count no more, and are removed.
    """
    paths.losses.mkdir(exist_ok=True)
    with written_whole(_file(paths, epoch)) as temporary:
        np.save(temporary, losses, allow_pickle=False)
    for earlier in range(after + 1, epoch):
        _file(paths, earlier).unlink(missing_ok=True)


def read(paths: PointPaths, epoch: int) -> NDArray[np.float64] | None:
    """The losses of an epoch, (N,); None where none were kept, or they cannot be read."""
    return _load(_file(paths, epoch))


def too_few(choices: Iterable[Iterable[tuple[tuple[int, ...], PointPaths]]]) -> str:
    """That the validation events of a scan are too few to race; empty if they are not, or if that is unknown.

    Parameters
    ----------
    choices : iterable
        Of each choice of parameters its trainings: the folds that validate each, and its files.
    """
    counts = (sum(events.values()) for each in choices if all((events := _events(each)).values()))
    count = next(filter(None, counts), FEWEST)
    if count >= FEWEST:
        return ""
    return f"{count} validation events are too few for racing, which needs {FEWEST:,}: it drops no point"


def _events(trainings: Iterable[tuple[tuple[int, ...], PointPaths]]) -> dict[tuple[int, ...], int]:
    """How many events each choice of folds has, by the first losses that were kept; 0 without any."""
    counts = {}
    for folds, paths in trainings:
        kept = map(_load, sorted(paths.losses.glob("epoch-*.npy")))
        counts[folds] = next((len(losses) for losses in kept if losses is not None), 0)
    return counts


def _load(file: Path) -> NDArray[np.float64] | None:
    try:
        losses = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return losses.astype(np.float64) if losses.ndim == 1 and losses.dtype.kind == "f" else None


def _file(paths: PointPaths, epoch: int) -> Path:
    return paths.losses / f"epoch-{epoch:04d}.npy"
