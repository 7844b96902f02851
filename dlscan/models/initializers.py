"""The initialisers that `model.initializer` names."""

from typing import Any

from dlscan.models.backend import keras

_KINDS = {
    "glorot": "GlorotUniform",
    "glorot_normal": "GlorotNormal",
    "he": "HeNormal",
    "he_uniform": "HeUniform",
    "lecun": "LecunNormal",
    "lecun_uniform": "LecunUniform",
    "orthogonal": "Orthogonal",
    "normal": "RandomNormal",
    "uniform": "RandomUniform",
    "zeros": "Zeros",
}


def initializer(name: str, seed: int) -> Any:
    """A `keras.Initializer`; the same seed gives the same weights."""
    kind = getattr(keras.initializers, _KINDS[name])
    return kind() if name == "zeros" else kind(seed=seed)
