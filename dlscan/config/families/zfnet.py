"""The parameters of ZFNet."""

import dataclasses
from typing import Annotated

from dlscan.config.build import Below, Min
from dlscan.config.families.convolutional import Convolutional
from dlscan.config.families.parts import PerAxis, Widths


@dataclasses.dataclass(frozen=True)
class Zfnet(Convolutional):
    """AlexNet with a smaller kernel in the first layer, and more filters in the last ones.

    Attributes are those of `Convolutional`; `depth` counts the poolings.
    """

    depth: Annotated[int, Min(1)] = 3
    kernel: PerAxis = 5
    dropout: Annotated[float, Min(0), Below(1)] = 0.5
    head: Widths = (256, 256)
