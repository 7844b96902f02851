"""AlexNet.

A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet classification with deep convolutional neural networks",
NIPS 25 (2012), doi 10.1145/3065386.

Its layers have filters in these proportions; there are a sixth as many, and the first kernel is 7, not 11, as
images of detectors have tens of cells on a side and not hundreds.
"""

import functools
from collections.abc import Sequence
from typing import Any

from dlscan.config.families.convolutional import Convolutional
from dlscan.models.convolutions import Filters, convolutional, first_stride, per_axis, stages
from dlscan.models.layers import space_of

# times the filters of the first layer
_LATER = (4, 4, 8 / 3)


def body(
    tensor: Any, name: str, parameters: Convolutional, seed: int, later: Sequence[float] = _LATER
) -> Any:
    """Two layers and poolings, then three and a pooling, with `later` times the filters of the first."""
    first = Filters(parameters.filters, parameters.kernel, first_stride(tensor, parameters))
    second = Filters(parameters.filters * 8 // 3, 5)
    rest = [Filters(round(parameters.filters * more), 3) for more in later]
    plan = [[first], [second], *[rest] * parameters.depth][: parameters.depth]
    window = tuple(size + 1 for size in per_axis(parameters.pool, space_of(tensor)))
    return stages(tensor, name, plan, parameters, seed, window)


features = functools.partial(convolutional, body=body)
