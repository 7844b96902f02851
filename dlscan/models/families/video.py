"""Convolutions on slices, and recurrent layers on what they give.

J. Donahue et al., "Long-term recurrent convolutional networks for visual recognition and description",
arXiv:1411.4389.

A slice is a frame of a film, or a layer of a calorimeter: what it holds matters, and what came before it. A
convolution over all axes whose kernel has one cell along the slices is one on each slice.
"""

import dataclasses
from typing import Any

from dlscan.config.families import Video
from dlscan.config.families.parts import images_and_vectors
from dlscan.models.backend import keras
from dlscan.models.convolutions import Filters, first_stride, image, per_axis, pooled, stages
from dlscan.models.inputs import Inputs
from dlscan.models.layers import joined, shapes_of, space_of
from dlscan.models.rows import recurrent_body


def features(inputs: Inputs, parameters: Video, seed: int) -> Any:
    """Build a body for each image, and dense layers behind.

    Parameters
    ----------
    inputs : Inputs
        Scaled, (B, ...) each.
    parameters : Video
        Filters, depth, units and so on.
    seed : int
        Of initial weights and dropout.

    Returns
    -------
    KerasTensor, (B, features)
    """
    images, _ = images_and_vectors(shapes_of(inputs))
    body = recurrent_body(parameters.cell)
    bodies = {
        name: body(_slices(inputs[name], name, parameters, seed), None, name, parameters, seed)
        for name in images
    }
    return joined(bodies, inputs, parameters, seed)


def _slices(tensor: Any, name: str, parameters: Video, seed: int) -> Any:
    """What convolutions make of each slice, (B, slices, features)."""
    tensor, along = image(tensor, name, parameters.channels), parameters.along
    across = space_of(tensor)[:-1]

    def on_slices(value: Any) -> tuple[int, ...]:
        sizes = per_axis(value, across)
        return (*sizes[:along], 1, *sizes[along:])

    kernel, stride = on_slices(parameters.kernel), on_slices(first_stride(tensor, parameters))
    plan = [[Filters(parameters.filters * 2**stage, kernel)] for stage in range(parameters.depth)]
    plan[0] = [plan[0][0]._replace(stride=stride)]
    own = dataclasses.replace(parameters, pool=on_slices(parameters.pool))
    tensor = stages(tensor, name, plan, own, seed)
    if parameters.global_pooling != "none":
        whole = tuple(1 if axis == along else length for axis, length in enumerate(space_of(tensor)))
        tensor = pooled(tensor, whole, parameters.global_pooling, f"{name}-{parameters.global_pooling}")
    axes = range(1, len(tensor.shape))
    order = (along + 1, *(axis for axis in axes if axis != along + 1))
    tensor = keras.layers.Permute(order, name=f"{name}-along")(tensor)
    return keras.layers.Reshape((tensor.shape[1], -1), name=f"{name}-slices")(tensor)
