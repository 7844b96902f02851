"""What a finished point wrote beside its record: its history and its scores."""

import csv
import dataclasses
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.folds import trains_all
from dlscan.config.folds import ALL_TRAIN
from dlscan.errors import ScanError, UsageError
from dlscan.hdf5 import open_hdf5
from dlscan.metrics.influence import Influenced
from dlscan.tasks.metric import TaskMetrics
from dlscan.tasks.metrics import metrics_by_kind

EPOCH = "epoch"

SPLITS = ("test", "validation", "train")

Floats = NDArray[np.float64]


class SplitNotKept(ScanError):
    """There are no scores of a split: no events, or an older version that did not keep them."""


@dataclasses.dataclass(frozen=True, repr=False)
class Predictions:
    """What a network gave for the events of one split, and what is true of them.

    Attributes
    ----------
    kept : mapping of str to ndarray, each (N, ...)
        `labels`, `weights`, and what the task keeps of each event: `scores` of a classification,
        `predictions` and `targets` of a regression. Each is an attribute too.
    classes : tuple of str
        What `labels` count.
    metrics : tuple of TaskMetrics
        Of the tasks: what the columns of the arrays are, and what can be measured.
    extras : mapping of str to ndarray, each (N, ...)
        The datasets of `data.extras`, read when they are asked for; empty but for the test split.
    sources : ndarray of uint32, shape (N, 2), or None
        Number of the raw file in the dataset's manifest, and row in it; None but for the test split.
    files : ndarray of uint8, shape (F, 16), or None
        What each of these raw files is: see `dlscan.dataset.file_ids`. Older versions did not keep it.
    """

    kept: Mapping[str, NDArray[Any]]
    classes: tuple[str, ...]
    metrics: tuple[TaskMetrics, ...]
    extras: Mapping[str, NDArray[Any]] = dataclasses.field(default_factory=dict)
    sources: NDArray[np.uint32] | None = None
    files: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def size(self) -> int:
        """How many numbers the network gave."""
        return len(self) * sum(len(each.names) for each in self.metrics)

    @property
    def labels(self) -> NDArray[np.int64]:
        """The true class of each event (N,), as an index into `classes`."""
        return self.kept["labels"]

    @property
    def weights(self) -> NDArray[np.float32]:
        """Event weights (N,): the dataset that `data.weights` names, and 1 without it."""
        return self.kept["weights"]

    @property
    def losses(self) -> NDArray[np.float32] | None:
        """The loss of each event (N,). Older versions did not keep it."""
        return self.kept.get("losses")

    @property
    def event_losses(self) -> Floats | None:
        """As `losses`; where none were kept, as far as what the network gave tells them."""
        return next((found for each in self.metrics if (found := each.losses(self.kept)) is not None), None)

    @property
    def scores(self) -> NDArray[np.float32]:
        """Of a classification: (N, C), a row per event, a column per class."""
        return self._array("scores", "scores of classes")

    @property
    def predictions(self) -> NDArray[np.float32]:
        """Of a regression: what was predicted, (N, T), a column per target, in its unit."""
        return self._array("predictions", "predictions of targets")

    @property
    def targets(self) -> NDArray[np.float32]:
        """Of a regression: the truth, (N, T)."""
        return self._array("targets", "predictions of targets")

    @property
    def sigmas(self) -> NDArray[np.float32] | None:
        """Of a regression: the uncertainty that the network gives each prediction, (N, T), if it does."""
        return self.kept.get("sigmas")

    @property
    def names(self) -> tuple[str, ...]:
        """The targets of a regression; none without one."""
        return self.columns.get("targets", ())

    @property
    def columns(self) -> dict[str, tuple[str, ...]]:
        """What the columns of arrays are: `{"scores": ("Ele", "Pi0")}`."""
        return {name: columns for each in self.metrics for name, columns in each.columns.items()}

    def take(self, positions: NDArray[np.int64]) -> "Predictions":
        """The events at `positions`, in that order, without extras."""
        return dataclasses.replace(
            self,
            kept={name: values[positions] for name, values in self.kept.items()},
            extras={},
            sources=None if self.sources is None else self.sources[positions],
        )

    def influenced(self, name: str) -> Influenced | None:
        """A metric, without `val_`, with what each event adds to its fluctuation; None if there is none."""
        return next(filter(None, (each.influenced(self.kept, name) for each in self.metrics)), None)

    def _array(self, name: str, what: str) -> NDArray[np.float32]:
        if name not in self.kept:
            tasks_ = " and ".join(each.phrase for each in self.metrics)
            raise ScanError(f"there are no {what}: the task is {tasks_}")
        return self.kept[name]

    def __repr__(self) -> str:
        extras = f", with {', '.join(self.extras)}" if self.extras else ""
        names = ", ".join(name for each in self.metrics for name in each.names)
        return f"Predictions({len(self)} events of {names}{extras})"


