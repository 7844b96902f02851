"""Networks. Importing this package imports Keras.

A network is the scaling of its inputs, what a family makes of them (`families`), and heads.
"""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from dlscan.config import Dense, Model, Normalization, network_name
from dlscan.dataset import Manifest
from dlscan.models import heads
from dlscan.models.backend import accelerator, backend, device, keras, prepare_device, versions
from dlscan.models.families import features
from dlscan.models.network import Network
from dlscan.models.normalize import normalize


def construct(
    model: Model,
    manifest: Manifest,
    normalizations: Mapping[str, Normalization],
    seed: int = 1,
    precision: str = "float32",
) -> Network:
    """Build a network that takes raw events and gives a score per class.

    Parameters
    ----------
    model : Model
        Its family and parameters.
    manifest : Manifest
        Of the dataset: shapes and measured statistics of the inputs, classes.
    normalizations : mapping of str to Normalization
        For each input; `standard` where it is silent.
    seed : int
        Of initial weights and dropout; the same seed gives the same network, whatever was built before.
    precision : {"float32", "mixed_float16", "mixed_bfloat16"}
        What hidden layers compute in. Weights, normalisation and the output layer are float32 in any case.

    Returns
    -------
    Network
        Of a `keras.Model` with inputs by name (see `network_name`), (B, *shape) float32 each; output
        (B, classes) float32, each row adds up to 1.
    """
    raw = {
        network_name(name): keras.Input(column.shape, name=network_name(name), dtype="float32")
        for name, column in manifest.inputs.items()
    }
    normalized = {
        network_name(name): normalize(
            raw[network_name(name)], normalizations.get(name, Normalization()), manifest.statistics[name]
        )
        for name in manifest.inputs
    }
    with _policy(precision):
        hidden = features(model, normalized, seed)
    logits, scores = heads.scores(hidden, len(manifest.classes), seed)
    name = getattr(model.family, "function", model.family)
    return Network(keras.Model(raw, scores, name=name), normalized, {"scores": logits}, {"scores": scores})


def build(
    model: Model,
    manifest: Manifest,
    normalizations: Mapping[str, Normalization],
    seed: int = 1,
    precision: str = "float32",
) -> Any:
    """The `keras.Model` of `construct`."""
    return construct(model, manifest, normalizations, seed, precision).model


def starts_with_products(model: Model, manifest: Manifest) -> bool:
    """Whether inputs go to dense layers first, where `first_layers` can cut a network, and that pays."""
    parameters = model.parameters
    if not isinstance(parameters, Dense):
        return False
    branches = parameters.branches({name: column.shape for name, column in manifest.inputs.items()})
    # without a hidden layer the output layer takes all inputs together: there is little to gain
    return parameters.depth > 0 or len(branches) == 1


@contextlib.contextmanager
def _policy(precision: str) -> Iterator[None]:
    """Let layers that are made meanwhile compute in `precision`."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


__all__ = [
    "Network",
    "accelerator",
    "backend",
    "build",
    "construct",
    "device",
    "features",
    "keras",
    "prepare_device",
    "starts_with_products",
    "versions",
]
