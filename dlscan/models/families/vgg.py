"""VGG.

K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image recognition",
arXiv:1409.1556.

Several small kernels, one after the other, see as much as a large one, with fewer weights and more layers.
"""

from collections.abc import Mapping
from typing import Any

from dlscan.config import Vgg
from dlscan.models.convolutions import Filters, convolutional, first_stride, stages


def features(inputs: Mapping[str, Any], parameters: Vgg, seed: int) -> Any:
    """Build a body for each image, and dense layers behind.

    Parameters
    ----------
    inputs : mapping of str to KerasTensor
        Scaled inputs, (B, ...) each.
    parameters : Vgg
        Filters, depth and so on.
    seed : int
        Of initial weights and dropout.

    Returns
    -------
    KerasTensor, (B, features)
    """
    return convolutional(inputs, parameters, seed, _body)


def _body(tensor: Any, name: str, parameters: Vgg, seed: int) -> Any:
    plan = [
        [Filters(parameters.filters * 2**stage, parameters.kernel)] * parameters.blocks
        for stage in range(parameters.depth)
    ]
    plan[0] = [plan[0][0]._replace(stride=first_stride(tensor, parameters)), *plan[0][1:]]
    return stages(tensor, name, plan, parameters, seed)