def history(point: DonePoint) -> dict[str, Floats]:
    """Every column of a point's `history.csv`; errors as for `read_history`."""
    return read_history(point.paths.history)


def read_history(path: Path) -> dict[str, Floats]:
    """Every column of a `history.csv`, an entry per epoch; what is empty is nan.

    Raises
    ------
    ScanError
        If the file is missing or damaged.
    """
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


def predictions(point: DonePoint, split: str = "test", content: bytes | None = None) -> Predictions:
    """The scores in a point's `predictions.h5`.

    Parameters
    ----------
    point : DonePoint
        A finished point.
    split : {"test", "validation", "train"}
        Which events; of the training split there is a sample.
    content : bytes, optional
        Of the file, if it has been read already.

    Raises
    ------
    ScanError
        If the file is missing or damaged, or has no scores of this split.
    """
    if split == "validation" and trains_all(point):
        raise SplitNotKept(f"{point.paths.predictions}: no scores of the validation split: {ALL_TRAIN}")
    point.record.require_whole(point.paths.predictions, content)
    return read_predictions(point.paths.predictions, split, content)


def read_predictions(path: Path, split: str = "test", content: bytes | None = None) -> Predictions:
    """As `predictions`, from the file at `path`."""
    if split not in SPLITS:
        raise UsageError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    try:
        with open_hdf5(path if content is None else io.BytesIO(content)) as file:
            if split != "test" and split not in file:
                raise SplitNotKept(
                    f"{path}: no scores of the {split} split, an older version of dlscan wrote it; train "
                    "the point again"
                )
            classes = _texts(file.attrs["classes"])
            targets = _texts(file.attrs.get("targets", ()))
            kinds = _texts(file.attrs.get("task", ("classify",)))
            metrics = metrics_by_kind(
                {kind: targets if kind == "regress" else classes for kind in kinds},
                _texts(file.attrs.get("train_on", ())),
            )
            group = file if split == "test" else file[split]
            kept = {name: item[:] for name, item in group.items() if isinstance(item, h5py.Dataset)}
            sources, files = kept.pop("sources", None), kept.pop("files", None)
            kept.setdefault("weights", np.ones(len(kept["labels"]), np.float32))
            extras = tuple(_datasets(group["extras"])) if "extras" in group else ()
    except ScanError:
        raise
    except Exception as error:  # h5py has many kinds for what it does not expect
        reason = "no such file" if isinstance(error, FileNotFoundError) else error
        raise ScanError(f"{path}: cannot read scores ({reason})") from None
    found = Predictions(kept, classes, metrics, _Extras(path, extras), sources, files)
    _require_shapes(path, found)
    return found


def _require_shapes(path: Path, found: Predictions) -> None:
    """An entry per event in each array, and a column per class or target."""
    for metrics in found.metrics:
        for name, columns in metrics.columns.items():
            if name not in found.kept and name in metrics.needed:
                raise ScanError(f"{path}: cannot read scores (it has no {name})")
            shape = found.kept[name].shape if name in found.kept else (len(found), len(columns))
            if shape != (len(found), len(columns)):
                raise ScanError(
                    f"{path}: damaged: {name} {shape} and weights {found.weights.shape} "
                    f"for {len(found)} events and {len(columns)} {metrics.noun}"
                )
    for name, values in found.kept.items():
        if len(values) != len(found):
            raise ScanError(f"{path}: damaged: {name} {values.shape} for {len(found)} events")


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
