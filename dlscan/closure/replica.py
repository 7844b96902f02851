"""One replica: events drawn, written, prepared, scanned; the best by validation, and the truth about it."""

import contextlib
import dataclasses
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.analysis.points import records
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.tables.best import choose
from dlscan.analysis.tables.rows import rows_of
from dlscan.closure.laws import Drawn, Floats
from dlscan.closure.settings import TESTED, TRAINING, TRUE, Settings
from dlscan.config import BatchOptions, Experiment, FractionSplit, experiment_from
from dlscan.dataset import Manifest, fits
from dlscan.errors import ConfigError, PointsFailed
from dlscan.files import read_json, remove, write_json
from dlscan.hdf5 import written_hdf5
from dlscan.metrics import auc, root_mean_square_error
from dlscan.prepare import prepare
from dlscan.scan import Plan, freeze, scan_status
from dlscan.scan.searcher import Searcher
from dlscan.scan.work import to_submit
from dlscan.training import TrainedPoint, train_planned
from dlscan.trees import Forest

CLASSES = ("background", "signal")
TARGET = "Target"
# of a dataset with what `prepare` needs to know of an event
_SIDE, _TRUTH = "closure_side", "closure_truth"
_TRAIN, _TEST = 0, 1
# events that a network gets together
_AT_ONCE = 8192


@dataclasses.dataclass(frozen=True)
class Replica:
    """What came of a replica.

    Attributes
    ----------
    number : int
        From 1.
    metric : str
        What is measured: `Mean_AUC`, or `Target_RMSE`.
    chosen : str
        The model that is the best by validation.
    models : int
        Of how many.
    test, down, up : float
        Its number on the test split, with the 68 % interval.
    validation, validation_down, validation_up : float
        The same on the validation split, by which it was chosen.
    true : float
        What it would be on endlessly many events.
    exact : float
        What nobody can do better than.
    """

    number: int
    metric: str
    chosen: str
    models: int
    test: float
    down: float
    up: float
    validation: float
    validation_down: float
    validation_up: float
    true: float
    exact: float

    @property
    def covered(self) -> bool:
        """Whether the interval of the test split holds the truth."""
        return self.test - self.down <= self.true <= self.test + self.up

    @property
    def pull(self) -> float:
        """The error of the number of the test split in units of its interval, towards the truth."""
        length = self.down if self.test > self.true else self.up
        return (self.test - self.true) / length


def run(experiment: Experiment, settings: Settings, directory: Path, number: int) -> Replica:
    """Make a replica in its directory, or go on with it; what is finished is read."""
    done = directory / "replica.json"
    if done.exists():
        return Replica(**read_json(done))
    directory.mkdir(parents=True, exist_ok=True)
    own = _experiment(experiment, settings, directory, number)
    with _quiet():
        if not (own.data.prepared / "manifest.json").exists():
            _write_raw(own, settings, number)
            prepare(own, processes=1)
        manifest = Manifest.of(own)
        fits.require(manifest, own)
        plan = freeze(own, manifest.config_hash)
        _train(plan, own, manifest, directory)
        found = _measured(records.load([own.directory]), settings, number)
    write_json(done, dataclasses.asdict(found))
    # both can be made again
    for place in (own.data.raw, own.data.prepared):
        remove(place)
    return found


def _train(plan: Plan, experiment: Experiment, manifest: Manifest, directory: Path) -> None:
    """Train here what a scan wants: its points, what its search proposes, and who goes on at a rung."""
    batch = BatchOptions()
    searcher = Searcher.of(plan, experiment, batch, manifest, stays=True)
    while True:
        if searcher is not None:
            searcher.fill()
            plan = searcher.plan
        points = [status.point for status in to_submit(scan_status(plan), batch)]
        if not points:
            return
        outcomes = train_planned(plan, points)
        stopped = set(outcomes.values()) - {"done", "paused"}
        if "preempted" in stopped:
            raise KeyboardInterrupt
        if stopped:
            raise PointsFailed(f"{directory}: training was stopped ({', '.join(stopped)}); run it again")


