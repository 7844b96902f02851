"""What a finished point wrote beside its record: its history and its scores."""

import csv
import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dlscan.analysis.points.done import DonePoint
from dlscan.errors import ScanError, UsageError
from dlscan.hdf5 import open_hdf5

EPOCH = "epoch"

SPLITS = ("test", "validation", "train")

Floats = NDArray[np.float64]


class SplitNotKept(ScanError):
    """The version that trained a point did not keep the scores of a split."""


@dataclasses.dataclass(frozen=True, repr=False)
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
    weights : ndarray of float32, shape (N,)
        Event weights: the dataset that `data.weights` names, and 1 without it.
    extras : mapping of str to ndarray, each (N, ...)
        The datasets of `data.extras`, read when they are asked for; empty but for the test split.
    sources : ndarray of uint32, shape (N, 2), or None
        Number of the raw file in the dataset's manifest, and row in it; None but for the test split.
    files : ndarray of uint8, shape (F, 16), or None
        What each of these raw files is: see `dlscan.dataset.file_ids`. Older versions did not keep it.
    losses : ndarray of float32, shape (N,), or None
        The loss of each event. Older versions did not keep it, and scores do not tell where they are next to
        0.
    cross_entropies : ndarray of float32, shape (N,), or None
        The cross-entropy of each event, if the loss is another.
    """

    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    weights: NDArray[np.float32]
    extras: Mapping[str, NDArray[Any]] = dataclasses.field(default_factory=dict)
    sources: NDArray[np.uint32] | None = None
    files: NDArray[np.uint8] | None = None
    losses: NDArray[np.float32] | None = None
    cross_entropies: NDArray[np.float32] | None = None

    @property
    def entropies(self) -> NDArray[np.float32] | None:
        """The cross-entropy of each event, whatever the loss is."""
        return self.losses if self.cross_entropies is None else self.cross_entropies

    def __repr__(self) -> str:
        extras = f", with {', '.join(self.extras)}" if self.extras else ""
        return f"Predictions({len(self.labels)} events of {', '.join(self.classes)}{extras})"


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
        raise ScanError(f"{path}: cannot read a history ({reason})") from None
    if EPOCH not in columns or np.isnan(columns[EPOCH]).any():
        raise ScanError(f"{path}: cannot read a history (some lines have no epoch number)")
    return columns


def predictions(point: DonePoint, split: str = "test") -> Predictions:
    """The scores in a point's `predictions.h5`.

    Parameters
    ----------
    point : DonePoint
        A finished point.
    split : {"test", "validation", "train"}
        Which events; of the training split there is a sample.

    Raises
    ------
    ScanError
        If the file is missing or damaged, or was written by a version that kept no scores of this split.
    """
    point.record.require_whole(point.paths.predictions)
    return read_predictions(point.paths.predictions, split)


def read_predictions(path: Path, split: str = "test") -> Predictions:
    """As `predictions`, from the file at `path`."""
    if split not in SPLITS:
        raise UsageError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    try:
        with open_hdf5(path) as file:
            if split != "test" and split not in file:
                raise SplitNotKept(
                    f"{path}: no scores of the {split} split, an older version of dlscan wrote it; train "
                    "the point again"
                )
            classes = _texts(file.attrs["classes"])
            group = file if split == "test" else file[split]
            scores, labels = group["scores"][:], group["labels"][:]
            weights = group["weights"][:] if "weights" in group else np.ones(len(labels), np.float32)
            sources = group["sources"][:] if "sources" in group else None
            files = group["files"][:] if "files" in group else None
            losses = group["losses"][:] if "losses" in group else None
            entropies = group["cross_entropies"][:] if "cross_entropies" in group else None
            extras = tuple(_datasets(group["extras"])) if "extras" in group else ()
    except ScanError:
        raise
    except Exception as error:  # h5py has many kinds for what it does not expect
        reason = "no such file" if isinstance(error, FileNotFoundError) else error
        raise ScanError(f"{path}: cannot read scores ({reason})") from None
    if scores.shape != (len(labels), len(classes)) or weights.shape != labels.shape:
        raise ScanError(
            f"{path}: damaged: scores {scores.shape} and weights {weights.shape} "
            f"for {len(labels)} events and {len(classes)} classes"
        )
    return Predictions(
        scores, labels, classes, weights, _Extras(path, extras), sources, files, losses, entropies
    )


@dataclasses.dataclass(frozen=True, repr=False)
class TargetPredictions:
    """What a regression predicted of the events of one split.

    Attributes
    ----------
    predictions, targets : ndarray of float32, shape (N, T)
        A row per event, a column per target, in its unit: what was predicted, and the truth.
    names : tuple of str
        Of the targets.
    weights : ndarray of float32, shape (N,)
        Event weights, 1 by default.
    sigmas : ndarray of float32, shape (N, T), or None
        The uncertainty that the network gives each prediction, with the loss `gaussian_nll`.
    """

    predictions: NDArray[np.float32]
    targets: NDArray[np.float32]
    names: tuple[str, ...]
    weights: NDArray[np.float32]
    sigmas: NDArray[np.float32] | None = None

    def __repr__(self) -> str:
        return f"TargetPredictions({len(self.targets)} events, {', '.join(self.names)})"


def target_predictions(point: DonePoint, split: str = "test") -> TargetPredictions:
    """The predicted and true targets in a point's `predictions.h5`; arguments as for `predictions`.

    Raises
    ------
    ScanError
        If the file is missing or damaged, or the task of the point has no targets.
    """
    path = point.paths.predictions
    point.record.require_whole(path)
    try:
        with open_hdf5(path) as file:
            group = file if split == "test" else file[split]
            if "predictions" not in group:
                raise ScanError(
                    f"{path}: no predictions of targets; only a regression (task: regress) has them"
                )
            names = _texts(file.attrs["targets"])
            found, truth, weights = (group[name][:] for name in ("predictions", "targets", "weights"))
            sigmas = group["sigmas"][:] if "sigmas" in group else None
    except ScanError:
        raise
    except Exception as error:  # h5py has many kinds for what it does not expect
        reason = "no such file" if isinstance(error, FileNotFoundError) else error
        raise ScanError(f"{path}: cannot read predictions ({reason})") from None
    shapes = {array.shape for array in (found, truth, sigmas) if array is not None}
    if shapes != {(len(weights), len(names))}:
        raise ScanError(
            f"{path}: damaged: predictions {found.shape} and targets {truth.shape} "
            f"for {len(weights)} events and {len(names)} targets"
        )
    return TargetPredictions(found, truth, names, weights, sigmas)


def _texts(names: Any) -> tuple[str, ...]:
    """Names in an attribute of a file."""
    return tuple(name.decode() if isinstance(name, bytes) else str(name) for name in names)


class _Extras(Mapping[str, NDArray[Any]]):
    """The extras in a file of scores: they may be large, and most who want scores do not want them."""

    def __init__(self, path: Path, names: tuple[str, ...]) -> None:
        self._path, self._names = path, names

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._names:
            raise KeyError(name)
        try:
            with open_hdf5(self._path) as file:
                values: NDArray[Any] = file["extras"][name][()]
                return values
        except Exception as error:  # as above
            raise ScanError(f"{self._path}: extras/{name} cannot be read ({error})") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _datasets(group: Any) -> list[str]:
    """Names of all datasets below a group, such as `target` and `jets/pt`."""
    found: list[str] = []
    group.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return found
