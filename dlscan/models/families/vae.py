"""Variational autoencoders.

D. P. Kingma, M. Welling, "Auto-encoding variational Bayes", arXiv:1312.6114; `beta` is of I. Higgins et al.,
ICLR 2017; a width of cells that is learned of O. Rybkin et al., "Simple and effective VAE training with
calibrated decoders", arXiv:2006.13202.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config.families import Vae
from dlscan.models.backend import keras
from dlscan.models.coded import Coded
from dlscan.models.families.autoencoder import code, decoder, encoded, features
from dlscan.models.heads import WIDEST
from dlscan.models.inputs import Inputs
from dlscan.models.layers import shapes_of
from dlscan.models.network import LOG_SIGMA
from dlscan.models.seeds import layer_seed

__all__ = ["coded", "distribution", "features", "log_sigma"]

# Of the draws that validation and test take: enough to fill most batches, few enough to be a constant.
_DRAWS = 1024


def coded(inputs: Inputs, parameters: Vae, seed: int) -> Coded:
    """Events by way of codes that are drawn, and, for the saved network, by way of their means."""
    mean, logs = distribution(inputs, parameters, seed)
    spread = keras.ops.exp(logs / 2)
    noise = keras.layers.GaussianNoise(
        1.0, seed=layer_seed(seed, "net.draw"), dtype="float32", name="net-draw"
    )(keras.ops.zeros_like(mean))
    decode = decoder(shapes_of(inputs), parameters, seed)
    # without training there is no noise: the saved network decodes the mean
    cells = decode(mean + spread * noise)
    # what validation and test tell is the same bound as in training, of draws that are always the same
    drawn = keras.ops.where(keras.ops.equal(noise, 0.0), _always(mean, seed), noise)
    raw = {
        "code": mean,
        "log_variance": logs,
        "reconstruction": decode(mean + spread * drawn),
        "log_sigma": log_sigma(mean, parameters),
    }
    return Coded(raw, cells, {"code_sigma": spread, "sigma": keras.ops.exp(raw["log_sigma"])})


def distribution(inputs: Inputs, parameters: Vae, seed: int, known: Sequence[Any] = ()) -> tuple[Any, Any]:
    """Means of the codes of events, (B, K), and logarithms of their variances; `known` as for `encoded`."""
    before = encoded(inputs, parameters, seed, known)
    mean = code(before, "net-code", parameters, seed)
    return mean, keras.ops.clip(code(before, "net-code_spread", parameters, seed), -WIDEST, WIDEST)


def log_sigma(code: Any, parameters: Vae) -> Any:
    """The logarithm of how far a cell is off, (B, 1); `code` (B, K) says how many events there are."""
    nothing = keras.ops.zeros_like(code[:, :1])
    if parameters.sigma != "learned":
        return nothing + math.log(parameters.sigma)
    # of zeros nothing is left but the shift: one weight
    return keras.layers.LayerNormalization(scale=False, dtype="float32", name=LOG_SIGMA)(nothing)


def _always(mean: Any, seed: int) -> Any:
    """A draw for each event of a batch, (B, K), by its place in it."""
    ops = keras.ops
    places = ops.cumsum(ops.cast(ops.ones_like(mean[:, 0]), "int32"), axis=0) - 1
    return ops.take(_draws(mean.shape[1], seed), places % _DRAWS, axis=0)


def _draws(numbers: int, seed: int) -> NDArray[np.float32]:
    """Normal numbers (N, K) of mean 0, and of unit covariance where there are enough of them."""
    half = np.random.default_rng(layer_seed(seed, "net.draws")).normal(size=(_DRAWS // 2, numbers))
    both = np.concatenate([half, -half])
    if numbers < _DRAWS // 4:
        both = both @ np.linalg.inv(np.linalg.cholesky(both.T @ both / _DRAWS)).T
    return both.astype(np.float32)
