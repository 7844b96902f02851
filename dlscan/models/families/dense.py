"""The dense family: fully connected layers, branches of inputs that merge."""

from collections.abc import Mapping, Sequence
from typing import Any

from dlscan.config import Dense
from dlscan.models.backend import keras
from dlscan.models.inputs import Inputs
from dlscan.models.layers import flat, hidden, shapes_of


def features(inputs: Inputs, parameters: Dense, seed: int) -> Any:
    """Build the hidden layers.

    Parameters
    ----------
    inputs : Inputs
        Scaled, (B, ...) each; missing rows are zeros among the others.
    parameters : Dense
        Width, depth and so on.
    seed : int
        Of initial weights and dropout.

    Returns
    -------
    KerasTensor, (B, features)
    """
    values = {name: flat(tensor, name) for name, tensor in inputs.items()}
    groups = parameters.branches(shapes_of(inputs))
    branches = [_branch(group, values, parameters, seed) for group in groups]
    merged = keras.layers.Concatenate(name="net-merged")(branches) if len(branches) > 1 else branches[0]
    for number, width in enumerate(parameters.merged_widths(len(branches)), start=1):
        merged = hidden(merged, width, f"net-merged_{number}", parameters, seed)
    return merged


def _branch(group: Sequence[str], values: Mapping[str, Any], parameters: Dense, seed: int) -> Any:
    name, tensor = group[0], values[group[0]]
    if len(group) > 1:
        # with a hyphen no input is called so
        name = "net-joined"
        tensor = keras.layers.Concatenate(name=name)([values[part] for part in group])
    for number in range(1, parameters.depth + 1):
        tensor = hidden(tensor, parameters.width, f"{name}-hidden_{number}", parameters, seed)
    return tensor
