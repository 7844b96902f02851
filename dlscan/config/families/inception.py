"""The parameters of the inception networks."""

import dataclasses
from typing import Annotated, Literal

from dlscan.config.build import Min
from dlscan.config.families.convolutional import Convolutional
from dlscan.config.families.parts import Widths


@dataclasses.dataclass(frozen=True)
class Inception(Convolutional):
    """Several ways through each block, with kernels of several sizes, whose results are joined.

    Attributes are those of `Convolutional`, of which `kernel` is for the first layer alone, and:

    Attributes
    ----------
    blocks : int
        Of each stage.
    ways : tuple of int or "pool"
        The kernel of each way; `pool` is the largest of a neighbourhood.
    """

    blocks: Annotated[int, Min(1)] = 2
    ways: tuple[Literal["pool"] | Annotated[int, Min(1)], ...] = (1, 3, 5, "pool")
    global_pooling: Literal["none", "average", "max"] = "average"
    head: Widths = ()
