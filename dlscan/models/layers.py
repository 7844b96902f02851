"""Parts of networks that several families are made of.

Names of layers begin with the name of an input and a hyphen, or with `net-`. The seed of a layer follows from
its name.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dlscan.models.backend import keras
from dlscan.models.initializers import initializer
from dlscan.models.network import HEAD
from dlscan.models.seeds import layer_seed

# Of the running mean and variance: trainings on some thousand events have few steps.
MOMENTUM = 0.9


def shapes_of(inputs: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """The shape of each input of an event."""
    return {name: tuple(tensor.shape[1:]) for name, tensor in inputs.items()}


def joined(bodies: Mapping[str, Any], inputs: Mapping[str, Any], parameters: Any, seed: int) -> Any:
    """What bodies give, concatenated with the other inputs, and the dense layers of `parameters.head`.

    Parameters
    ----------
    bodies : mapping of str to KerasTensor
        (B, features) of each input that has a body, by its name.
    inputs : mapping of str to KerasTensor
        All inputs.
    parameters : dataclass
        With `head`, `dropout`, `batch_norm`, `activation` and `initializer`.
    seed : int
        Of initial weights and dropout.
    """
    parts = [bodies[name] if name in bodies else flat(inputs[name], name) for name in inputs]
    return headed(parts, parameters, seed)


def headed(parts: Sequence[Any], parameters: Any, seed: int) -> Any:
    """Features (B, F) concatenated, and the dense layers of `parameters.head`; see `joined`."""
    layers = keras.layers
    tensor = layers.Concatenate(name="net-joined")(parts) if len(parts) > 1 else parts[0]
    if parameters.dropout:
        drop = layer_seed(seed, "net.joined_drop")
        tensor = layers.Dropout(parameters.dropout, seed=drop, name="net-joined_drop")(tensor)
    for number, width in enumerate(parameters.head, start=1):
        tensor = hidden(tensor, width, f"{HEAD}{number}", parameters, seed, MOMENTUM)
    return tensor


def hidden(tensor: Any, width: int, name: str, parameters: Any, seed: int, momentum: float = 0.99) -> Any:
    """A dense layer with normalisation, activation and dropout as `parameters` say."""
    tensor = keras.layers.Dense(width, kernel_initializer=started(name, parameters, seed), name=name)(tensor)
    if parameters.batch_norm:
        tensor = keras.layers.BatchNormalization(momentum=momentum, name=f"{name}_norm")(tensor)
    tensor = activated(tensor, name, parameters)
    if parameters.dropout:
        mask = layer_seed(seed, f"{random_name(name)}_drop")
        tensor = keras.layers.Dropout(parameters.dropout, seed=mask, name=f"{name}_drop")(tensor)
    return tensor


def activated(tensor: Any, name: str, parameters: Any) -> Any:
    """The activation behind the layer `name`."""
    return keras.layers.Activation(parameters.activation, name=f"{name}_{parameters.activation}")(tensor)


def flat(tensor: Any, name: str, global_pooling: str = "none") -> Any:
    """What an input has become as features (B, F): all of its values, or one for each channel."""
    if global_pooling == "none":
        return keras.layers.Flatten(name=f"{name}-flat")(tensor)
    layer = getattr(keras.layers, f"Global{global_pooling.capitalize()}Pooling{len(space_of(tensor))}D")
    return layer(name=f"{name}-{global_pooling}")(tensor)


def space_of(tensor: Any) -> tuple[int, ...]:
    """The lengths of the axes of an image with channels."""
    return tuple(tensor.shape[1:-1])


def started(name: str, parameters: Any, seed: int) -> Any:
    """The initialiser of the layer `name`."""
    return initializer(parameters.initializer, layer_seed(seed, random_name(name)))


def random_name(name: str) -> str:
    """What the seed of a layer follows from: no name of an input has a hyphen."""
    return name.replace("-", ".", 1)
