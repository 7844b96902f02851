"""The dense family: fully connected layers, branches of inputs that merge."""

from collections.abc import Mapping, Sequence
from typing import Any

from dlscan.config import Dense
from dlscan.models.backend import keras
from dlscan.models.initializers import initializer
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
    layers = keras.layers
    flat = {name: layers.Flatten(name=f"{name}-flat")(tensor) for name, tensor in inputs.items()}
    groups = parameters.branches({name: tuple(tensor.shape[1:]) for name, tensor in inputs.items()})
    branches = [_branch(group, flat, parameters, seed) for group in groups]
    merged = layers.Concatenate(name="net-merged")(branches) if len(branches) > 1 else branches[0]
    for number, width in enumerate(parameters.merged_widths(len(branches)), start=1):
        merged = _hidden(merged, width, f"net-merged_{number}", f"net.merged_{number}", parameters, seed)
    return merged


def _branch(group: Sequence[str], flat: Mapping[str, Any], parameters: Dense, seed: int) -> Any:
    name, tensor = group[0], flat[group[0]]
    if len(group) > 1:
        # with a hyphen no input is called so
        name = "net-joined"
        tensor = keras.layers.Concatenate(name=name)([flat[part] for part in group])
    for number in range(1, parameters.depth + 1):
        tensor = _hidden(
            tensor, parameters.width, f"{name}-hidden_{number}", f"{name}.hidden_{number}", parameters, seed
        )
    return tensor


def _hidden(tensor: Any, width: int, name: str, random: str, parameters: Dense, seed: int) -> Any:
    layers = keras.layers
    start = initializer(parameters.initializer, layer_seed(seed, random))
    tensor = layers.Dense(width, kernel_initializer=start, name=name)(tensor)
    if parameters.batch_norm:
        tensor = layers.BatchNormalization(name=f"{name}_norm")(tensor)
    tensor = layers.Activation(parameters.activation, name=f"{name}_{parameters.activation}")(tensor)
    if parameters.dropout:
        mask = layer_seed(seed, f"{random}_drop")
        tensor = layers.Dropout(parameters.dropout, seed=mask, name=f"{name}_drop")(tensor)
    return tensor
