"""The dense family: fully connected layers, one branch for each input."""

from collections.abc import Mapping
from typing import Any

from dlscan.config import Dense
from dlscan.models.backend import keras
from dlscan.models.seeds import layer_seed


def features(inputs: Mapping[str, Any], parameters: Dense, seed: int) -> Any:
    """Build the hidden layers.

    Parameters
    ----------
    inputs : mapping of str to KerasTensor
        Normalised inputs, (B, ...) each.
    parameters : Dense
        Width, depth and so on.
    seed : int
        Of initial weights and dropout.

    Returns
    -------
    KerasTensor, (B, features)
    """
    branches = [_branch(name, tensor, parameters, seed) for name, tensor in inputs.items()]
    return keras.layers.Concatenate(name="net-merged")(branches) if len(branches) > 1 else branches[0]


def _branch(name: str, tensor: Any, parameters: Dense, seed: int) -> Any:
    layers = keras.layers
    tensor = layers.Flatten(name=f"{name}-flat")(tensor)
    for number in range(1, parameters.depth + 1):
        hidden, random = f"{name}-hidden_{number}", f"{name}.hidden_{number}"
        start = keras.initializers.GlorotUniform(seed=layer_seed(seed, random))
        tensor = layers.Dense(parameters.width, kernel_initializer=start, name=hidden)(tensor)
        if parameters.batch_norm:
            tensor = layers.BatchNormalization(name=f"{hidden}_norm")(tensor)
        tensor = layers.Activation(parameters.activation, name=f"{hidden}_{parameters.activation}")(tensor)
        if parameters.dropout:
            mask = layer_seed(seed, f"{random}_drop")
            tensor = layers.Dropout(parameters.dropout, seed=mask, name=f"{hidden}_drop")(tensor)
    return tensor
