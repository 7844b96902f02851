"""The parameters of ResNet."""

import dataclasses
from typing import Annotated, Literal

from dlscan.config.build import Min
from dlscan.config.families.convolutional import Convolutional
from dlscan.config.families.parts import Widths


@dataclasses.dataclass(frozen=True)
class Resnet(Convolutional):
    """Blocks of convolutions whose input is added to what they make of it.

    Attributes are those of `Convolutional`, of which `pool` acts behind the first layer alone, and:

    Attributes
    ----------
    blocks : int
        Of each stage; the first one of all stages but the first makes the image smaller.
    bottleneck : bool
        Whether a block is three convolutions, on a quarter of its filters, instead of two.
    """

    depth: Annotated[int, Min(1)] = 3
    blocks: Annotated[int, Min(1)] = 1
    bottleneck: bool = False
    global_pooling: Literal["none", "average", "max"] = "average"
    batch_norm: bool = True
    head: Widths = ()
