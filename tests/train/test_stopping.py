import json

import pytest

from dlscan.config import EarlyStopping, Train
from dlscan.config.task import Tasks
from dlscan.train.stopping import Plateau, Stopping

COLUMNS = Tasks().columns | {"val_mae": True}


def run(stopping, values):
    """The epoch after which it stops, or None."""
    for epoch, value in enumerate(values, 1):
        stopping.update(epoch, value)
        if stopping.stop:
            return epoch
    return None


@pytest.mark.parametrize(
    ("rule", "values", "stopped", "best"),
    [
        (EarlyStopping("val_loss", 2), [5, 4, 3, 2, 1], None, 5),
        (EarlyStopping("val_loss", 2), [5, 4, 4, 4], 4, 2),
        (EarlyStopping("val_loss", 2), [5, 6, 4, 6, 6], 5, 3),
        (EarlyStopping("val_loss", 1), [5, 5], 2, 1),
        (EarlyStopping("val_loss", 2, min_delta=0.5), [5, 4.8, 4.6, 4.4], 3, 1),
        (EarlyStopping("val_loss", 3, min_delta=0.5), [5, 4.8, 4.4, 4.3], None, 3),
        (EarlyStopping("loss", 1), [5, 6], 2, 1),
        (EarlyStopping("val_mae", 1), [5, 4, 6], 3, 2),
        (EarlyStopping("val_accuracy", 2), [0.5, 0.6, 0.6, 0.4], 4, 2),
        (EarlyStopping("accuracy", 2), [0.5, 0.6, 0.7], None, 3),
        # means 5 4.5 4 5 4 7: the second 4 is no less, and neither is a 2 that was luck
        (EarlyStopping("val_loss", 3, window=2), [5, 4, 4, 6, 2, 12], 6, 3),
        # means .5 .5 .6 .6
        (EarlyStopping("val_accuracy", 2, window=3), [0.5, 0.5, 0.8, 0.5, 0.5], 5, 3),
        # in the first epochs of those that there are
        (EarlyStopping("val_loss", 2, window=9), [3, 4, 4], 3, 1),
        (None, [5, 6, 4, 7, 8, 9, 10], None, 3),
    ],
)
def test_stopping_waits_for_patience_and_knows_the_best_epoch(rule, values, stopped, best):
    stopping = Stopping.of(rule, COLUMNS)

    assert run(stopping, values) == stopped
    assert stopping.best_epoch == best


def test_stopping_without_a_rule_takes_the_least_validation_loss_as_the_best():
    assert Stopping.of(None, COLUMNS).monitor == "val_loss"


@pytest.mark.parametrize("cut", range(1, 7))
@pytest.mark.parametrize(("window", "best"), [(1, 3), (3, 13 / 3)])
def test_stopping_resumed_anywhere_stops_where_it_would_have(cut, window, best):
    rule = EarlyStopping("val_loss", 3, window=window)
    values = [5, 4, 6, 3, 6, 5, 4, 2]
    first = Stopping.of(rule, COLUMNS)
    run(first, values[:cut])

    second = Stopping.of(rule, COLUMNS).resumed(json.loads(json.dumps(first.state())))
    for epoch, value in enumerate(values[cut:], cut + 1):
        second.update(epoch, value)
        if second.stop:
            break

    assert (epoch, second.best_epoch, second.best) == (7, 4, best)


def lowered(plateau, stopping, values):
    """The epochs after which the learning rate is lowered."""
    return [
        epoch for epoch, value in enumerate(values, 1) if plateau.update(epoch, stopping.update(epoch, value))
    ]


@pytest.mark.parametrize(
    ("options", "values", "expected"),
    [
        ({"schedule_patience": 2}, [5, 4, 3, 2, 1], []),
        ({"schedule_patience": 2}, [5, 5, 5, 5, 5, 5], [3, 5]),
        ({"schedule_patience": 2}, [5, 5, 4, 4, 4, 3], [5]),
        ({"schedule_patience": 1, "warm_up": 3}, [5, 5, 5, 5, 5], [4, 5]),
        ({"schedule": "step"}, [5, 5, 5, 5, 5, 5, 5, 5], []),
    ],
)
def test_the_learning_rate_is_lowered_after_patience_without_improvement(options, values, expected):
    train = Train(**{"schedule": "plateau", **options})
    assert lowered(Plateau.of(train), Stopping.of(None, COLUMNS), values) == expected


def test_what_counts_as_an_improvement_is_what_early_stopping_says():
    train = Train(schedule="plateau", schedule_patience=1)
    falling = [0.5, 0.6, 0.7]
    for monitor, delta, expected in (
        ("val_accuracy", 0.0, []),
        ("val_accuracy", 0.15, [2]),
        ("val_loss", 0.0, [2, 3]),
    ):
        stopping = Stopping.of(EarlyStopping(monitor, min_delta=delta), COLUMNS)
        assert lowered(Plateau.of(train), stopping, falling) == expected
