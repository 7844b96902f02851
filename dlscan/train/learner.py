"""One network in training."""

import math
from pathlib import Path
from typing import Any

from dlscan.config import Train
from dlscan.models import keras
from dlscan.train.checkpoint import State
from dlscan.train.feed import Fed
from dlscan.train.history import Row
from dlscan.train.steps import steps
from dlscan.train.stopping import Stopping
from dlscan.train.variables import load_variables, save_variables

# Steps under way on a device, at most: each holds its batch there.
_UNDER_WAY = 8


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
        optimizer.build(network.trainable_variables)
        self._network, self._optimizer = network, optimizer
        self._steps = steps(network, optimizer)
        self._train, self.dataset = train, dataset
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

    def step(self, batch: Fed) -> None:
        """Train on a batch, without waiting for the result."""
        self._training.add(self._steps.train(batch), batch.events)

    def evaluate(self, batch: Fed) -> None:
        """Measure loss and accuracy on a batch, without waiting for the result."""
        self._validation.add(self._steps.look(batch), batch.events)

    def wait(self) -> None:
        """Wait until every step so far is done."""
        self._training.read()
        self._validation.read()

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

    def _variables(self) -> dict[str, Any]:
        self._steps.settle()
        return {"network": self._network.variables, "optimizer": self._optimizer.variables}


class _Means:
    """Means over events from what steps tell of their batches, the last of which may be short."""

    def __init__(self) -> None:
        self._events, self._loss, self._hits = 0, 0.0, 0.0
        self._unread: list[tuple[Any, int]] = []

    def add(self, numbers: Any, events: int) -> None:
        self._unread.append((numbers, events))
        if len(self._unread) == _UNDER_WAY:
            self.read()

    def take(self) -> tuple[float, float]:
        """Loss and accuracy; the sums start again."""
        self.read()
        means = self._loss / self._events, self._hits / self._events
        self._events, self._loss, self._hits = 0, 0.0, 0.0
        return means

    def read(self) -> None:
        """Add up what steps have told; waits for them."""
        for numbers, events in self._unread:
            loss, hits = keras.ops.convert_to_numpy(numbers).tolist()
            self._loss += loss * events
            self._hits += hits
            self._events += events
        self._unread.clear()
