"""ZFNet.

M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", ECCV 2014, arXiv:1311.2901.

AlexNet after a look at what its filters see: a smaller kernel in the first layer keeps finer structures, and
its last layers have more filters, as in the best network of the paper.
"""

import functools

from dlscan.models.convolutions import convolutional
from dlscan.models.families.alexnet import body

# times the filters of the first layer
_LATER = (16 / 3, 32 / 3, 16 / 3)


features = functools.partial(convolutional, body=functools.partial(body, later=_LATER))
