"""What works against a classifier, as its experiment asks for it."""

from typing import Any

from dlscan.config import Experiment, Train
from dlscan.config.adversary import Domain
from dlscan.dataset import Manifest
from dlscan.models import Network
from dlscan.models.adversaries import domain_classifier, nuisance_adversary
from dlscan.tasks import NUISANCE, Pivoted, Standards, Task
from dlscan.train.beside import Beside, Other
from dlscan.train.objectives import Supervised
from dlscan.train.objectives.domain import CLASSIFIER, DOMAIN, Adapted, Apart, Distance, Telling
from dlscan.train.objectives.pivot import ADVERSARY, Adversarial, Density, Guess, Pivotal
from dlscan.train.objectives.strength import Strength
from dlscan.train.optimizers import make_optimizer

# Of Adam: with more momentum a classifier of domains overshoots, and the network with it.
_BETA_1 = 0.5


def beside(
    experiment: Experiment, network: Network, task: Task, standards: Standards, steps: int
) -> Beside | None:
    """What is trained beside the network of a point; None if nothing is.

    Parameters
    ----------
    experiment : Experiment
        Of the point.
    network : Network
        Its own.
    task : Task
        What it learns.
    standards : mapping of str to Standard
        Of the numbers that networks predict.
    steps : int
        Batches in an epoch.
    """
    seed = experiment.train.seed
    if (domain := experiment.adversary.domain) is not None:
        beyond = experiment.other_domain
        assert beyond is not None
        return _adapted(domain, network, seed, Manifest.of(beyond).config_hash, steps)
    if not isinstance(task, Pivoted):
        return None
    pivot, classes = task.pivot, len(task.classes)
    guess = Guess(Density(pivot, standards[NUISANCE]), task.within)
    adversary = nuisance_adversary(pivot, classes, len(task.within), seed)
    optimizer = make_optimizer(Train(learning_rate=pivot.learning_rate), 1)
    other = Other(ADVERSARY, adversary, optimizer, Adversarial(guess), pivot.steps)

    def minimised(supervised: Supervised, taken: Any) -> Pivotal:
        return Pivotal(supervised, guess, Strength(pivot.strength, pivot.warm_up * steps, taken))

    return Beside([other], minimised, keeps_last=True)


def _adapted(domain: Domain, network: Network, seed: int, dataset: str, steps: int) -> Beside:
    """What makes a network the same for another domain."""
    others = []
    if domain.method == "reversal":
        (features,) = network.hidden.shape[1:]
        classifier = domain_classifier(domain, features, seed)
        optimizer = make_optimizer(Train(learning_rate=domain.learning_rate), 1, _BETA_1)
        others = [Other(CLASSIFIER, classifier, optimizer, Telling(), domain.steps)]
    against = Apart() if domain.method == "reversal" else Distance(domain.method)

    def minimised(supervised: Supervised, taken: Any) -> Adapted:
        return Adapted(supervised, against, Strength(domain.strength, domain.warm_up * steps, taken))

    return Beside(others, minimised, keeps_last=True, shows_hidden=True, streams=(DOMAIN,), dataset=dataset)
