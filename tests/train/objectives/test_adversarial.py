"""The losses of generator and critic, where the answer is known."""

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from dlscan.models import keras
from dlscan.train.objectives.adversarial import GAMES, energy_distance
from dlscan.train.steps import slopes

ops = keras.ops
RNG = np.random.default_rng(1)


def number(tensor):
    return np.asarray(ops.convert_to_numpy(tensor), float)


def of_critic(game, real, made):
    return number(GAMES[game].of_critic(*map(ops.convert_to_tensor, (real, made))))


def test_at_its_optimum_the_critic_knows_nothing_and_loses_2_ln_2():
    # a logit of 0 is D = 1/2
    nothing = np.zeros(5, "float32")
    np.testing.assert_allclose(of_critic("standard", nothing, nothing), 2 * math.log(2), rtol=1e-6)
    made = ops.convert_to_tensor(nothing)
    np.testing.assert_allclose(number(GAMES["standard"].of_generator(made)), math.log(2), rtol=1e-6)
    # and nothing else is better where both distributions are the same
    for says in (-0.5, 0.3, 2.0):
        same = np.full(5, says, "float32")
        assert (of_critic("standard", same, same) > 2 * math.log(2)).all()


@pytest.mark.parametrize(
    ("game", "critic", "generator"),
    [
        ("standard", lambda r, f: np.log1p(np.exp(-r)) + np.log1p(np.exp(f)), lambda f: np.log1p(np.exp(-f))),
        ("wasserstein", lambda r, f: f - r, lambda f: -f),
        ("least_squares", lambda r, f: ((r - 1) ** 2 + f**2) / 2, lambda f: (f - 1) ** 2 / 2),
    ],
)
def test_losses_are_their_formulas(game, critic, generator):
    real, made = RNG.normal(0, 2, (2, 20)).astype("float32")
    np.testing.assert_allclose(of_critic(game, real, made), critic(real, made), rtol=1e-5, atol=1e-6)
    found = number(GAMES[game].of_generator(ops.convert_to_tensor(made)))
    np.testing.assert_allclose(found, generator(made), rtol=1e-5, atol=1e-6)


def test_slopes_are_those_of_the_sum_for_each_input():
    x, y = (ops.convert_to_tensor(RNG.normal(size=(4, n)).astype("float32")) for n in (3, 2))
    found = slopes(lambda at: ops.sum(at["x"] ** 2, axis=1) + 3 * at["y"][:, 0], {"x": x, "y": y})
    np.testing.assert_allclose(number(found["x"]), 2 * number(x), rtol=1e-6)
    np.testing.assert_allclose(number(found["y"]), [[3, 0]] * 4)


def test_the_energy_distance_is_that_of_all_pairs_of_different_events():
    real, made = RNG.normal([[[0, 5, 1]]], [[[1, 10, 0]]], (2, 30, 3)).astype("float32")
    weights = RNG.uniform(0.5, 2, 30).astype("float32")
    found = number(energy_distance(*map(ops.convert_to_tensor, (real, made, weights))))
    spread = np.where(real.std(axis=0) > 1e-6, real.std(axis=0), 1)
    one, other = real / spread / 3**0.5, made / spread / 3**0.5
    pairs = np.outer(weights, weights) * (1 - np.eye(30))
    apart = 2 * cdist(one, other) - cdist(one, one) - cdist(other, other)
    assert found == pytest.approx((pairs * apart).sum() / pairs.sum(), abs=1e-4)


def test_the_energy_distance_of_the_same_distribution_is_0_on_average():
    found = []
    for seed in range(40):
        real, made = np.random.default_rng(seed).normal(size=(2, 50, 2)).astype("float32")
        ones = np.ones(50, "float32")
        found.append(number(energy_distance(*map(ops.convert_to_tensor, (real, made, ones)))))
    assert abs(np.mean(found)) < 3 * np.std(found) / 40**0.5
    moved = ops.convert_to_tensor(real + 1)
    assert number(energy_distance(ops.convert_to_tensor(real), moved, ops.convert_to_tensor(ones))) > 0.3
