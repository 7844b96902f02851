"""A family of its own for each input, merged.

Sums with weights that are learned: M. Ilse, J. Tomczak, M. Welling, "Attention-based deep multiple instance
learning", arXiv:1802.04712.
"""

from collections.abc import Mapping
from typing import Any, cast

from dlscan.config import Branches, Model, network_name
from dlscan.models.backend import keras
from dlscan.models.families import features as features_of
from dlscan.models.initializers import initializer
from dlscan.models.inputs import Inputs
from dlscan.models.layers import flat, headed
from dlscan.models.seeds import layer_seed


def features(inputs: Inputs, parameters: Branches, seed: int) -> Any:
    """Build each branch, and the layers behind.

    Parameters
    ----------
    inputs : Inputs
        Scaled, (B, ...) each.
    parameters : Branches
        The families, how they merge, and the layers behind.
    seed : int
        Of initial weights and dropout.

    Returns
    -------
    KerasTensor, (B, features)
    """
    models = {network_name(name): cast(Model, model) for name, model in parameters.branches.items()}
    made = {}
    for name in inputs:
        if name in models:
            own = inputs.only([name])
            # else branches of one family would start with the same weights behind their inputs
            made[name] = features_of(models[name], own, layer_seed(seed, f"{name}.branch"))
            _name_after(name, own, made[name])
    parts = [flat(tensor, name) for name, tensor in inputs.items() if name not in made]
    if parameters.merge == "concatenate" or len(made) < 2:
        parts = [made[name] if name in made else flat(inputs[name], name) for name in inputs]
    else:
        wide = _as_wide(made, seed)
        merged = _attended(wide, seed) if parameters.merge == "attention" else _added(wide)
        parts = [merged, *parts]
    return headed(parts, parameters, seed)


def _name_after(name: str, inputs: Inputs, end: Any) -> None:
    """Let the names of the layers of a branch begin with that of its input.

    Families call what is not of one input `net-`; that of two branches would have the same name.
    """
    given = inputs.flat.values()
    for operation in keras.Model(list(given), end).operations:
        is_layer = isinstance(operation, keras.layers.Layer) and not isinstance(
            operation, keras.layers.InputLayer
        )
        if is_layer and not operation.name.startswith(f"{name}-"):
            operation.name = f"{name}-{operation.name.removeprefix('net-')}"


def _as_wide(made: Mapping[str, Any], seed: int) -> list[Any]:
    """The features of all branches, with a dense layer where they are fewer than others."""
    width = max(tensor.shape[1] for tensor in made.values())
    wide = []
    for name, tensor in made.items():
        if tensor.shape[1] != width:
            start = initializer("glorot", layer_seed(seed, f"{name}.widened"))
            tensor = keras.layers.Dense(width, kernel_initializer=start, name=f"{name}-widened")(tensor)
        wide.append(tensor)
    return wide


def _added(branches: list[Any]) -> Any:
    return keras.layers.Add(name="net-added")(branches)


def _attended(branches: list[Any], seed: int) -> Any:
    """The sum with weights that follow from the features and add up to one."""
    layers = keras.layers
    stacked = keras.ops.stack(branches, axis=1)
    start = initializer("glorot", layer_seed(seed, "net.attention"))
    hidden = layers.Dense(
        stacked.shape[-1], activation="tanh", kernel_initializer=start, name="net-attention"
    )(stacked)
    start = initializer("glorot", layer_seed(seed, "net.attention_score"))
    score = layers.Dense(1, use_bias=False, kernel_initializer=start, name="net-attention_score")(hidden)
    weights = layers.Softmax(axis=1, name="net-attention_weights")(score)
    return keras.ops.sum(layers.Multiply(name="net-attended")([stacked, weights]), axis=1)
