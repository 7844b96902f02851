"""One network in training."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlscan.config import Train, network_name
from dlscan.models import keras
from dlscan.stream import Batch
from dlscan.train.checkpoint import State
from dlscan.train.history import Row
from dlscan.train.stopping import Stopping
from dlscan.train.variables import load_variables, save_variables

# Keras before 3.15 reports the running mean of all batches since the last reset, later ones that of the batch
_REPORTS_RUNNING_MEANS = tuple(map(int, keras.__version__.split(".")[:2])) < (3, 15)


class Learner:
    """A network with its optimizer, history and stopping rule; it knows nothing of where events come from.

    Parameters
    ----------
    network : keras.Model
        Takes raw inputs by name, gives scores.
    train : Train
        The experiment's `train` section.
    dataset : str
        The dataset's `config_hash`.

    Attributes
    ----------
    dataset : str
        As given.
    history : list of Row
        The epochs so far.
    stopping : Stopping
        The best epoch so far.
    """

    def __init__(self, network: Any, train: Train, dataset: str) -> None:
        rate = {"learning_rate": train.learning_rate}
        optimizer = keras.optimizers.get({"class_name": train.optimizer, "config": rate})
        # "accuracy" counts events, the loss weighs them
        network.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        optimizer.build(network.trainable_variables)
        self._network, self._train, self.dataset = network, train, dataset
        self._training, self._validation = _Means(), _Means()
        self.history: list[Row] = []
        self.stopping = Stopping.of(train.early_stopping)

    @property
    def epoch(self) -> int:
        """Epochs trained."""
        return len(self.history)

    @property
    def parameters(self) -> int:
        """Trainable weights."""
        return sum(math.prod(variable.shape) for variable in self._network.trainable_variables)

    @property
    def finished(self) -> str | None:
        """Why there is no epoch left: "early" or "epochs"."""
        if self.stopping.stop:
            return "early"
        return "epochs" if self.epoch >= self._train.epochs else None

    def step(self, batch: Batch) -> None:
        """Train on a batch."""
        self._forget_running_means()
        logs = self._network.train_on_batch(*_fed(batch), return_dict=True)
        self._training.add(logs, len(batch))

    def evaluate(self, batch: Batch) -> None:
        """Measure loss and accuracy on a batch."""
        self._forget_running_means()
        logs = self._network.test_on_batch(*_fed(batch), return_dict=True)
        self._validation.add(logs, len(batch))

    def end_epoch(self, seconds: float, events_per_second: float) -> Row:
        """Close an epoch: its row is in the history if its losses are finite."""
        (loss, accuracy), (val_loss, val_accuracy) = self._training.take(), self._validation.take()
        row = Row(self.epoch + 1, loss, accuracy, val_loss, val_accuracy, seconds, events_per_second)
        if row.finite:
            self.history.append(row)
            self.stopping.update(row.epoch, getattr(row, self.stopping.monitor))
        return row

    def state(self) -> State:
        """What `resume` needs beside the variables."""
        best = self.stopping.best_epoch
        return State(self.dataset, best, self.stopping.state(), tuple(self.history))

    def save(self, path: Path) -> None:
        """Write weights, optimizer and random states to `path`, whole."""
        save_variables(path, self._variables())

    def resume(self, state: State, path: Path) -> None:
        """Go on from `state` with the variables in `path`."""
        load_variables(path, self._variables())
        self.history = list(state.history)
        self.stopping = self.stopping.resumed(state.stopping)

    def _forget_running_means(self) -> None:
        if _REPORTS_RUNNING_MEANS:
            self._network.reset_metrics()

    def _variables(self) -> dict[str, Any]:
        return {"network": self._network.variables, "optimizer": self._network.optimizer.variables}


class _Means:
    """Means over events from means over batches, whose last one may be short."""

    def __init__(self) -> None:
        self._events, self._loss, self._accuracy = 0, 0.0, 0.0

    def add(self, logs: Mapping[str, float], events: int) -> None:
        self._events += events
        self._loss += float(logs["loss"]) * events
        self._accuracy += float(logs["accuracy"]) * events

    def take(self) -> tuple[float, float]:
        """Loss and accuracy; the sums start again."""
        means = self._loss / self._events, self._accuracy / self._events
        self._events, self._loss, self._accuracy = 0, 0.0, 0.0
        return means


def _fed(batch: Batch) -> tuple[dict[str, Any], Any, Any]:
    """A batch as Keras takes it: inputs, labels, weights."""
    inputs = {network_name(name): values for name, values in batch.inputs.items()}
    return inputs, batch.labels, batch.weights
