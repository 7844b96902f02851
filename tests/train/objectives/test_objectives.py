"""What a step minimises, and what a history tells of it."""

import numpy as np
import pytest

from dlscan import models
from dlscan.config import Dense, Model, Train
from dlscan.models import keras
from dlscan.stream import Batches
from dlscan.tasks.classify import Classification
from dlscan.train.feed import Feed
from dlscan.train.learner import Learner
from dlscan.train.pack import Pack, TrainingBatch

MODEL = Model("dense", Dense(8, 1))
# too small to move anything
STILL = {"optimizer": "sgd", "learning_rate": 1e-30}


@pytest.fixture(scope="module")
def batches(mapping):
    with Batches(mapping["data"]["prepared"], batch_size=100, workers=0, balance="weights") as batches:
        yield batches


def learners(batches, *trains):
    manifest, task = batches.manifest, Classification(batches.manifest.classes)
    built = [models.construct(MODEL, manifest, {}, 1) for _ in trains]
    return [
        Learner(network, task, Train.parse({**train, "batch_size": 100}, "train"), "hash", batches.steps)
        for network, train in zip(built, trains, strict=True)
    ]


def trained(batches, *trains):
    """Learners after a step on the first batch, their rows, and the batch."""
    first = next(iter(batches.epoch(0)))
    made = learners(batches, *trains)
    pack = Pack(made)
    fed = next(Feed(made[0].task)([first], one_length=True))
    pack.train(TrainingBatch(fed))
    pack.look({(): fed})
    return made, pack.end_epoch(made, 1.0, 1.0), first


def weights_of(learner):
    return [keras.ops.convert_to_numpy(variable) for variable in learner.network.trainable_variables]


def test_losses_of_a_pack_are_means_over_events_with_their_weights(batches):
    """Penalties are in none of them."""
    kinds = [
        {},
        {"loss": "focal", "gamma": 3},
        {"loss": "mse", "l2": 0.1},
        {"label_smoothing": 0.3, "l1": 0.1},
    ]
    _, rows, batch = trained(batches, *(STILL | kind for kind in kinds))

    network = models.build(MODEL, batches.manifest, {}, 1)
    p = network.predict_on_batch(batch.inputs).astype(float)
    right = np.eye(3)[batch.labels]
    smooth = 0.7 * right + 0.1
    expected = [
        -(right * np.log(p)).sum(axis=1),
        -(right * (1 - p) ** 3 * np.log(p)).sum(axis=1),
        ((right - p) ** 2).mean(axis=1),
        -(smooth * np.log(p)).sum(axis=1),
    ]
    for row, losses in zip(rows, expected, strict=True):
        assert row["loss"] == pytest.approx(np.mean(batch.weights * losses), rel=1e-5)
        assert row["val_loss"] == row["loss"]
        assert row["accuracy"] == rows[0]["accuracy"]


def test_penalties_pull_kernels_and_nothing_else(batches):
    """A step of gradient descent moves w by the slopes of l1 |w| + l2 w^2 more."""
    rate, l1, l2 = 0.1, 0.02, 0.3
    common = {"optimizer": "sgd", "learning_rate": rate}
    (free, both), _, _ = trained(batches, common, {**common, "l1": l1, "l2": l2})
    (start,) = learners(batches, common)
    for before, without, found in zip(*map(weights_of, (start, free, both)), strict=True):
        pull = rate * (l1 * np.sign(before) + 2 * l2 * before) if before.ndim > 1 else 0
        np.testing.assert_allclose(found, without - pull, atol=1e-6)
    assert [one.ndim for one in weights_of(start)].count(2) > 2
