"""Parts of networks that several families are made of.

Names of layers begin with the name of an input and a hyphen, or with `net-`. The seed of a layer follows from
its name.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from dlscan.config.families.convolutional import Convolutional
from dlscan.config.families.parts import images_and_vectors
from dlscan.models.backend import keras
from dlscan.models.initializers import initializer
from dlscan.models.seeds import layer_seed

# Images with more cells than this are made smaller by the first layer, where `stride` is `auto`.
LARGE = 4096
# Of the running mean and variance: trainings on some thousand events have few steps.
MOMENTUM = 0.9

# What makes a smaller image with more filters of an image with channels: (image, name, parameters, seed).
Body = Callable[[Any, str, Any, int], Any]


def convolutional(inputs: Mapping[str, Any], parameters: Convolutional, seed: int, body: Body) -> Any:
    """A body for each image, joined with the vectors, and dense layers.

    Parameters
    ----------
    inputs : mapping of str to KerasTensor
        Scaled inputs, (B, ...) each.
    parameters : Convolutional
        Of the family.
    seed : int
        Of initial weights and dropout.
    body : callable
        Takes an image (B, *space, channels), the name of its input, `parameters` and `seed`; gives another.

    Returns
    -------
    KerasTensor, (B, features)
    """
    images, _ = images_and_vectors(shapes_of(inputs))
    bodies = {}
    for name in images:
        made = body(image(inputs[name], name, parameters.channels), name, parameters, seed)
        bodies[name] = flat(made, name, parameters.global_pooling)
    return joined(bodies, inputs, parameters, seed)


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
    layers = keras.layers
    parts = [bodies[name] if name in bodies else flat(inputs[name], name) for name in inputs]
    tensor = layers.Concatenate(name="net-joined")(parts) if len(parts) > 1 else parts[0]
    if parameters.dropout:
        drop = layer_seed(seed, "net.joined_drop")
        tensor = layers.Dropout(parameters.dropout, seed=drop, name="net-joined_drop")(tensor)
    for number, width in enumerate(parameters.head, start=1):
        tensor = hidden(tensor, width, f"net-head_{number}", parameters, seed, MOMENTUM)
    return tensor


def hidden(tensor: Any, width: int, name: str, parameters: Any, seed: int, momentum: float = 0.99) -> Any:
    """A dense layer with normalisation, activation and dropout as `parameters` say."""
    start = initializer(parameters.initializer, layer_seed(seed, _random(name)))
    tensor = keras.layers.Dense(width, kernel_initializer=start, name=name)(tensor)
    if parameters.batch_norm:
        tensor = keras.layers.BatchNormalization(momentum=momentum, name=f"{name}_norm")(tensor)
    tensor = activated(tensor, name, parameters)
    if parameters.dropout:
        mask = layer_seed(seed, f"{_random(name)}_drop")
        tensor = keras.layers.Dropout(parameters.dropout, seed=mask, name=f"{name}_drop")(tensor)
    return tensor


def convolution(
    tensor: Any,
    filters: int,
    kernel: Any,
    name: str,
    parameters: Convolutional,
    seed: int,
    stride: Any = 1,
    active: bool = True,
) -> Any:
    """A convolution over all axes of space, with normalisation and activation as `parameters` say.

    The image is padded with zeros, so that only a stride makes it smaller. A kernel is no longer than what
    reaches every cell of an axis from each.

    Parameters
    ----------
    tensor : KerasTensor, (B, *space, channels)
        An image.
    filters : int
        Channels of what comes.
    kernel, stride : int or tuple of int
        For all axes, or for each.
    name : str
        Of the layer.
    parameters : Convolutional
        Of the family.
    seed : int
        Of initial weights.
    active : bool
        Whether an activation follows.
    """
    space = space_of(tensor)
    own = getattr(keras.layers, f"Conv{len(space)}D")(
        filters,
        tuple(min(size, 2 * length - 1) for size, length in zip(per_axis(kernel, space), space, strict=True)),
        strides=tuple(map(min, per_axis(stride, space), space)),
        padding="same",
        use_bias=not parameters.batch_norm,  # the normalisation has a shift
        kernel_initializer=initializer(parameters.initializer, layer_seed(seed, _random(name))),
        name=name,
    )
    tensor = own(tensor)
    if parameters.batch_norm:
        tensor = keras.layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")(tensor)
    return activated(tensor, name, parameters) if active else tensor


def activated(tensor: Any, name: str, parameters: Any) -> Any:
    """The activation behind the layer `name`."""
    return keras.layers.Activation(parameters.activation, name=f"{name}_{parameters.activation}")(tensor)


def pooled(tensor: Any, size: Any, kind: str, name: str, window: Any = None) -> Any:
    """Make one cell of several, as long as there are several.

    Parameters
    ----------
    tensor : KerasTensor, (B, *space, channels)
        An image.
    size : int or tuple of int
        From one cell to the next, for all axes or for each; what is left over at the end of an axis is cut.
    kind : {"max", "average"}
        What is kept of them.
    name : str
        Of the layer.
    window : int or tuple of int, optional
        Cells that one is made of; by default `size`.
    """
    space = space_of(tensor)
    strides = tuple(map(min, per_axis(size, space), space))
    cells = tuple(map(min, per_axis(size if window is None else window, space), space))
    if set(cells) == {1}:
        return tensor
    layer = getattr(keras.layers, f"{kind.capitalize()}Pooling{len(space)}D")
    return layer(cells, strides=strides, name=name)(tensor)


def flat(tensor: Any, name: str, global_pooling: str = "none") -> Any:
    """What an input has become as features (B, F): all of its values, or one for each channel."""
    if global_pooling == "none":
        return keras.layers.Flatten(name=f"{name}-flat")(tensor)
    layer = getattr(keras.layers, f"Global{global_pooling.capitalize()}Pooling{len(space_of(tensor))}D")
    return layer(name=f"{name}-{global_pooling}")(tensor)


def image(tensor: Any, name: str, channels: str) -> Any:
    """An input with an axis of channels behind its axes of space."""
    if channels == "last":
        return tensor
    return keras.layers.Reshape((*tensor.shape[1:], 1), name=f"{name}-image")(tensor)


def first_stride(tensor: Any, parameters: Convolutional) -> Any:
    """The stride of the first layer of an image."""
    if parameters.stride != "auto":
        return parameters.stride
    return 2 if math.prod(space_of(tensor)) > LARGE else 1


def space_of(tensor: Any) -> tuple[int, ...]:
    """The lengths of the axes of an image with channels."""
    return tuple(tensor.shape[1:-1])


def per_axis(value: Any, space: tuple[int, ...]) -> tuple[int, ...]:
    """A number for each axis."""
    return tuple(value) if isinstance(value, tuple) else (value,) * len(space)


def _random(name: str) -> str:
    """What the seed of a layer follows from: no name of an input has a hyphen."""
    return name.replace("-", ".", 1)
