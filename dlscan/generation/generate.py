"""Raw files of events that a trained generator makes."""

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dlscan
from dlscan.config import Experiment, load, network_name
from dlscan.config.task import Tasks
from dlscan.config.task_kinds import Generate
from dlscan.dataset import Manifest
from dlscan.errors import DataError, UsageError
from dlscan.files import directory_whole, sync, written_whole
from dlscan.generation.conditions import Conditions
from dlscan.hdf5 import written_hdf5
from dlscan.tasks.metrics import metrics_of
from dlscan.training import TrainedPoint

# Events that are made and written at once: what comes out does not depend on the machine.
CHUNK = 500
SUFFIXES = (".h5", ".hdf5", ".hdf", ".he5")
# The class of events of a generator that was trained on several and knows none.
ANY = "Generated"

Progress = Callable[[str, int, int], None]
Arrays = Mapping[str, NDArray[Any]]


@dataclasses.dataclass(frozen=True)
class Generated:
    """What was written.

    Attributes
    ----------
    files : dict of str to Path
        By class.
    events : int
        In all.
    seconds : float
        That the network took, without writing.
    outside : list of str
        What was asked that no training event had.
    """

    files: dict[str, Path]
    events: int
    seconds: float
    outside: list[str]


def generate(
    point: TrainedPoint,
    target: Path,
    events: int,
    at: str | None = None,
    classes: Sequence[str] = (),
    seed: int = 1,
    replace: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> Generated:
    """Write raw files of events that the generator of a point makes.

    Parameters
    ----------
    point : TrainedPoint
        Of a task `generate`.
    target : Path
        A file, where its name says so, else a directory with one for each class.
    events : int
        Of each class.
    at : str, optional
        See `Conditions`.
    classes : sequence of str
        Which classes, where the generator is told them; by default all.
    seed : int
        Of what is drawn; the same arguments on one machine and back end give the same events.
    replace : bool
        Whether `target` may be there already.
    progress : callable
        Called now and then with (what, done, total).

    Raises
    ------
    UsageError
        If the point makes no events, `target` is there, or what is asked does not fit.
    DataError
        If the dataset of the point is gone, or a generated number is not finite.
    """
    (task,) = Tasks.parse(point.record.task, "task").all[:1]
    if not isinstance(task, Generate):
        (learned, *_) = metrics_of(point.record.task, point.record.classes)
        raise UsageError(
            f"point {point.record.point} of {point.scan} has learned {learned.phrase}, and makes no events; "
            "train one with task: {kind: generate}"
        )
    if target.exists() and not replace:
        raise UsageError(f"{target}: exists; remove it, choose another -o, or give --overwrite")
    asked = Conditions(point, task.condition, at)
    labels = _labels(point, task, asked, classes)
    into_file = target.suffix.lower() in SUFFIXES
    if into_file and len(labels) > 1:
        raise UsageError(
            f"-o {target}: a file holds one class, and these are {', '.join(labels)}; choose one with "
            "--class, or give a directory"
        )
    experiment = load(point.paths.config)
    layout = _Layout(experiment, _manifest(point), task)
    maker = _Maker(point)
    total, done = events * len(labels), 0
    files = {}
    target.parent.mkdir(parents=True, exist_ok=True)
    with (written_whole if into_file else directory_whole)(target) as place:
        for name, label in labels.items():
            own = place if into_file else place / name / f"{name}_generated.h5"
            own.parent.mkdir(parents=True, exist_ok=True)
            files[name] = target if into_file else target / name / own.name
            rng = np.random.default_rng([seed, label or 0])
            with written_hdf5(own) as file:
                file.attrs.update(_attributes(point, name, seed, at))
                for first in range(0, events, CHUNK):
                    count = min(CHUNK, events - first)
                    conditions = asked.draw(count, label, rng)
                    cells = maker(count, conditions, rng)
                    layout.write(file, first, events, {**cells, **layout.known(conditions, count)})
                    done += count
                    progress("generate", done, total)
            sync(own)
    return Generated(files, total, maker.seconds, asked.outside)


def _labels(
    point: TrainedPoint, task: Generate, asked: Conditions, classes: Sequence[str]
) -> dict[str, int | None]:
    """The classes to make, with what the generator is told of each."""
    if task.condition.by_class:
        return {name: asked.label(name) for name in classes or point.record.classes}
    for name in classes:
        asked.label(name)
    only = point.record.classes
    return {only[0] if len(only) == 1 else ANY: None}


def _manifest(point: TrainedPoint) -> Manifest:
    path = Path(point.record.dataset["path"])
    try:
        return Manifest.read(path)
    except DataError as error:
        raise DataError(f"{error}; its manifest.json says what raw events look like") from None


def _attributes(point: TrainedPoint, name: str, seed: int, at: str | None) -> dict[str, Any]:
    return {
        "class": name,
        "generated_by": f"dlscan {dlscan.__version__}",
        "scan": point.record.scan,
        "point": point.record.point,
        "seed": seed,
        **({} if at is None else {"at": at}),
    }


class _Maker:
    """The generator of a point, for any number of events."""

    def __init__(self, point: TrainedPoint) -> None:
        from dlscan.models.makers import NOISE
        from dlscan.train.devices import sender
        from dlscan.train.steps import compiled

        model = point.model()
        self._code, self._noise = model.input[NOISE].shape[-1], NOISE
        self._call, self._send = compiled(model), sender()
        # compiling is no making of events
        self._made({name: np.zeros((CHUNK, own.shape[-1]), np.float32) for name, own in model.input.items()})
        self.seconds = 0.0

    def __call__(
        self, count: int, conditions: NDArray[np.float32] | None, rng: np.random.Generator
    ) -> dict[str, NDArray[np.float32]]:
        """Raw inputs (count, ...) by the network's names."""
        given = {self._noise: rng.standard_normal((CHUNK, self._code), np.float32)}
        if conditions is not None:
            # one shape for all chunks: another would be compiled anew
            given["condition"] = np.resize(conditions, (CHUNK, conditions.shape[1]))
        start = time.perf_counter()
        found = self._made(given)
        self.seconds += time.perf_counter() - start
        for name, values in found.items():
            if not np.isfinite(values).all():
                raise DataError(f"the generator makes numbers in {name} that are not finite; train another")
        return {name: values[:count] for name, values in found.items()}

    def _made(self, given: Arrays) -> dict[str, NDArray[np.float32]]:
        from dlscan.models import keras

        made = self._call(self._send(given)())
        return {name: np.asarray(keras.ops.convert_to_numpy(own)) for name, own in made.items()}


class _Layout:
    """Which datasets a raw file of an experiment has."""

    def __init__(self, experiment: Experiment, manifest: Manifest, task: Generate) -> None:
        self._inputs = {
            network_name(name): experiment.data.inputs[name].sources(name) for name in experiment.data.inputs
        }
        self._numbers = task.condition.numbers
        self._columns = {number.extra: manifest.extras[number.extra] for number in self._numbers}

    def known(self, conditions: NDArray[np.float32] | None, events: int) -> dict[str, NDArray[Any]]:
        """The datasets that hold conditions; of what else is in them nothing is known."""
        found = {}
        for name, column in self._columns.items():
            dtype = np.dtype(column.dtype)
            found[name] = np.full((events, *column.shape), np.nan if dtype.kind == "f" else 0, dtype)
        assert conditions is not None or not found
        for place, number in enumerate(self._numbers):
            assert conditions is not None
            index: Any = (slice(None), *number.index)
            whole = found[number.extra]
            whole[index] = conditions[:, place].reshape(-1, *[1] * (whole[index].ndim - 1))
        return found

    def write(self, file: Any, first: int, events: int, arrays: Arrays) -> None:
        """Write events from number `first` on of `events` in all."""
        for name, values in arrays.items():
            sources = self._inputs.get(name, (name,))
            for number, source in enumerate(sources):
                own = values if len(sources) == 1 else values[:, number]
                if source not in file:
                    _create(file, source, events, own)
                file[source][first : first + len(own)] = own


def _create(file: Any, name: str, events: int, values: NDArray[Any]) -> None:
    shape = values.shape[1:]
    # of the size that readers take at once
    rows = max(1, min(events, 2**18 // max(values.itemsize * math.prod(shape), 1)))
    file.create_dataset(
        name,
        (events, *shape),
        values.dtype,
        chunks=(rows, *shape),
        compression="gzip",
        compression_opts=4,
        shuffle=True,
    )