def _experiment(experiment: Experiment, settings: Settings, directory: Path, number: int) -> Experiment:
    """The experiment over the events of a replica: its network and scan, but the data of the law."""
    sample = settings.law.draw(64, 0)
    mapping = {**experiment.plain(), **experiment.written}
    split = experiment.data.split
    shares = split if isinstance(split, FractionSplit) else FractionSplit()
    kept = {name: mapping["data"][name] for name in ("normalize", "folds") if name in mapping["data"]}
    if not isinstance(kept.get("normalize"), str):
        kept.pop("normalize", None)
    data = {
        **kept,
        "raw": str(directory / "raw"),
        "prepared": str(directory / "prepared"),
        "classes": {name: name for name in CLASSES},
        "inputs": list(sample.inputs),
        "extras": [] if sample.classified else [_TRUTH],
        "split": {
            "column": _SIDE,
            "train": _TRAIN,
            "test": _TEST,
            "validation": shares.validation / (shares.train + shares.validation),
            "seed": shares.seed + number * (settings.level >= 2),
        },
    }
    seed = mapping["train"].get("seed", 1)
    task = "classify" if sample.classified else {"kind": "regress", "targets": {TARGET: _TRUTH}}
    changes = {
        "name": "scan",
        "output": str(directory),
        "data": data,
        "task": task,
        # seeds of repeats follow one another, and no two replicas have one in common
        "train": {**mapping["train"], "seed": seed + 1000 * number},
        "stream": {"workers": 0},
    }
    assert experiment.file is not None
    return experiment_from({**mapping, **changes}, experiment.file, experiment.sources)


def _write_raw(experiment: Experiment, settings: Settings, number: int) -> None:
    """Raw files with the events of a replica, one of each side in the directory of each class."""
    tested = settings.test_events
    for side, what, events in (
        (_TRAIN, TRAINING, settings.events - tested),
        (_TEST, TESTED, tested),
    ):
        drawn = settings.draw(what, number, events)
        # of a number to predict classes say nothing: every second event is of one
        labels = drawn.truth if drawn.classified else np.arange(events) % 2
        for label, name in enumerate(CLASSES):
            chosen = labels == label
            place = experiment.data.raw / name / f"{side}.h5"
            place.parent.mkdir(parents=True, exist_ok=True)
            with written_hdf5(place) as file:
                for key, values in drawn.inputs.items():
                    file[key] = values[chosen].astype(np.float32)
                file[_TRUTH] = drawn.truth[chosen].astype(np.float32)
                file[_SIDE] = np.full(int(chosen.sum()), side, np.int8)


def _measured(points: Sequence[DonePoint], settings: Settings, number: int) -> Replica:
    """The best model by validation, what it claims, and what is true of it."""
    rows = rows_of(points)
    position = choose(rows).position
    model = rows.models[position]
    drawn = settings.draw(TRUE, number, settings.true_events)
    metric = "Mean_AUC" if drawn.classified else f"{TARGET}_RMSE"
    columns = {name: rows.columns[name] for name in (metric, f"val_{metric}")}
    told: list[float] = []
    for name, column in columns.items():
        value, interval = column.values[position], (column.errors or [None] * (position + 1))[position]
        if value is None or interval is None or None in interval:
            raise ConfigError(f"--events: {name} has no interval in replica {number}; use more events")
        told += [value, *(end for end in interval if end is not None)]
    true = float(np.mean([_true(point, drawn) for point in model]))
    exact = _score(drawn.exact, drawn)
    name = rows.columns["Model Name"].values[position]
    test, down, up, *validated = told
    return Replica(
        *(number, metric, str(name), len(rows.models), test, down, up),
        *(validated[0], validated[1], validated[2], true, exact),
    )


def _true(point: DonePoint, drawn: Drawn) -> float:
    """The number of a trained model on many events."""
    if drawn.classified and not drawn.exact.any():
        return 0.5  # labels that were shuffled: whatever it says, it says by chance
    made = TrainedPoint.of(point).model()
    inputs = {name: values.astype(np.float32) for name, values in drawn.inputs.items()}
    if not isinstance(made, Forest):
        given = _given(made, inputs)
    else:
        given = made.scores(inputs) if drawn.classified else made.predictions(inputs)
    return _score(given[:, 1] if drawn.classified else given[:, 0], drawn)


def _given(network: Any, inputs: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """What the only head of a network gives, (B, ...)."""
    from dlscan.models import keras
    from dlscan.train.devices import sender
    from dlscan.train.steps import compiled

    call, send = compiled(network), sender()
    events = len(next(iter(inputs.values())))
    found = []
    for start in range(0, events, _AT_ONCE):
        # the last ones too are so many, or they would be compiled again
        rows = np.arange(start, start + min(_AT_ONCE, events)) % events
        taken = call(send({name: inputs[name][rows] for name in network.input})())
        found.append(keras.ops.convert_to_numpy(taken))
    return np.concatenate(found)[:events]


def _score(given: Floats, drawn: Drawn) -> float:
    if drawn.classified:
        if not np.asarray(given).any():
            return 0.5
        area = auc(given, drawn.truth == 1)
        assert area is not None
        return area
    error = root_mean_square_error(given, drawn.truth)
    assert error is not None
    return error.value


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the lines of every epoch of every replica."""
    log = logging.getLogger("dlscan")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
