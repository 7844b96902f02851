"""A network and another one beside it, each with an optimizer of its own."""

import dataclasses

import numpy as np
import pytest

from dlscan import models
from dlscan.config import Dense, Model, Train
from dlscan.config.curves import Curve
from dlscan.models import Network, keras
from dlscan.stream import Batches
from dlscan.tasks.classify import Classification
from dlscan.train.beside import Beside, Other
from dlscan.train.feed import Feed
from dlscan.train.learner import Learner
from dlscan.train.objectives import NETWORK, Told, supervised
from dlscan.train.pack import Pack, TrainingBatch
from dlscan.train.steps import steps

ops = keras.ops


@dataclasses.dataclass(frozen=True)
class Watched(Classification):
    """A classification whose history tells how the watcher does."""

    curves = (*Classification.curves, Curve("watcher_loss", True))


TASK = Watched(("Ele", "Pi0", "ChPi"))


class Watcher:
    """Guesses the first logit from the others, with noise."""

    def __init__(self, noise):
        self._noise = noise

    def __call__(self, networks, batches, training):
        batch = batches["events"]
        logits = ops.stop_gradient(networks[NETWORK](batch.inputs, training=training)["scores"])
        guess = networks["watcher"]({"others": logits[:, 1:]}, training=training)["guess"][:, 0]
        noise = keras.random.normal(ops.shape(guess), seed=self._noise) if training else 0.0
        losses = ops.square(guess + noise - logits[:, 0])
        return Told(ops.mean(losses), ops.sum(losses)[None], {})


class Hiding:
    """The loss of the heads, less how badly the watcher guesses."""

    def __init__(self, supervised):
        self._supervised = supervised

    def __call__(self, networks, batches, training):
        told = self._supervised(networks, batches, training)
        guess = networks["watcher"]({"others": told.raw["scores"][:, 1:]}, training=training)["guess"][:, 0]
        missed = ops.mean(ops.square(guess - told.raw["scores"][:, 0]))
        return told._replace(loss=told.loss - 0.1 * missed)


def watcher(times):
    others = keras.Input((2,), name="others")
    start = keras.initializers.Constant(0.1)
    guess = keras.layers.Dense(1, kernel_initializer=start)(keras.layers.Dropout(0.5, seed=3)(others))
    network = Network(
        keras.Model({"others": others}, guess), {"others": others}, {"guess": guess}, {"guess": guess}
    )
    noise = keras.random.SeedGenerator(7)
    other = Other("watcher", network, keras.optimizers.Adam(0.01), Watcher(noise), times)
    return Beside([other], lambda supervised, taken: Hiding(supervised), [noise.state])


def make(batches, width, times):
    network = models.construct(Model("dense", Dense(width, 1, dropout=0.2)), batches.manifest, {}, 1)
    train = Train(batch_size=100, learning_rate=0.01)
    return Learner(network, TASK, train, "hash", batches.steps, beside=watcher(times))


def numbers_of(learner):
    return {
        name: [np.array(ops.convert_to_numpy(variable)) for variable in group]
        for name, group in learner._groups.items()
    }


def assert_same(one, other):
    one, other = numbers_of(one), numbers_of(other)
    assert one.keys() == other.keys() == {"network", "optimizer", "watcher", "optimizer of part 1", "states"}
    for name, group in one.items():
        for a, b in zip(group, other[name], strict=True):
            np.testing.assert_array_equal(a, b, err_msg=name)


class Guess:
    """Tells a random number."""

    def __init__(self, noise):
        self._noise = noise

    def __call__(self, networks, batches, training):
        number = keras.random.normal((1,), seed=self._noise)
        return Told(ops.sum(number) * 0, number, {})


@pytest.fixture(scope="module")
def batches(mapping):
    with Batches(mapping["data"]["prepared"], batch_size=100, workers=0) as batches:
        yield batches


def fed(batches):
    return list(Feed(TASK)(batches.epoch(0), one_length=True))


def test_two_networks_go_on_to_the_digit_from_a_checkpoint_between_steps(batches, tmp_path):
    learner = make(batches, 8, 2)
    pack = Pack([learner])
    first, second, third = fed(batches)[:3]
    pack.train(TrainingBatch(first))
    pack.train(TrainingBatch(second))
    pack.settle()
    learner.values().write(tmp_path / "epoch-0000-step-2.variables")
    before = numbers_of(learner)
    other = make(batches, 8, 2)
    other.resume(learner.state(), tmp_path / "epoch-0000-step-2.variables")
    pack.train(TrainingBatch(third))
    pack.settle()
    alone = Pack([other])
    alone.train(TrainingBatch(third))
    alone.settle()

    assert_same(learner, other)
    # and everything in it moves
    after = numbers_of(learner)
    for name in after:
        assert any((a != b).any() for a, b in zip(before[name], after[name], strict=True)), name


def test_packed_they_end_as_alone(batches):
    kinds = [(8, 1), (4, 3)]
    packed, alone = ([make(batches, *kind) for kind in kinds] for _ in range(2))
    packs = [Pack(packed), *(Pack([learner]) for learner in alone)]
    rows = []
    for pack in packs:
        for batch in fed(batches):
            pack.train(TrainingBatch(batch))
            pack.look({(): batch})
        rows.append(pack.end_epoch(pack.learners, 1.0, 1.0))
    for together, own in zip(rows[0], rows[1] + rows[2], strict=True):
        assert together.values == own.values
        assert list(own.values)[:3] == ["loss", "accuracy", "watcher_loss"]
    for one, other in zip(packed, alone, strict=True):
        assert_same(one, other)


def test_saved_is_the_network_without_the_other(batches, tmp_path):
    learner = make(batches, 8, 1)
    learner.save(tmp_path / "best.keras")
    names = {variable.path for variable in keras.saving.load_model(tmp_path / "best.keras").variables}
    assert len(names) == len(learner.network.variables)


def test_each_batch_that_is_looked_at_has_random_numbers_of_its_own(batches):
    beside = watcher(1)
    noise = keras.random.SeedGenerator(7)
    (other,) = beside.others
    beside = dataclasses.replace(
        beside, others=[dataclasses.replace(other, objective=Guess(noise))], states=[noise.state]
    )
    network = models.construct(Model("dense", Dense(4, 1)), batches.manifest, {}, 1)
    trained = beside.trained(network, keras.optimizers.SGD(0.1), supervised(TASK, Train()))
    made, seen = steps([trained]), []
    for batch in fed(batches)[:3]:
        for _ in range(2):
            ((numbers, _),) = made.look(({"events": batch}, None))
            seen.append(float(ops.convert_to_numpy(numbers)[0, -1]))
    assert len(set(seen)) == 6
