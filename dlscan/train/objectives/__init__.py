"""What networks minimise, written once in `keras.ops` for every back end.

An objective is called by a step with the networks of a point and with the batches of its streams, by name,
and tells what it found. Those of a task with one network are `Supervised`: a loss for each head.
"""

from dlscan.config import Train
from dlscan.tasks import Task
from dlscan.train.objectives.classify import CrossEntropy
from dlscan.train.objectives.objective import EVENTS, NETWORK, Given, Objective, Told
from dlscan.train.objectives.supervised import HeadLoss, Supervised

# By the name of the head.
_LOSSES = {"scores": CrossEntropy}


def supervised(task: Task, train: Train) -> Supervised:
    """The objective of a network with the heads of a task."""
    (head,) = task.heads
    return Supervised({head.name: _LOSSES[head.name](task, train)})


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
