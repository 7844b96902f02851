"""A generator in training, with the critic or the encoder beside it."""

import dataclasses
from typing import Any

from dlscan.config import Experiment, Train
from dlscan.config.families.gan import Gan
from dlscan.config.families.vae import Vae
from dlscan.config.task_kinds import Generate
from dlscan.dataset import Manifest
from dlscan.models import Network, keras
from dlscan.models.coders import Coders, coders
from dlscan.models.makers import NOISE
from dlscan.models.players import Players, players
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
from dlscan.train.objectives.variational import ENCODER, VariationalObjective
from dlscan.train.optimizers import make_optimizer
from dlscan.train.steps import slopes

_WASSERSTEIN = "wasserstein"


def generating_learner(
    experiment: Experiment, task: Task, standards: Standards, manifest: Manifest, steps: int
) -> Learner:
    """The generator of a point at its start, with what it learns from beside it.

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
    train, model = experiment.train, experiment.model
    how = (
        *(model, manifest, experiment.data.normalize, train.seed),
        tuple(name for head in task.given for name in head.targets),
        standards,
        experiment.data.inputs,
    )
    kind = model.minimises(Generate.kind, train.loss)
    noise = keras.random.SeedGenerator(layer_seed(train.seed, "net.noise"))
    if model.is_variational:
        network, beside = _with_encoder(train, model.parameters, coders(kind, *how), kind, noise)
    else:
        network, beside = _with_critic(train, model.parameters, players(*how), kind, noise, steps)
    left_out = experiment.data.left_out
    return Learner(network, task, train, manifest.config_hash, steps, standards, left_out, beside)


def _with_critic(
    train: Train, own: Gan, made: Players, kind: str, noise: Any, steps: int
) -> tuple[Network, Beside]:
    """The generator of an adversarial training."""
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
        lambda supervised, taken: GeneratorObjective(**_with_penalty(common, train, made.generator)),
        [noise.state],
        {SCALING: made.scaling, OBSERVER: made.observer},
        _optimizer(train, own, steps),
        made.judge,
    )
    return made.generator, beside


def _with_encoder(train: Train, own: Vae, made: Coders, kind: str, noise: Any) -> tuple[Network, Beside]:
    """The decoder of a variational autoencoder, whose encoder takes part in its steps."""
    networks = made.generator.model, made.encoder.model
    objective = VariationalObjective(
        *(kind, own.beta, tuple(made.scaling.final), own.code),
        made.generator.model.input[NOISE].shape[-1],
        noise,
        Penalty.of(train, [weight for model in networks for weight in model.trainable_variables]),
    )
    beside = Beside(
        [],
        lambda supervised, taken: objective,
        [noise.state],
        {SCALING: made.scaling, OBSERVER: made.observer},
        scored=made.judge,
        joint={ENCODER: made.encoder},
    )
    return made.generator, beside


def _with_penalty(common: Adversarial, train: Train, network: Any) -> dict[str, Any]:
    return {**vars(common), "penalty": Penalty.of(train, network.model.trainable_variables)}


def _optimizer(train: Train, own: Gan, steps: int) -> Any:
    return make_optimizer(train, steps, own.beta_1)
