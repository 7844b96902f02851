"""What a network learns, and what that means for histories, records and tables. No Keras here.

A task is a class with the attributes of `Task`, entered in `_MADE` under its name in the experiment file. Its
losses are in `dlscan.train.objectives`, its last layers in `dlscan.models.heads`.
"""

from collections.abc import Callable, Sequence
from typing import Any

from dlscan.config import Experiment
from dlscan.config.losses import Loss
from dlscan.config.task import Tasks
from dlscan.tasks.classify import Classification
from dlscan.tasks.generate import Generation
from dlscan.tasks.pivot import NUISANCE, Pivoted
from dlscan.tasks.reconstruct import CODE, Reconstruction
from dlscan.tasks.regress import Regression
from dlscan.tasks.several import Several
from dlscan.tasks.task import Arrays, Head, Standard, Standards, Task
from dlscan.tasks.with_adversary import WithAdversary

_MADE: dict[str, Callable[[Any, tuple[str, ...], Loss, bool], Task]] = {
    "classify": Classification.of,
    "regress": Regression.of,
    "reconstruct": Reconstruction.of,
    "generate": Generation.of,
}
_AUTO = Loss()


def make(tasks: Tasks, classes: Sequence[str], loss: Loss = _AUTO) -> Task:
    """The task that an experiment file names.

    Parameters
    ----------
    tasks : Tasks
        The key `task`.
    classes : sequence of str
        Labels of the dataset.
    loss : Loss
        The key `train.loss`: with some of them a network gives more than with others.
    """
    made = []
    for config in tasks.all:
        own = tasks.loss_of(config, loss)
        made.append(_MADE[config.kind](config, tuple(classes), own, own != loss))
    return made[0] if len(made) == 1 else Several(tuple(made), tasks.curves, tasks.columns)


def of(experiment: Experiment, classes: Sequence[str]) -> Task:
    """The task of an experiment, or of a point, on a dataset with these classes."""
    made = make(experiment.task, classes, experiment.train.loss)
    if isinstance(made, Reconstruction | Generation):
        return made.by(experiment.model)
    adversary = experiment.adversary
    if adversary.pivot is not None:
        return Pivoted.of(made, adversary.pivot, classes)
    return WithAdversary(made, adversary.columns) if adversary.own else made


__all__ = [
    "CODE",
    "NUISANCE",
    "Arrays",
    "Head",
    "Pivoted",
    "Reconstruction",
    "Standard",
    "Standards",
    "Task",
    "make",
    "of",
]
