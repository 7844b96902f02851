"""ResNet.

K. He, X. Zhang, S. Ren, J. Sun, "Deep residual learning for image recognition", arXiv:1512.03385.

A block that has nothing to add passes on what it got, so that more of them do no harm.
"""

import functools
from typing import Any

from dlscan.config import Resnet
from dlscan.models.backend import keras
from dlscan.models.convolutions import Filters, convolution, convolutional, first_stride, stages
from dlscan.models.layers import activated


def _body(tensor: Any, name: str, parameters: Resnet, seed: int) -> Any:
    stride = first_stride(tensor, parameters)
    first = Filters(parameters.filters, parameters.kernel, stride)
    tensor = stages(tensor, name, [[first]], parameters, seed)
    for stage in range(1, parameters.depth + 1):
        for block in range(1, parameters.blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            filters = parameters.filters * 2 ** (stage - 1)
            tensor = _block(tensor, filters, stride, f"{name}-{stage}_{block}", parameters, seed)
    return tensor


def _block(tensor: Any, filters: int, stride: int, name: str, parameters: Resnet, seed: int) -> Any:
    """What two or three convolutions make of an image, added to it."""
    kernel = parameters.kernel
    layers = [Filters(filters, kernel, stride), Filters(filters, kernel)]
    if parameters.bottleneck:
        fewer = max(filters // 4, 1)
        layers = [Filters(fewer, 1), Filters(fewer, kernel, stride), Filters(filters, 1)]
    made = tensor
    for number, layer in enumerate(layers, start=1):
        own, last = f"{name}_conv_{number}", number == len(layers)
        made = convolution(
            made, layer.number, layer.kernel, own, parameters, seed, layer.stride, active=not last
        )
    if tensor.shape != made.shape:
        tensor = convolution(tensor, filters, 1, f"{name}_same", parameters, seed, stride, active=False)
    return activated(keras.layers.Add(name=f"{name}_sum")([tensor, made]), f"{name}_sum", parameters)


features = functools.partial(convolutional, body=_body)
