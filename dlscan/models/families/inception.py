"""Inception networks, such as GoogLeNet.

C. Szegedy et al., "Going deeper with convolutions", arXiv:1409.4842. With `batch_norm` as in S. Ioffe,
C. Szegedy, "Batch normalization", arXiv:1502.03167.

What structures are large and what small need not be known before: each block looks at several scales.
"""

import functools
from typing import Any

from dlscan.config import Inception
from dlscan.models.backend import keras
from dlscan.models.convolutions import (
    Filters,
    convolution,
    convolutional,
    first_stride,
    neighbourhood,
    pooled,
    stages,
)


def _body(tensor: Any, name: str, parameters: Inception, seed: int) -> Any:
    number, size = parameters.filters, parameters.pool
    first = Filters(number, parameters.kernel, first_stride(tensor, parameters))
    tensor = stages(tensor, name, [[first]], parameters, seed)
    for stage in range(1, parameters.depth + 1):
        if stage > 1:
            tensor = pooled(tensor, size, parameters.pooling, f"{name}-pool_{stage}")
        for block in range(1, parameters.blocks + 1):
            tensor = _block(tensor, number * 2 ** (stage - 1), f"{name}-{stage}_{block}", parameters, seed)
    return tensor


def _block(tensor: Any, filters: int, name: str, parameters: Inception, seed: int) -> Any:
    """Twice `filters` of each cell, from all ways together."""
    own, made = max(2 * filters // len(parameters.ways), 1), []
    for number, size in enumerate(parameters.ways, start=1):
        way = f"{name}_way_{number}"
        if size == "pool":
            near = neighbourhood(tensor, 3, f"{way}_pool")
            made.append(convolution(near, own, 1, way, parameters, seed))
        elif size == 1:
            made.append(convolution(tensor, own, 1, way, parameters, seed))
        else:
            # fewer channels first: most of the products are in the large kernels
            fewer = convolution(tensor, max(own // 2, 1), 1, f"{way}_fewer", parameters, seed)
            made.append(convolution(fewer, own, size, way, parameters, seed))
    return keras.layers.Concatenate(name=f"{name}_ways")(made) if len(made) > 1 else made[0]


features = functools.partial(convolutional, body=_body)
