"""The parameters of AlexNet."""

import dataclasses
from typing import Annotated

from dlscan.config.build import Below, Min
from dlscan.config.families.convolutional import Convolutional
from dlscan.config.families.parts import PerAxis, Widths


@dataclasses.dataclass(frozen=True)
class Alexnet(Convolutional):
    """Large kernels first and small ones behind, pools that overlap, and dropout in a wide head.

    Attributes are those of `Convolutional`; `depth` counts the poolings.
    """

    depth: Annotated[int, Min(1)] = 3
    kernel: PerAxis = 7
    dropout: Annotated[float, Min(0), Below(1)] = 0.5
    head: Widths = (256, 256)
