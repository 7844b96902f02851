"""What networks minimise, written once in `keras.ops` for every back end.

An objective is called by a step with the networks of a point and with the batches of its streams, by name,
and tells what it found. Those of a task with one network are `Supervised`: a loss for each head.
"""

from collections.abc import Iterable
from typing import Any

from dlscan.config import Train
from dlscan.tasks import Task
from dlscan.train.objectives.classify import ClassLoss
from dlscan.train.objectives.objective import EVENTS, NETWORK, Given, Objective, Told
from dlscan.train.objectives.penalty import Penalty
from dlscan.train.objectives.supervised import HeadLoss, Supervised

# By the name of the head.
_LOSSES = {"scores": ClassLoss}


def supervised(task: Task, train: Train, variables: Iterable[Any] = ()) -> Supervised:
    """The objective of a network with the heads of a task.

    Parameters
    ----------
    task : Task
        What it learns.
    train : Train
        The experiment's `train` section.
    variables : iterable of keras.Variable
        What it trains.
    """
    losses = {head.name: _LOSSES[head.name](task, train) for head in task.heads}
    return Supervised(losses, Penalty.of(train, variables))


__all__ = [
    "EVENTS",
    "NETWORK",
    "Given",
    "HeadLoss",
    "Objective",
    "Supervised",
    "Told",
    "supervised",
]
