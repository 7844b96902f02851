import json

import pytest

from dlscan.config import EarlyStopping
from dlscan.train.stopping import Stopping


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
        (EarlyStopping("val_accuracy", 2), [0.5, 0.6, 0.6, 0.4], 4, 2),
        (EarlyStopping("accuracy", 2), [0.5, 0.6, 0.7], None, 3),
        (None, [5, 6, 4, 7, 8, 9, 10], None, 3),
    ],
)
def test_stopping_waits_for_patience_and_knows_the_best_epoch(rule, values, stopped, best):
    stopping = Stopping.of(rule)

    assert run(stopping, values) == stopped
    assert stopping.best_epoch == best


def test_stopping_without_a_rule_takes_the_least_validation_loss_as_the_best():
    assert Stopping.of(None).monitor == "val_loss"


@pytest.mark.parametrize("cut", range(1, 7))
def test_stopping_resumed_anywhere_stops_where_it_would_have(cut):
    rule = EarlyStopping("val_loss", 3)
    values = [5, 4, 6, 3, 6, 5, 4, 2]
    first = Stopping.of(rule)
    run(first, values[:cut])

    second = Stopping.of(rule).resumed(json.loads(json.dumps(first.state())))
    for epoch, value in enumerate(values[cut:], cut + 1):
        second.update(epoch, value)
        if second.stop:
            break

    assert (epoch, second.best_epoch, second.best) == (7, 4, 3)
