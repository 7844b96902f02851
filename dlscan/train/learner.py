"""One network in training."""

import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from dlscan import models
from dlscan.config import Train
from dlscan.config.folds import NO_FOLD
from dlscan.config.labels import VALIDATION_AREA
from dlscan.models import Network, keras
from dlscan.models.flops import flops
from dlscan.models.replicas import Replicas, named
from dlscan.record import PointPaths
from dlscan.tasks import Standards, Task
from dlscan.train.beside import Beside
from dlscan.train.checkpoint import State
from dlscan.train.history import Row
from dlscan.train.learned import ModelFacts
from dlscan.train.means import Sums
from dlscan.train.nodes import here
from dlscan.train.objectives import NETWORK, Supervised, supervised
from dlscan.train.optimizers import make_optimizer
from dlscan.train.schedules import lower
from dlscan.train.steps import Trained
from dlscan.train.stopping import Plateau, Stopping
from dlscan.train.variables import Values, load_variables

# What Keras calls the variables of its random numbers: a seed and a counter.
_RANDOM = "seed_generator_state"


class Learner:
    """A network with its optimizer, history and stopping rule; a pack takes the steps.

    Parameters
    ----------
    built : Network
        What is to be trained.
    task : Task
        What it learns.
    train : Train
        The experiment's `train` section.
    dataset : str
        The dataset's `config_hash`.
    steps : int
        Batches in an epoch.
    standards : mapping of str to Standard
        Of the numbers that it predicts.
    left_out : tuple of int
        The folds that it is not trained on, from 1.
    beside : Beside, optional
        What is trained with it, and what it minimises then.
    devices : Replicas
        Those that share every batch, if there are several.

    Attributes
    ----------
    network, optimizer : keras.Model, keras.Optimizer
        As built; between steps their values may live elsewhere, see `Steps.settle`.
    task : Task
        As given.
    objective : Supervised or Reconstructing
        The loss of its heads, or of what it gives back.
    trained : Trained
        What steps need.
    dataset, left_out
        As given.
    domain : str
        See `Learned`.
    history : list of Row
        The epochs so far.
    step : int
        Batches of the epoch that comes next that are behind it, those of folds that it leaves out among
        them: 0 unless a training was stopped in the middle of it.
    sums : Sums
        What those steps told.
    seconds : float
        What they took.
    mixing : int or None
        That of the stream that it was trained on, see `Batches`.
    stopping : Stopping
        The best epoch so far.
    lowered : float or None
        The learning rate from here on, if it was lowered after the last epoch.
    """

    def __init__(
        self,
        built: Network,
        task: Task,
        train: Train,
        dataset: str,
        steps: int,
        standards: Standards = MappingProxyType({}),
        left_out: tuple[int, ...] = (),
        beside: Beside | None = None,
        devices: Replicas = (),
    ) -> None:
        self.network = built.model
        own = None if beside is None else beside.optimizer
        body = [] if train.body_rate is None or own is not None else built.body_layers
        slow = [variable for layer in body for variable in layer.trainable_variables]
        self.optimizer = (
            make_optimizer(train, steps, body=slow, log_sigma=built.log_sigma) if own is None else own
        )
        joint = [] if beside is None else beside.joint_variables
        self.optimizer.build([*self.network.trainable_variables, *joint])
        self.objective = supervised(task, train, standards, self.network.trainable_variables)
        if beside is None:
            self.trained = Trained.single(built, self.optimizer, self.objective)
        else:
            # what stands beside listens to a network with heads
            assert isinstance(self.objective, Supervised)
            self.trained = beside.trained(built, self.optimizer, self.objective)
        self._scored = built if beside is None or beside.scored is None else beside.scored
        self.task, self._train, self.dataset, self.left_out = task, train, dataset, left_out
        self.domain = beside.dataset if beside else ""
        self.history: list[Row] = []
        self.step, self.sums, self.seconds = 0, Sums(), 0.0
        self.mixing: int | None = None
        self._devices = devices
        # nothing says which epoch is the best where no events validate
        last = left_out == NO_FOLD or (beside is not None and beside.keeps_last)
        self.stopping = Stopping.last() if last else Stopping.of(train.early_stopping, task.columns)
        self._plateau = Plateau.of(train)
        self.lowered: float | None = None

    @property
    def epoch(self) -> int:
        """Epochs trained."""
        return len(self.history)

    @property
    def parameters(self) -> int:
        """Trainable weights."""
        return sum(math.prod(variable.shape) for variable in self.network.trainable_variables)

    @property
    def finished(self) -> str | None:
        """Why there is no epoch left: "early" or "epochs"."""
        if self.stopping.stop:
            return "early"
        return "epochs" if self.epoch >= self._train.epochs else None

    @property
    def device(self) -> str:
        """See `Learned`."""
        return named(self._devices, here().count)

    @property
    def summary(self) -> str:
        """See `Learned`."""
        return f"{self.parameters:,} parameters, on {self.device}"

    @property
    def advice(self) -> str:
        """See `Learned`."""
        own = f", or mend {self._train.loss}" if self._train.loss.is_own else ""
        return (
            f"the learning rate is {self._train.learning_rate:g}: lower train.learning_rate, or scale the "
            f"inputs with data.normalize{own}"
        )

    def pause(self, step: int, sums: Sums, seconds: float) -> None:
        """Note how far into an epoch a training is when it is stopped, and what that took this time."""
        self.step, self.sums = step, sums
        self.seconds += seconds

    def end_epoch(
        self,
        training: Sums,
        validation: Sums,
        seconds: float,
        events_per_second: float,
        networks: int = 1,
        area: float | None = None,
    ) -> Row:
        """Close an epoch of so many networks: its row is in the history if what it must tell is finite."""
        values = training.means(self.task.curves)
        values |= {f"val_{name}": mean for name, mean in validation.means(self.task.curves).items()}
        if self.stopping.monitors_area:
            values[VALIDATION_AREA] = area
        row = Row(self.epoch + 1, values, seconds + self.seconds, events_per_second, networks)
        self.step, self.sums, self.seconds = 0, Sums(), 0.0
        monitored = row.values[self.stopping.monitor]
        if row.finite and monitored is not None:
            self.history.append(row)
            improved = self.stopping.update(row.epoch, monitored)
            late = self._plateau.update(row.epoch, improved)
            self.lowered = self._lower() if late else None
        return row

    def _lower(self) -> float:
        """Lower the learning rates of all parts; that of the network itself."""
        return [lower(part.optimizer, self._train.schedule_factor) for part in self.trained.parts][-1]

    @property
    def _groups(self) -> dict[str, Sequence[Any]]:
        """All variables that training changes."""
        *others, own = self.trained.parts
        groups: dict[str, Sequence[Any]] = {
            "network": self.network.variables,
            "optimizer": own.optimizer.variables,
        }
        groups |= {
            name: network.model.variables
            for name, network in self.trained.networks.items()
            if name != NETWORK
        }
        groups |= {f"optimizer of part {n}": part.optimizer.variables for n, part in enumerate(others, 1)}
        return groups | ({"states": self.trained.states} if self.trained.states else {})

    def state(self) -> State:
        """What `resume` needs beside the variables."""
        return State(
            " ".join(filter(None, (self.dataset, self.domain))),
            self.stopping.best_epoch,
            self.stopping.state(),
            tuple(self.history),
            self.step,
            self.sums.flat,
            self.seconds,
            self.mixing,
            self._plateau.wait,
        )

    def values(self) -> Values:
        """Weights, optimizer and random states as they are now."""
        return Values(self._groups)

    def resume(self, state: State, path: Path) -> None:
        """Go on from `state` with the variables in `path`."""
        load_variables(path, self._groups)
        self._resume(state)

    def follow(self, state: State, values: Values, number: int) -> None:
        """Go on from where the learner of the first process is, in another one with this number."""
        values.assign_to(self._groups)
        self._resume(state)
        if models.backend() == "jax":
            return  # one program for all of them
        for variable in itertools.chain.from_iterable(self._groups.values()):
            if variable.name == _RANDOM:
                # each process drops out other things of its share
                seed, counter = keras.ops.convert_to_numpy(variable)
                variable.assign(np.array([seed + number, counter]))

    def _resume(self, state: State) -> None:
        self.history = list(state.history)
        self.step, self.sums, self.seconds = state.step, Sums.of(state.sums), state.seconds
        self.mixing = state.mixing
        self.stopping = self.stopping.resumed(state.stopping)
        self._plateau.wait = state.plateau

    def best(self, whole: Callable[[int], Path]) -> Network:
        """See `Learned`: the network with its best weights."""
        load_variables(whole(self.stopping.best_epoch), {"network": self.network.variables})
        return self._scored

    def place(self, paths: PointPaths) -> Path:
        """See `Learned`."""
        return paths.best

    def save(self, path: Path) -> None:
        """See `Learned`; the best weights have been loaded."""
        self.network.save(path)

    def facts(self) -> ModelFacts:
        """See `Learned`."""
        count, reason = flops(self.network)
        return ModelFacts(self.parameters, count, reason, self.device, models.backend(), models.versions())
