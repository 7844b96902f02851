"""What a finished point wrote beside its record: its history and its scores."""

import csv
import dataclasses

import h5py
import numpy as np
from numpy.typing import NDArray

from dlscan.analysis.records import DonePoint
from dlscan.errors import ScanError

EPOCH = "epoch"

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Predictions:
    """Scores of one split.

    Attributes
    ----------
    scores : ndarray of float32, shape (N, C)
        A row per event, a column per class.
    labels : ndarray of int, shape (N,)
        The true class of each event, as an index into `classes`.
    classes : tuple of str
        The labels of the columns.
    """

    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]


def history(point: DonePoint) -> dict[str, Floats]:
    """Every column of a point's `history.csv`, an entry per epoch; what is empty is nan.

    Raises
    ------
    ScanError
        If the file is missing or damaged.
    """
    path = point.paths.history
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines, strict=True))
        columns = {key: np.array([float(row[key] or "nan") for row in rows]) for key in (rows or [{}])[0]}
    except (OSError, ValueError, TypeError, csv.Error) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else error
        raise ScanError(f"{path}: no history can be read ({reason})") from None
    if EPOCH not in columns or np.isnan(columns[EPOCH]).any():
        raise ScanError(f"{path}: no history can be read (not a number of the epoch in every line)")
    return columns


def predictions(point: DonePoint) -> Predictions:
    """The scores in a point's `predictions.h5`.

    Raises
    ------
    ScanError
        If the file is missing or damaged.
    """
    path = point.paths.predictions
    try:
        with h5py.File(path) as file:
            classes = tuple(
                name.decode() if isinstance(name, bytes) else str(name) for name in file.attrs["classes"]
            )
            scores, labels = file["scores"][:], file["labels"][:]
    except (OSError, KeyError) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else error
        raise ScanError(f"{path}: no scores can be read ({reason})") from None
    if scores.shape != (len(labels), len(classes)):
        raise ScanError(
            f"{path}: damaged: scores {scores.shape} for {len(labels)} events and {len(classes)} classes"
        )
    return Predictions(scores, labels, classes)
