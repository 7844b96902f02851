"""The learning rate of each step, by the formulas of docs/train.md."""

import numpy as np
import pytest

from dlscan.config import Train
from dlscan.models import keras
from dlscan.train.optimizers import make_optimizer
from dlscan.train.schedules import lower

STEPS = 4
RATES = keras.optimizers.schedules


def rates(train, count):
    """The learning rates of the first steps, read off what plain gradient descent does to a number."""
    made = make_optimizer(train, STEPS)
    variable = keras.Variable(np.zeros(1, "float32"))
    made.build([variable])
    values = [0.0]
    for _ in range(count):
        made.apply([-keras.ops.ones(1)], [variable])
        values.append(float(keras.ops.convert_to_numpy(variable)[0]))
    return np.diff(values)


@pytest.mark.parametrize("warm_up", [0, 2])
@pytest.mark.parametrize(
    ("options", "factor"),
    [
        ({"schedule": "constant"}, lambda t: np.ones_like(t)),
        ({"schedule": "cosine"}, lambda t, whole: (1 + np.cos(np.pi * t / whole)) / 2),
        ({"schedule": "decay", "schedule_rate": 0.7}, lambda t: 1 / (1 + 0.7 * t)),
        (
            {"schedule": "step", "schedule_every": 2, "schedule_factor": 0.1},
            lambda t: 0.1 ** np.floor(t / 2),
        ),
        ({"schedule": "plateau"}, lambda t: np.ones_like(t)),
    ],
    ids=lambda value: value["schedule"] if isinstance(value, dict) else "",
)
def test_the_learning_rate_rises_and_then_follows_the_formula(options, factor, warm_up):
    train = Train(optimizer="sgd", learning_rate=0.1, epochs=8, warm_up=warm_up, **options)
    warm, after = warm_up * STEPS, np.arange((8 - warm_up) * STEPS) / STEPS
    falling = factor(after, 8 - warm_up) if options["schedule"] == "cosine" else factor(after)
    expected = 0.1 * np.concatenate([(np.arange(warm) + 1) / max(warm, 1), falling])

    np.testing.assert_allclose(rates(train, 8 * STEPS), expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("options", "theirs"),
    [
        ({"schedule": "decay", "schedule_rate": 0.7}, RATES.InverseTimeDecay(0.1, STEPS, 0.7)),
        (
            {"schedule": "step", "schedule_every": 3, "schedule_factor": 0.2},
            RATES.ExponentialDecay(0.1, 3 * STEPS, 0.2, staircase=True),
        ),
    ],
)
def test_schedules_that_keras_has_are_those_of_keras(options, theirs):
    train = Train(optimizer="sgd", learning_rate=0.1, **options)
    expected = [float(theirs(step)) for step in range(30)]
    np.testing.assert_allclose(rates(train, 30), expected, rtol=1e-4)


def test_a_step_falls_after_its_last_batch_however_many_there_are():
    train = Train(optimizer="sgd", learning_rate=1.0, schedule="step", schedule_every=3)
    steps = 333_333
    schedule = make_optimizer(train, steps)._learning_rate
    for times in (1, 7):
        found = [float(schedule(times * 3 * steps + late)) for late in (-1, 0)]
        assert found == [0.5 ** (times - 1), 0.5**times]


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_a_lowered_learning_rate_is_among_the_variables_of_the_optimizer(precision):
    train = Train(optimizer="adam", learning_rate=0.1, schedule="plateau", precision=precision)
    made, other = make_optimizer(train, STEPS), make_optimizer(train, STEPS)
    for optimizer in (made, other):
        optimizer.build([keras.Variable(np.zeros(1, "float32"))])

    assert lower(made, 0.5) == pytest.approx(0.05)
    assert lower(made, 0.5) == pytest.approx(0.025)
    for mine, its in zip(other.variables, made.variables, strict=True):
        mine.assign(its)
    assert float(other.learning_rate) == pytest.approx(0.025)
