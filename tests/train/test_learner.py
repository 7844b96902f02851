import numpy as np
import pytest

from dlscan import models
from dlscan.config import Dense, EarlyStopping, Model, Train
from dlscan.errors import ScanError
from dlscan.stream import Batches
from dlscan.tasks.classify import Classification
from dlscan.train.feed import Feed
from dlscan.train.learner import Learner
from dlscan.train.pack import Pack, TrainingBatch

TASK = Classification(("Ele", "Pi0", "ChPi"))


@pytest.fixture
def make_learner(mapping):
    def make(batches, width=8, **train):
        train = Train(batch_size=100, **train)
        model = Model("dense", Dense(width, 1))
        network = models.construct(model, batches.manifest, {}, train.seed)
        return Learner(network, TASK, train, "hash", batches.steps)

    return make


@pytest.fixture
def make_batches(mapping):
    def make(**options):
        return Batches(mapping["data"]["prepared"], batch_size=100, workers=0, **options)

    return make


def epoch(learner, batches, pack=None):
    """Train on batches, and look at each after its step."""
    pack = pack or Pack([learner])
    for batch in batches:
        pack.train(TrainingBatch(batch))
        pack.look({(): batch})
    return pack.end_epoch([learner], 1.0, 1.0)[0]


def by_hand(batches, seed=1):
    """Weighted cross-entropy and accuracy of the network before its first step, over all events."""
    network = models.build(Model("dense", Dense(8, 1)), batches.manifest, {}, seed)
    losses, hits = [], []
    for batch in batches.epoch(0):
        scores = network.predict_on_batch(batch.inputs)
        own = scores[np.arange(len(batch)), batch.labels]
        losses.append(batch.weights * -np.log(own))
        hits.append(scores.argmax(axis=1) == batch.labels)
    return np.concatenate(losses).mean(), np.concatenate(hits).mean()


@pytest.mark.parametrize("balance", ["none", "weights"])
def test_epoch_means_are_over_events_with_weights_in_the_loss_alone(make_learner, make_batches, balance):
    with make_batches(balance=balance) as batches:
        assert batches.events % 100
        # a step too small to move anything: each batch sees the network as it was
        learner = make_learner(batches, learning_rate=1e-30)
        row = epoch(learner, Feed(TASK)(batches.epoch(0), one_length=True))

        loss, accuracy = by_hand(batches)
    assert [row["loss"], row["val_loss"]] == pytest.approx([loss, loss], rel=1e-5)
    assert [row["accuracy"], row["val_accuracy"]] == pytest.approx([accuracy, accuracy], rel=1e-5)


def test_class_weights_change_the_loss(make_batches):
    with make_batches() as plain, make_batches(balance="weights") as weighted:
        assert by_hand(plain)[0] != pytest.approx(by_hand(weighted)[0], rel=1e-3)


def test_sums_start_again_with_each_epoch(make_learner, make_batches):
    with make_batches() as batches:
        learner = make_learner(batches, learning_rate=1e-30)
        pack = Pack([learner])
        rows = [epoch(learner, Feed(TASK)(batches.epoch(0), one_length=True), pack) for _ in range(2)]
    assert rows[0]["val_loss"] == rows[1]["val_loss"]
    assert [row.epoch for row in rows] == [1, 2]


def test_learner_finishes_after_its_epochs(make_learner, make_batches):
    with make_batches() as batches:
        learner = make_learner(batches, epochs=1)
        assert learner.finished is None
        epoch(learner, [next(Feed(TASK)(batches.epoch(0), one_length=True))])
    assert learner.finished == "epochs"


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop", "lion"])
def test_resumed_learner_is_the_one_that_was_saved(make_learner, make_batches, tmp_path, optimizer):
    with make_batches() as batches:
        first, second, third = list(Feed(TASK)(batches.epoch(0), one_length=True))[:3]
        learner = make_learner(batches, optimizer=optimizer)
        pack = Pack([learner])
        pack.train(TrainingBatch(first))
        pack.train(TrainingBatch(second))
        pack.settle()
        learner.values().write(tmp_path / "epoch-0001.variables")
        other = make_learner(batches, optimizer=optimizer)
        other.resume(learner.state(), tmp_path / "epoch-0001.variables")

        rows = [epoch(learner, [third], pack), epoch(other, [third])]
    assert rows[0]["val_loss"] == rows[1]["val_loss"]


def test_checkpoint_of_another_network_is_an_error_that_says_what_to_do(make_learner, make_batches, tmp_path):
    with make_batches() as batches:
        make_learner(batches, width=4).values().write(tmp_path / "epoch-0001.variables")
        learner = make_learner(batches)

        with pytest.raises(ScanError, match=r"epoch-0001\.variables: from another network, .*; remove"):
            learner.resume(learner.state(), tmp_path / "epoch-0001.variables")
        with pytest.raises(ScanError, match=r"epoch-0002\.variables: missing or damaged .*; remove"):
            learner.resume(learner.state(), tmp_path / "epoch-0002.variables")


def test_a_plateau_lowers_the_learning_rate_and_a_resumed_learner_knows_how_often(
    make_learner, make_batches, tmp_path
):
    kind = {
        **{"schedule": "plateau", "schedule_patience": 2, "schedule_factor": 0.1, "learning_rate": 0.01},
        **{"warm_up": 1, "early_stopping": EarlyStopping(min_delta=10.0, patience=99)},
    }
    with make_batches() as batches:
        fed = list(Feed(TASK)(batches.epoch(0), one_length=True))
        learner, told = make_learner(batches, **kind), []
        pack = Pack([learner])
        for number in range(6):
            if number == 4:
                # it has waited for one epoch of two
                learner.values().write(tmp_path / "epoch-0004.variables")
                other = make_learner(batches, **kind)
                other.resume(learner.state(), tmp_path / "epoch-0004.variables")
            epoch(learner, fed, pack)
            told.append(learner.lowered)
        pack = Pack([other])
        for _ in range(2):
            epoch(other, fed, pack)
    assert told == [None, None, pytest.approx(1e-3), None, pytest.approx(1e-4), None]
    assert other.history == learner.history
    assert float(other.optimizer.learning_rate) == pytest.approx(1e-4)
