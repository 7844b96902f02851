"""The trees of one point in training."""

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from dlscan.config import Experiment
from dlscan.config.labels import VALIDATION_AREA
from dlscan.dataset import Manifest
from dlscan.machine import processor
from dlscan.record import PointPaths
from dlscan.tasks import Task
from dlscan.train.area import mean_area
from dlscan.train.checkpoint import State
from dlscan.train.history import Row
from dlscan.train.learned import ModelFacts
from dlscan.train.stopping import Stopping
from dlscan.train.trees.events import TreeEvents
from dlscan.train.trees.objectives import TreeObjective
from dlscan.trees import Forest, read_forest
from dlscan.trees.boost import Booster, versions

# what early stopping may look at beside the columns of the task


@dataclasses.dataclass(frozen=True)
class _Grown:
    """Trees, and the state of the random numbers behind them."""

    forest: Forest
    random: str

    def write(self, path: Path) -> None:
        """Write both to `path`, and push them to the disk."""
        self.forest.write(path, self.random)


class TreeLearner:
    """Trees with their history and stopping rule; a round is an epoch. See `Learned`.

    Parameters
    ----------
    experiment : Experiment
        The point's.
    task : Task
        What it learns.
    objective : TreeObjective
        How.
    manifest : Manifest
        Of the dataset.
    training, validation : TreeEvents
        All events of the two splits.
    """

    advice = "lower model.learning_rate"

    def __init__(
        self,
        experiment: Experiment,
        task: Task,
        objective: TreeObjective,
        manifest: Manifest,
        training: TreeEvents,
        validation: TreeEvents,
    ) -> None:
        train, parameters = experiment.train, experiment.model.parameters
        self.task, self.dataset, self.domain = task, manifest.config_hash, ""
        self._epochs, self._objective = train.epochs, objective
        inputs = {
            name: column.shape for name, column in manifest.inputs.items() if experiment.model.takes(name)
        }
        training, validation = (own.only(inputs, manifest.inputs) for own in (training, validation))
        self._events = training, validation
        self._booster = Booster(
            objective.estimators(parameters, train.seed),
            training.features,
            parameters.bins,
            objective.truths(training.truth),
            None if (training.weights == 1).all() else training.weights.astype(np.float64),
        )
        self._forest = Forest.empty(inputs, objective.outputs, np.zeros(0), objective.classes)
        self._margins: tuple[NDArray[np.float64], ...] = ()
        self.history: list[Row] = []
        self.step = 0
        chosen = experiment.data.validates
        self.stopping = Stopping.of(train.early_stopping, task.columns) if chosen else Stopping.last()

    @property
    def epoch(self) -> int:
        """Rounds grown."""
        return len(self.history)

    @property
    def finished(self) -> str | None:
        """Why there is no round left: "early" or "epochs"."""
        if self.stopping.stop:
            return "early"
        return "epochs" if self.epoch >= self._epochs else None

    @property
    def summary(self) -> str:
        """What the log says at the start."""
        events, values = self._events[0].features.shape
        return f"boosted trees on {events:,} events of {values:,} values, on {self.device}"

    @property
    def device(self) -> str:
        """See `Learned`."""
        return processor()

    def grow(self, rounds: int) -> list[Row]:
        """Add rounds; a row for each up to the one that ends the training, which may be not finite."""
        started = time.perf_counter()
        trees, before = self._booster.grow(rounds), self.epoch
        if not before:
            baseline = self._booster.baseline
            self._forest = Forest.empty(
                self._forest.inputs, self._forest.outputs, baseline, self._forest.classes
            )
            self._margins = tuple(np.tile(baseline, (len(own.features), 1)) for own in self._events)
        self._forest = self._forest.with_trees(trees)
        told = []
        staged = (
            self._forest.staged(own.features, margins, before)
            for own, margins in zip(self._events, self._margins, strict=True)
        )
        for _ in zip(*staged, strict=True):
            told.append(self._curves())
            if not _is_usable(told[-1], self.stopping.monitor):
                break
            self.stopping.update(before + len(told), told[-1][self.stopping.monitor])
            if self.stopping.stop:
                break
        seconds = (time.perf_counter() - started) / len(told)
        speed = len(self._events[0].features) / seconds
        rows = [Row(before + number, values, seconds, speed) for number, values in enumerate(told, start=1)]
        self.history += [row for row in rows if _is_usable(row.values, self.stopping.monitor)]
        self._forest = self._forest.first(self.epoch)
        return rows

    def _curves(self) -> dict[str, float | None]:
        """What a history says of the margins as they are."""
        found: dict[str, float | None] = {}
        names = [curve.name for curve in self.task.curves]
        for prefix, own, margins in zip(("", "val_"), self._events, self._margins, strict=True):
            values = self._objective.curves(margins, own.truth, own.weights)
            found |= {f"{prefix}{name}": value for name, value in zip(names, values, strict=True)}
        if self.stopping.monitors_area:
            scores = self._objective.final(self._margins[1])["scores"]
            own = self._events[1]
            found[VALIDATION_AREA] = mean_area(scores, own.labels, own.weights, own.factors)
        return found

    def state(self) -> State:
        """See `Learned`; the latest file has the trees of the best round too."""
        return State(self.dataset, self.epoch, self.stopping.state(), tuple(self.history))

    def values(self) -> "_Grown":
        """See `Learned`."""
        return _Grown(self._forest, self._booster.random)

    def resume(self, state: State, path: Path) -> None:
        """See `Learned`."""
        self._forest, random = read_forest(path)
        self._booster.resume(self._forest, random)
        self._margins = tuple(self._forest.margins(own.features) for own in self._events)
        self.history = list(state.history)
        self.stopping = self.stopping.resumed(state.stopping)

    def best(self, whole: Callable[[int], Path] | None = None) -> Forest:
        """See `Learned`: the trees of the best round, and of those before it, which are in memory."""
        return self._objective.finished(self._forest.first(self.stopping.best_epoch))

    def place(self, paths: PointPaths) -> Path:
        """See `Learned`."""
        return paths.trees

    def save(self, path: Path) -> None:
        """See `Learned`."""
        self.best().write(path)

    def facts(self) -> ModelFacts:
        """See `Learned`."""
        return ModelFacts(
            parameters=self.best().leaves,
            flops=None,
            why_no_flops="trees compare and add, and how often depends on the event",
            device=self.device,
            backend="scikit-learn",
            versions=versions(),
        )


def _is_usable(values: Mapping[str, float | None], monitor: str) -> TypeGuard[Mapping[str, float]]:
    """Whether a round can be gone on from."""
    known = [values[name] for name in ("loss", "val_loss", monitor)]
    return all(value is not None and math.isfinite(value) for value in known)
