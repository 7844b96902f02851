"""What is applied to events: the model of a point of a scan, or one that was exported."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dlscan import tasks
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.tasks import require_takes_events
from dlscan.config import Experiment, load
from dlscan.config.task import Tasks
from dlscan.errors import UsageError
from dlscan.export import told_by
from dlscan.prediction.models import Model, exported, of_point
from dlscan.record import PointPaths, Record
from dlscan.tasks import Task
from dlscan.training import TrainedPoint

_TREES = PointPaths(Path()).trees.name
_SUFFIXES = (".keras", ".onnx")


@dataclasses.dataclass(frozen=True)
class Applied:
    """A trained model, and what has to be known to apply it.

    Attributes
    ----------
    name : str
        What to call it in messages.
    scan : str
    point : int
        Where it was trained.
    task : object
        What it has learned, as in the experiment file.
    classes : tuple of str
        In the order of the scores.
    dataset : mapping of str to str
        `path` and `config_hash` of the events that it was trained on.
    experiment : Experiment
        What is read of files: `data` counts alone.
    identity : object
        Two that differ in it give different numbers; JSON can hold it.
    model : callable
        Loads it.
    """

    name: str
    scan: str
    point: int
    task: Any
    classes: tuple[str, ...]
    dataset: Mapping[str, str]
    experiment: Experiment
    identity: Any
    model: Callable[[], Model]

    @classmethod
    def of(cls, given: DonePoint | Path) -> "Applied":
        """A finished point, or a file that `dlscan export` wrote.

        Raises
        ------
        UsageError
            If it takes no events, or the file is not one of these.
        """
        return cls._of_file(given) if isinstance(given, Path) else cls._of_point(given)

    @classmethod
    def _of_point(cls, point: DonePoint) -> "Applied":
        require_takes_events(point)
        record = point.record
        return cls(
            f"point {record.point}",
            record.scan,
            record.point,
            record.task,
            record.classes,
            record.dataset,
            load(point.paths.config),
            record.files or str(point.paths.directory),
            lambda: of_point(point),
        )

    @classmethod
    def _of_file(cls, path: Path) -> "Applied":
        told = told_by(path)
        return cls(
            str(path),
            told.scan,
            told.point,
            told.task,
            told.classes,
            told.dataset,
            told.experiment,
            told.checksum,
            lambda: exported(path, list(told.outputs)),
        )


def task_of(models: Sequence[Applied]) -> Task:
    """What all models have learned.

    Raises
    ------
    UsageError
        If that is not the same.
    """
    first = models[0]
    for other in models[1:]:
        if (other.task, other.classes) != (first.task, first.classes):
            raise UsageError(
                f"{first.name} and {other.name} have learned different things, and cannot be averaged"
            )
    return tasks.make(Tasks.parse(first.task, "task"), first.classes)


def is_model(text: str) -> bool:
    """Whether this is the name of a model's file, and no scan."""
    path = Path(text)
    return path.suffix in _SUFFIXES or path.name == _TREES or (path / "saved_model.pb").exists()


def model_in(path: Path, trust_files: bool = False) -> DonePoint | Path:
    """What to apply if the model in a file is meant: the point beside whose record it lies, or the file.

    Parameters
    ----------
    path : Path
        For which `is_model` holds.
    trust_files : bool
        Whether a file that defines layers of the point may be run.

    Raises
    ------
    UsageError
        If there is no such file, or another is needed.
    """
    if path.is_dir():
        raise UsageError(
            f"{path}: a SavedModel does not say how events are read; give SCAN N, or an ONNX or Keras file"
        )
    if not path.exists():
        raise UsageError(f"{path}: no such file")
    paths = PointPaths(path.absolute().parent)
    if path.absolute() in (paths.best, paths.trees) and paths.record.exists():
        record = Record.read(paths.record)
        return TrainedPoint(record, paths, record.scan, own=trust_files)
    if path.name == _TREES:
        raise UsageError(
            f"{path}: the record.json of its point is not in the same directory; give SCAN N, or an ONNX file"
        )
    return path
