"""VGG.

K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image recognition",
arXiv:1409.1556.

Several small kernels, one after the other, see as much as a large one, with fewer weights and more layers.
"""

import functools
from typing import Any

from dlscan.config import Vgg
from dlscan.models.convolutions import Filters, convolutional, first_stride, stages


def _body(tensor: Any, name: str, parameters: Vgg, seed: int) -> Any:
    plan = [
        [Filters(parameters.filters * 2**stage, parameters.kernel)] * parameters.blocks
        for stage in range(parameters.depth)
    ]
    plan[0] = [plan[0][0]._replace(stride=first_stride(tensor, parameters)), *plan[0][1:]]
    return stages(tensor, name, plan, parameters, seed)


features = functools.partial(convolutional, body=_body)
