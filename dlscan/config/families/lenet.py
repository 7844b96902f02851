"""The parameters of LeNet."""

import dataclasses

from dlscan.config.families.convolutional import Convolutional
from dlscan.config.families.parts import PerAxis, Widths


@dataclasses.dataclass(frozen=True)
class Lenet(Convolutional):
    """A convolution and a pooling in each stage, twice as many filters from stage to stage.

    Attributes are those of `Convolutional`.
    """

    kernel: PerAxis = 5
    head: Widths = (120, 84)
