"""A generator in training, and the critic beside it."""

import dataclasses
from typing import Any

from dlscan.config import Experiment, Train
from dlscan.config.families.gan import Gan
from dlscan.dataset import Manifest
from dlscan.models import keras
from dlscan.models.players import players
from dlscan.models.seeds import layer_seed
from dlscan.tasks import Standards, Task
from dlscan.train.beside import Beside, Other
from dlscan.train.learner import Learner
from dlscan.train.objectives.adversarial import (
    CRITIC,
    GAMES,
    OBSERVER,
    SCALING,
    Adversarial,
    CriticObjective,
    GeneratorObjective,
)
from dlscan.train.objectives.penalty import Penalty
from dlscan.train.optimizers import make_optimizer
from dlscan.train.steps import slopes

_WASSERSTEIN = "wasserstein"


def adversarial_learner(
    experiment: Experiment, task: Task, standards: Standards, manifest: Manifest, steps: int
) -> Learner:
    """The generator of a point at its start, with the critic beside it.

    Parameters
    ----------
    experiment : Experiment
        Of the point.
    task : Task
        Generation.
    standards : mapping of str to Standard
        Of the numbers that are known of events.
    manifest : Manifest
        Of the dataset.
    steps : int
        Batches in an epoch.
    """
    train, own = experiment.train, experiment.model.parameters
    made = players(
        *(experiment.model, manifest, experiment.data.normalize, train.seed),
        tuple(name for head in task.given for name in head.targets),
        standards,
        experiment.data.inputs,
    )
    kind = train.loss.of("generate")
    noise = keras.random.SeedGenerator(layer_seed(train.seed, "net.noise"))
    common = Adversarial(GAMES[kind], own.code, noise)
    critic = Other(
        CRITIC,
        made.critic,
        # it takes more steps in the same number of epochs
        _optimizer(
            dataclasses.replace(train, learning_rate=train.learning_rate * own.critic_rate),
            own,
            steps * own.k,
        ),
        CriticObjective(
            **_with_penalty(common, train, made.critic),
            slopes=slopes if kind == _WASSERSTEIN else None,
            steepness=own.penalty,
        ),
        own.k,
    )
    beside = Beside(
        [critic],
        lambda supervised: GeneratorObjective(**_with_penalty(common, train, made.generator)),
        [noise.state],
        {SCALING: made.scaling, OBSERVER: made.observer},
        _optimizer(train, own, steps),
        made.judge,
    )
    return Learner(
        made.generator,
        task,
        train,
        manifest.config_hash,
        steps,
        standards,
        experiment.data.left_out,
        beside,
    )


def _with_penalty(common: Adversarial, train: Train, network: Any) -> dict[str, Any]:
    return {**vars(common), "penalty": Penalty.of(train, network.model.trainable_variables)}


def _optimizer(train: Train, own: Gan, steps: int) -> Any:
    return make_optimizer(train, steps, own.beta_1)
