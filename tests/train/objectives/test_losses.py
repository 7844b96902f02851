"""The loss of each event, against its formula in NumPy and against Keras' own."""

import numpy as np
import pytest
from scipy.special import gammaln, log_softmax, softmax
from scipy.stats import norm, poisson

from dlscan.config import Train
from dlscan.models import keras
from dlscan.train.objectives.losses import event_loss

RNG = np.random.default_rng(1)
LOGITS = RNG.normal(0, 3, (20, 4)).astype("float32")
CLASSES = np.eye(4, dtype="float32")[RNG.integers(0, 4, 20)]
SMOOTH = 0.9 * CLASSES + 0.1 / 4
NUMBERS, TRUTH = RNG.normal(size=(2, 20, 3)).astype("float32")
P, LOG_P = softmax(LOGITS.astype(float), axis=1), log_softmax(LOGITS.astype(float), axis=1)
OFF = TRUTH.astype(float) - NUMBERS
OURS = keras.losses


def told(kind, targets, outputs, **train):
    loss = event_loss(kind, Train.parse(train, "train"), targets.shape[1])
    found = loss(*map(keras.ops.convert_to_tensor, (targets, outputs)))
    return keras.ops.convert_to_numpy(found)


@pytest.mark.parametrize("targets", [CLASSES, SMOOTH], ids=["right", "smoothed"])
@pytest.mark.parametrize(
    ("train", "formula"),
    [
        ({}, lambda t: -(t * LOG_P).sum(axis=1)),
        ({"loss": "cross_entropy"}, lambda t: -(t * LOG_P).sum(axis=1)),
        ({"loss": "focal"}, lambda t: -(t * (1 - P) ** 2 * LOG_P).sum(axis=1)),
        ({"loss": "focal", "gamma": 0.5}, lambda t: -(t * (1 - P) ** 0.5 * LOG_P).sum(axis=1)),
        ({"loss": "kl"}, lambda t: (t * (np.log(np.where(t > 0, t, 1)) - LOG_P)).sum(axis=1)),
        ({"loss": "mse"}, lambda t: ((t - P) ** 2).mean(axis=1)),
        ({"loss": "mae"}, lambda t: abs(t - P).mean(axis=1)),
    ],
)
def test_losses_of_classes_are_their_formulas(train, formula, targets):
    np.testing.assert_allclose(
        told("classify", targets, LOGITS, **train), formula(targets.astype(float)), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize(
    ("loss", "formula"),
    [
        ("auto", (OFF**2).mean(axis=1)),
        ("mse", (OFF**2).mean(axis=1)),
        ("mae", abs(OFF).mean(axis=1)),
        ("huber", np.where(abs(OFF) < 1, OFF**2 / 2, abs(OFF) - 0.5).mean(axis=1)),
        ("log_cosh", np.log(np.cosh(OFF)).mean(axis=1)),
        ({"quantile": 0.9}, np.where(OFF > 0, 0.9 * OFF, -0.1 * OFF).mean(axis=1)),
    ],
)
def test_losses_of_numbers_are_their_formulas(loss, formula):
    np.testing.assert_allclose(told("regress", TRUTH, NUMBERS, loss=loss), formula, rtol=1e-4, atol=1e-6)


def test_gaussian_nll_is_the_density_of_a_normal_distribution():
    logs = RNG.normal(0, 0.5, (20, 3)).astype("float32")
    expected = -norm.logpdf(TRUTH, NUMBERS, np.exp(logs)).mean(axis=1)
    found = told("regress", TRUTH, np.hstack([NUMBERS, logs]), loss="gaussian_nll")
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_poisson_is_the_likelihood_of_counts_up_to_what_is_constant():
    counts = RNG.poisson(3, (20, 3)).astype("float32")
    found = told("regress", counts, NUMBERS, loss="poisson")
    expected = -(poisson.logpmf(counts, np.exp(NUMBERS)) + gammaln(counts + 1)).mean(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    # what is always the same is best at the mean of the counts
    rates = np.log(counts.mean(axis=0) * np.array([[[0.98]], [[1.0]], [[1.02]]], "float32"))
    less, best, more = (
        told("regress", counts, np.repeat(rate, 20, axis=0), loss="poisson").mean() for rate in rates
    )
    assert less > best < more
    assert less - best == pytest.approx(more - best, rel=0.05)
    # a rate without bound would be no number
    assert np.isfinite(told("regress", counts, NUMBERS * 1000, loss="poisson")).all()


@pytest.mark.parametrize(
    ("kind", "train", "theirs"),
    [
        ("classify", {}, OURS.CategoricalCrossentropy(from_logits=True)),
        (
            "classify",
            {"loss": "focal"},
            OURS.CategoricalFocalCrossentropy(alpha=1, gamma=2, from_logits=True),
        ),
        ("regress", {"loss": "huber"}, OURS.Huber()),
        ("regress", {"loss": "log_cosh"}, OURS.LogCosh()),
    ],
)
def test_losses_that_keras_has_are_those_of_keras(kind, train, theirs):
    targets, outputs = (SMOOTH, LOGITS) if kind == "classify" else (TRUTH, NUMBERS)
    expected = float(theirs(targets, outputs))
    assert told(kind, targets, outputs, **train).mean() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("loss", ["cross_entropy", "focal", "kl", "mse", "mae"])
def test_a_network_that_is_sure_and_wrong_has_a_finite_loss(loss):
    logits = np.array([[200, -200, 0, 0]], "float32")
    for right in range(4):
        assert np.isfinite(
            told("classify", CLASSES[:1] * 0 + np.eye(4, dtype="float32")[right], logits, loss=loss)
        )
