"""Linear autoencoders, whose best loss is known."""

import math

import numpy as np
import pytest

from dlscan import tasks
from dlscan.config import Model, Normalization, Train
from dlscan.config.losses import Loss
from dlscan.config.task import Tasks
from dlscan.dataset import ArraySpec, Manifest, Statistics
from dlscan.models import construct, keras
from dlscan.train.feed import Fed
from dlscan.train.learner import Learner
from dlscan.train.objectives import EVENTS
from dlscan.train.optimizers import STRIDE
from dlscan.train.steps import steps

EVENTS_OF_A_BATCH = 1024
EIGENVALUES = np.array([4.0, 2.0, 0.5, 0.3, 0.2])
LENGTH = len(EIGENVALUES)


@pytest.fixture(scope="module")
def events():
    """Events (N, 5) whose covariance has exactly these eigenvalues, and the directions of these."""
    rng = np.random.default_rng(1)
    numbers = rng.normal(size=(2 * EVENTS_OF_A_BATCH, LENGTH))
    numbers -= numbers.mean(axis=0)
    numbers @= np.linalg.inv(np.linalg.cholesky(numbers.T @ numbers / len(numbers))).T
    axes, _ = np.linalg.qr(rng.normal(size=(LENGTH, LENGTH)))
    return (numbers * EIGENVALUES**0.5) @ axes.T, axes


def learner_of(model, task="reconstruct", loss="auto", **train):
    scale = Statistics((0.0,), (1.0,), (0.0,), (1.0,), 1.0, occupancy=1.0)
    manifest = Manifest(
        ("A", "B"), {"x": ArraySpec((LENGTH,), "<f4", "dense")}, {}, {"x": scale}, {}, (), {}, ""
    )
    parsed = Model.parse(model, "model")
    made = tasks.make(Tasks.parse(task, "task"), manifest.classes, Loss(loss)).by(parsed)
    network = construct(parsed, manifest, {"x": Normalization("none")}, 1, task=made)
    return Learner(network, made, Train(loss=Loss(loss), early_stopping=None, **train), "", 1)


def fed(values):
    tensor = keras.ops.convert_to_tensor(values.astype(np.float32))
    return {EVENTS: Fed({"x": tensor}, {}, keras.ops.ones(len(values)), len(values))}


def looked_at(made, streams):
    """The loss of a batch without training."""
    ((numbers, _),) = made.look((streams, None))
    return float(numbers[0][0])


def losses_of(learner, values, number):
    """The loss of so many steps, and then that without training."""
    taken, batch = steps([learner.trained]), fed(values)
    told = [float(taken.train((batch, None))[0][0][0]) for _ in range(number)]
    looked = looked_at(taken, batch)
    taken.settle()
    return told, looked


def test_a_linear_autoencoder_leaves_out_the_smallest_eigenvalues(events):
    learner = learner_of({"family": "autoencoder", "code": 2, "depth": 0}, learning_rate=0.05)
    _, looked = losses_of(learner, events[0], 400)
    best = EIGENVALUES[2:].sum() / LENGTH
    assert best - 1e-5 < looked < best + 1e-3


def test_a_linear_denoising_autoencoder_is_as_good_as_a_wiener_filter(events):
    noise = 0.7
    task = {"kind": "reconstruct", "noise": noise}
    learner = learner_of({"family": "autoencoder", "code": LENGTH, "depth": 0}, task, learning_rate=0.02)
    told, _ = losses_of(learner, events[0], 500)
    best = (EIGENVALUES * noise**2 / (EIGENVALUES + noise**2)).sum() / LENGTH
    # of 50 draws of noise for 2048 events each
    assert np.mean(told[-50:]) == pytest.approx(best, rel=0.02)


def principal(code):
    """Minus the logarithm of the likelihood of an event by probabilistic PCA, and its width of cells."""
    variance = EIGENVALUES[code:].mean()
    logs = np.log(EIGENVALUES[:code]).sum() + (LENGTH - code) * math.log(variance)
    return (LENGTH * math.log(2 * math.pi) + logs + LENGTH) / 2, variance


