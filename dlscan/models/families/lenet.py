"""LeNet.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
Proc. IEEE 86 (1998) 2278, doi 10.1109/5.726791.

By default with relu and the largest value of each pool, which train better than its tanh and means, and with
more filters: 16 and 32, not 6 and 16.
"""

import functools
from typing import Any

from dlscan.config import Lenet
from dlscan.models.convolutions import Filters, convolutional, first_stride, stages


def _body(tensor: Any, name: str, parameters: Lenet, seed: int) -> Any:
    kernel, strides = parameters.kernel, (first_stride(tensor, parameters), *[1] * (parameters.depth - 1))
    plan = [[Filters(parameters.filters * 2**stage, kernel, stride)] for stage, stride in enumerate(strides)]
    return stages(tensor, name, plan, parameters, seed)


features = functools.partial(convolutional, body=_body)
