"""The adversary of a classifier, as its experiment asks for it."""

import functools

from dlscan.config import Experiment, Train
from dlscan.models.adversaries import nuisance_adversary
from dlscan.tasks import NUISANCE, Pivoted, Standards, Task
from dlscan.train.beside import Beside, Other
from dlscan.train.objectives.pivot import ADVERSARY, Adversarial, Density, Guess, Pivotal
from dlscan.train.optimizers import make_optimizer


def beside(experiment: Experiment, task: Task, standards: Standards) -> Beside | None:
    """What is trained beside the network of a point; None if nothing is.

    Parameters
    ----------
    experiment : Experiment
        Of the point.
    task : Task
        What it learns.
    standards : mapping of str to Standard
        Of the numbers that networks predict.
    """
    if not isinstance(task, Pivoted):
        return None
    pivot, classes = task.pivot, len(task.classes)
    guess = Guess(Density(pivot, standards[NUISANCE]), task.within)
    network = nuisance_adversary(pivot, classes, len(task.within), experiment.train.seed)
    optimizer = make_optimizer(Train(learning_rate=pivot.learning_rate), 1)
    other = Other(ADVERSARY, network, optimizer, Adversarial(guess), pivot.steps)
    minimised = functools.partial(Pivotal, guess=guess, strength=pivot.strength)
    return Beside([other], minimised, keeps_last=True)
