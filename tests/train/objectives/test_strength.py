"""How much what works against a network counts while it rises."""

import pytest

from dlscan.models import keras
from dlscan.train.objectives.strength import Strength


def test_it_rises_linearly_over_the_first_steps_of_an_optimizer():
    optimizer = keras.optimizers.SGD(0.1)
    weight = keras.Variable([1.0])
    optimizer.build([weight])
    strength, full = Strength(6.0, 3, optimizer.iterations), Strength(6.0, 0, optimizer.iterations)
    seen = []
    for _ in range(5):
        seen.append(float(keras.ops.convert_to_numpy(strength())))
        optimizer.apply([keras.ops.ones((1,))], [weight])
    assert seen == pytest.approx([2.0, 4.0, 6.0, 6.0, 6.0])
    assert full() == 6.0
    assert strength
    assert not Strength(0.0, 3, optimizer.iterations)
