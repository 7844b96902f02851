"""Write the model of a finished point for others, and check on real events that it gives the same."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dlscan import tasks
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.tasks import require_takes_events
from dlscan.config import load
from dlscan.config.task import Tasks
from dlscan.errors import DataError, ScanError, StreamError, UsageError
from dlscan.export.about import about, columns, numbered
from dlscan.export.onnx_file import Arrays
from dlscan.files import directory_whole, written_whole
from dlscan.stream import Batches
from dlscan.training import TrainedPoint
from dlscan.trees import Forest

FORMATS = ("keras", "onnx", "saved-model")
EVENTS = 1000
# Of scores; of numbers in a unit, of the largest one. Sums in another order differ by a few 1e-7.
MOST = 1e-5
_TRAINING = ("augment", "balance", "fold", "folds", "fraction", "resample")


@dataclasses.dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes
    ----------
    path : Path
        The file, or of a SavedModel the directory.
    inputs : dict of str to tuple of int
        The shape of each input for one event.
    dtypes : dict of str to str
        What each input holds: "float32", or "bool" of a mask.
    outputs : dict of str to tuple of str
        What the columns of each output are.
    events : int
        Test events on which it was compared; 0 if it was not.
    difference : float
        The largest, see `MOST`.
    """

    path: Path
    inputs: dict[str, tuple[int, ...]]
    dtypes: dict[str, str]
    outputs: dict[str, tuple[str, ...]]
    events: int
    difference: float


class _Model(Protocol):
    formats: tuple[str, ...]
    inputs: dict[str, tuple[int, ...]]
    dtypes: dict[str, str]
    outputs: dict[str, int]

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays: ...

    def write(self, form: str, path: Path, texts: Mapping[str, str]) -> None: ...

    def reader(self, form: str, path: Path) -> Callable[[Mapping[str, NDArray[Any]]], Arrays]: ...


def export(
    point: DonePoint,
    form: str,
    path: Path,
    check: bool = True,
    replace: bool = False,
    trust_files: bool = False,
) -> Exported:
    """Write the model of a finished point in another form.

    Parameters
    ----------
    point : DonePoint
        It may be a network or boosted trees.
    form : {"keras", "onnx", "saved-model"}
        `saved-model` is a directory.
    path : Path
        What is written. It is there once it is whole and checked.
    check : bool
        Compare what it gives with what the model gives on 1,000 test events of its dataset.
    replace : bool
        Whether `path` may be there already.
    trust_files : bool
        Whether a file that defines layers may be run.

    Raises
    ------
    UsageError
        If the model has no such form, `path` is there, or a package is missing.
    BackendError
        If the back end cannot write this network.
    DataError
        If the dataset is gone or another; it says how to do without.
    ScanError
        If what was written gives other numbers; it is removed.
    """
    require_takes_events(point)
    record = point.record
    if path.exists() and not replace:
        raise UsageError(f"{path}: exists; remove it, choose another -o, or give --overwrite")
    if form == "keras" and path.suffix != ".keras":
        raise UsageError(f"-o {path}: Keras reads only files whose name ends in .keras")
    # the dataset is missing more often than anything else, and building a network takes a while
    events = _events(point) if check else {}
    model = _model(point, trust_files)
    if form not in model.formats:
        known = " or ".join(model.formats)
        raise UsageError(f"--format {form}: boosted trees can only be exported as {known}")
    made = tasks.make(Tasks.parse(record.task, "task"), record.classes)
    if "reconstruct" in made.kinds:
        outputs = {name: numbered(name, size) for name, size in model.outputs.items()}
    else:
        outputs = {
            head.name: columns(head.targets, record.classes, model.outputs[head.name]) for head in made.heads
        }
    count, difference = 0, 0.0
    with _written(path, form) as place:
        model.write(form, place, about(record, _data(point), outputs))
        if check:
            count = len(next(iter(events.values())))
            difference = _difference(model(events), model.reader(form, place)(events))
            if not difference <= MOST:
                raise ScanError(
                    f"{path}: not written: its numbers differ from those of "
                    f"{record.model_file(point.paths)} by up to {difference:.1e} on test events; "
                    "--no-check writes it anyway. In a graph, rounding may decide which neighbours are "
                    "nearest; please report any other network"
                )
    return Exported(path, model.inputs, model.dtypes, outputs, count, difference)


def _model(point: DonePoint, trust_files: bool) -> _Model:
    record, trained = point.record, TrainedPoint.of(point).model(trust_files)
    names = [head.name for head in tasks.make(Tasks.parse(record.task, "task"), record.classes).heads]
    if isinstance(trained, Forest):
        from dlscan.export.forest import ExportedForest

        return ExportedForest(trained, names[0])
    from dlscan.export.network import ExportedNetwork

    return ExportedNetwork(
        trained,
        record.model_file(point.paths),
        names,
        record.params.get("train.precision", "float32"),
        record.sources,
    )


def _data(point: DonePoint) -> dict[str, Any]:
    """How events are read, without what is for training alone."""
    data = load(point.paths.config).plain()["data"]
    return {key: value for key, value in data.items() if key not in _TRAINING}


def _events(point: DonePoint) -> Arrays:
    """Raw inputs of test events of the dataset that a point was trained on, by the network's names."""
    dataset = point.record.dataset
    try:
        with Batches(
            dataset["path"], split="test", batch_size=EVENTS, workers=0, dataset=dataset["config_hash"]
        ) as batches:
            batch = next(iter(batches.epoch(0, last=True)))
            return {name: np.array(values) for name, values in batch.by_network_name().items()}
    except (DataError, StreamError) as error:
        raise DataError(f"{error}; --no-check exports without comparing on its test events") from None


def _difference(right: Arrays, found: Arrays) -> float:
    """The largest difference; of numbers above 1, in units of the largest of their kind."""
    worst = 0.0
    for name, values in right.items():
        scale = np.maximum(np.abs(values).max(axis=0, initial=0.0), 1.0)
        own = np.abs(found[name] - values) / scale
        # what is nan in one must be nan in the other
        if (np.isnan(values) != np.isnan(found[name])).any():
            return float("inf")
        worst = max(worst, float(np.nanmax(own, initial=0.0)))
    return worst


@contextlib.contextmanager
def _written(path: Path, form: str) -> Iterator[Path]:
    """A place that becomes `path` when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if form == "saved-model":
        with directory_whole(path) as place:
            yield place
        return
    with written_whole(path) as temporary:
        yield temporary
