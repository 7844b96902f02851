"""What networks minimise, written once in `keras.ops` for every back end.

An objective is called by a step with the networks of a point and with the batches of its streams, by name,
and tells what it found. That of a task with one network is `Supervised`, a loss for each head; that of an
autoencoder is `Reconstructing`.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from dlscan.config import Train
from dlscan.tasks import Head, Reconstruction, Standards, Task
from dlscan.train.objectives.classify import ClassLoss
from dlscan.train.objectives.objective import EVENTS, NETWORK, Given, Objective, Told
from dlscan.train.objectives.penalty import Penalty
from dlscan.train.objectives.reconstruct import Reconstructing
from dlscan.train.objectives.regress import NumberLoss
from dlscan.train.objectives.supervised import HeadLoss, Supervised

# By the name of the head.
_LOSSES: Mapping[str, Callable[[Head, Train, Standards], HeadLoss]] = {
    "scores": ClassLoss,
    "predictions": NumberLoss,
}


def supervised(
    task: Task, train: Train, standards: Standards = MappingProxyType({}), variables: Iterable[Any] = ()
) -> Supervised | Reconstructing:
    """The objective of a network with the heads of a task.

    Parameters
    ----------
    task : Task
        What it learns.
    train : Train
        The experiment's `train` section.
    standards : mapping of str to Standard
        Of the numbers that it predicts.
    variables : iterable of keras.Variable
        What it trains.
    """
    penalty = Penalty.of(train, variables)
    if isinstance(task, Reconstruction):
        return Reconstructing(task, penalty)
    losses = {
        head.name: _LOSSES[head.name](
            head, train if head.loss is None else dataclasses.replace(train, loss=head.loss), standards
        )
        for head in task.heads
    }
    return Supervised(losses, [head.weight for head in task.heads], penalty)


__all__ = [
    "EVENTS",
    "NETWORK",
    "Given",
    "HeadLoss",
    "Objective",
    "Reconstructing",
    "Supervised",
    "Told",
    "supervised",
]
