"""The parameters of VGG."""

import dataclasses
from typing import Annotated

from dlscan.config.build import Min
from dlscan.config.families.convolutional import Convolutional


@dataclasses.dataclass(frozen=True)
class Vgg(Convolutional):
    """Several convolutions and a pooling in each stage, twice as many filters from stage to stage.

    Attributes are those of `Convolutional`, and:

    Attributes
    ----------
    blocks : int
        Convolutions of each stage.
    """

    depth: Annotated[int, Min(1)] = 3
    blocks: Annotated[int, Min(1)] = 2
