"""Convolutions over one to three axes, as several families are made of them."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from dlscan.config.families.convolutional import Convolutional
from dlscan.config.families.parts import images_and_vectors
from dlscan.models.backend import keras
from dlscan.models.layers import MOMENTUM, activated, flat, joined, shapes_of, space_of, started

# Images with more cells than this are made smaller by the first layer, where `stride` is `auto`.
LARGE = 4096

# What makes a smaller image with more filters of an image with channels: (image, name, parameters, seed).
Body = Callable[[Any, str, Any, int], Any]


class Filters(NamedTuple):
    """A layer of convolutions: how many filters, how large, and how far from one to the next."""

    number: int
    kernel: Any
    stride: Any = 1


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


def stages(
    tensor: Any,
    name: str,
    plan: Sequence[Sequence[Filters]],
    parameters: Convolutional,
    seed: int,
    window: Any = None,
) -> Any:
    """Stages of convolutions, with a pooling at the end of each.

    Parameters
    ----------
    tensor : KerasTensor, (B, *space, channels)
        An image.
    name : str
        Of its input.
    plan : sequence of sequence of Filters
        The layers of each stage.
    parameters : Convolutional
        Of the family.
    seed : int
        Of initial weights.
    window : int or tuple of int, optional
        See `pooled`.
    """
    number = 0
    for stage, layers in enumerate(plan, start=1):
        for layer in layers:
            number += 1
            tensor = convolution(
                tensor, layer.number, layer.kernel, f"{name}-conv_{number}", parameters, seed, layer.stride
            )
        tensor = pooled(tensor, parameters.pool, parameters.pooling, f"{name}-pool_{stage}", window)
    return tensor


def convolution(
    tensor: Any,
    filters: int,
    kernel: Any,
    name: str,
    parameters: Any,
    seed: int,
    stride: Any = 1,
    active: bool = True,
) -> Any:
    """A convolution over all axes of space, with normalisation and activation as `parameters` say.

    The image is padded with zeros, so that only a stride makes it smaller.

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
    parameters : dataclass
        With `batch_norm`, `activation` and `initializer`.
    seed : int
        Of initial weights.
    active : bool
        Whether an activation follows.
    """
    space = space_of(tensor)
    own = getattr(keras.layers, f"Conv{len(space)}D")(
        filters,
        kernel_of(kernel, space),
        strides=tuple(map(min, per_axis(stride, space), space)),
        padding="same",
        use_bias=not parameters.batch_norm,  # the normalisation has a shift
        kernel_initializer=started(name, parameters, seed),
        name=name,
    )
    tensor = own(tensor)
    if parameters.batch_norm:
        tensor = keras.layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_norm")(tensor)
    return activated(tensor, name, parameters) if active else tensor


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


def neighbourhood(tensor: Any, size: int, name: str) -> Any:
    """The largest value of each channel in the neighbourhood of each cell."""
    space = space_of(tensor)
    layer = getattr(keras.layers, f"MaxPooling{len(space)}D")
    return layer(kernel_of(size, space), strides=1, padding="same", name=name)(tensor)


def image(tensor: Any, name: str, channels: str) -> Any:
    """An input with an axis of channels behind its axes of space."""
    if channels == "last":
        return tensor
    return keras.layers.Reshape((*tensor.shape[1:], 1), name=f"{name}-image")(tensor)


def first_stride(tensor: Any, parameters: Convolutional) -> Any:
    """The stride of the first layer on an image with channels."""
    if parameters.stride != "auto":
        return parameters.stride
    return 2 if math.prod(space_of(tensor)) > LARGE else 1


def kernel_of(size: Any, space: tuple[int, ...]) -> tuple[int, ...]:
    """A kernel that is no longer than what reaches every cell of an axis from each."""
    return tuple(min(own, 2 * length - 1) for own, length in zip(per_axis(size, space), space, strict=True))


def per_axis(value: Any, space: tuple[int, ...]) -> tuple[int, ...]:
    """A number for each axis."""
    return tuple(value) if isinstance(value, tuple) else (value,) * len(space)