def test_the_bound_of_a_linear_variational_one_is_the_likelihood_of_probabilistic_pca(events):
    values, axes = events
    learner = learner_of({"family": "vae", "code": 2, "depth": 0})
    best, variance = principal(2)
    weights = axes[:, :2] * (EIGENVALUES[:2] - variance) ** 0.5
    own = {
        "net-code/kernel": weights / EIGENVALUES[:2],
        "net-code_spread/kernel": np.zeros((LENGTH, 2)),
        "net-code_spread/bias": np.log(variance / EIGENVALUES[:2]),
        "x-cells/kernel": weights.T,
        "net-log_sigma/beta": [math.log(variance) / 2],
    }
    for variable in learner.network.trainable_variables:
        if variable.path in own:
            variable.assign(own.pop(variable.path))
    assert not own
    # without training its draws have no mean, and unit covariance, but they go along with the events a little
    assert looked_at(steps([learner.trained]), fed(values)) == pytest.approx(best, abs=0.03)


def test_a_linear_variational_one_comes_to_that_likelihood_and_not_below(events):
    best, variance = principal(2)
    learner = learner_of({"family": "vae", "code": 2, "depth": 0}, learning_rate=0.03)
    told, _ = losses_of(learner, events[0], 500)
    assert best - 0.02 < np.mean(told[-100:]) < best + 0.03
    (shift,) = [one for one in learner.network.trainable_variables if one.path == "net-log_sigma/beta"]
    assert math.exp(2 * float(keras.ops.convert_to_numpy(shift)[0])) == pytest.approx(variance, rel=0.1)


def test_a_width_goes_down_its_slope_by_ten_learning_rates(events):
    learner = learner_of(
        {"family": "vae", "code": 2, "depth": 0}, optimizer="sgd", learning_rate=1e-3, clip_norm=None
    )
    taken = steps([learner.trained])
    numbers = taken.train((fed(events[0]), None))[0][0]
    taken.settle()
    told = dict(zip([curve.name for curve in learner.task.curves], map(float, numbers), strict=True))
    # of width 1 at the start, so that minus the logarithm of the likelihood is half the squared distance
    squares = 2 * told["reconstruction"] / len(events[0]) - LENGTH * math.log(2 * math.pi)
    (shift,) = learner.network.get_layer("net-log_sigma").trainable_variables
    moved = float(keras.ops.convert_to_numpy(shift)[0])
    assert moved == pytest.approx(STRIDE * 1e-3 * (squares - LENGTH), rel=1e-3)


@pytest.mark.parametrize("loss", ["mse", "mae", "cross_entropy", "poisson"])
def test_losses_are_their_formulas(loss):
    learner = learner_of({"family": "autoencoder", "code": 1}, loss=loss)
    rng = np.random.default_rng(2)
    target, made = rng.random((7, LENGTH)), rng.normal(size=(7, LENGTH))
    scores = 1 / (1 + np.exp(-made))
    expected = {
        "mse": (target - made) ** 2,
        "mae": abs(target - made),
        "cross_entropy": -target * np.log(scores) - (1 - target) * np.log(1 - scores),
        "poisson": np.exp(made) - target * made,
    }[loss]
    raw = {"target": target.astype(np.float32), "reconstruction": made.astype(np.float32)}
    np.testing.assert_allclose(learner.objective.unusual(raw, {}), expected.mean(axis=1), rtol=1e-4)


def test_sparsity_makes_codes_small(events):
    sizes = []
    for sparsity in (0.0, 1.0):
        task = {"kind": "reconstruct", "sparsity": sparsity}
        learner = learner_of({"family": "autoencoder", "code": 2, "depth": 0}, task, learning_rate=0.05)
        losses_of(learner, events[0], 100)
        codes = learner.network({"x": events[0].astype(np.float32)})["code"]
        sizes.append(float(np.abs(keras.ops.convert_to_numpy(codes)).mean()))
    assert sizes[1] < sizes[0] / 2
