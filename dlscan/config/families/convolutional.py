"""The parameters that all convolutional families have."""

import dataclasses
from collections.abc import Collection
from typing import Annotated, Literal

from dlscan.config.build import Below, Min
from dlscan.config.families.parts import (
    Activation,
    Initializer,
    PerAxis,
    Shapes,
    Widths,
    images_and_vectors,
)

# Convolutions exist for so many axes.
MOST_AXES = 3


@dataclasses.dataclass(frozen=True)
class Convolutional:
    """Convolutions over one to three axes, then dense layers: a family has its own defaults.

    Each image has a body of convolutions of its own. What these give is concatenated with the vectors of an
    event, and dense layers follow.

    Attributes
    ----------
    filters : int
        Of the first layer; later ones have more, as the family says.
    depth : int
        Stages of the body, each of which makes the image smaller.
    kernel : int or tuple of int
        Cells that a filter sees along each axis; fewer where the axis has no more.
    stride : int, tuple of int or "auto"
        Of the first layer; `auto` is 2 for images of more than 4,096 cells, else 1.
    pooling : {"max", "average"}
        What is kept of cells that become one.
    pool : int or tuple of int
        How many become one along each axis; fewer where the axis has no more.
    global_pooling : {"none", "average", "max"}
        What is kept of each filter's image at the end; with `none`, all of its cells.
    dropout : float
        Fraction dropped of what the bodies give, and after each layer of `head`, while training.
    batch_norm : bool
        Normalise each layer over the batch, before its activation.
    activation : str
        Of the convolutions and of `head`.
    initializer : str
        What their weights are drawn from.
    head : tuple of int
        Widths of the dense layers behind the bodies.
    channels : {"none", "last"}
        Whether the last axis of images is no space, such as colours, or layers of a detector.
    """

    filters: Annotated[int, Min(1)] = 16
    depth: Annotated[int, Min(1)] = 2
    kernel: PerAxis = 3
    stride: Literal["auto"] | PerAxis = "auto"
    pooling: Literal["max", "average"] = "max"
    pool: PerAxis = 2
    global_pooling: Literal["none", "average", "max"] = "none"
    dropout: Annotated[float, Min(0), Below(1)] = 0.0
    batch_norm: bool = False
    activation: Activation = "relu"
    initializer: Initializer = "he"
    head: Widths = (128,)
    channels: Literal["none", "last"] = "none"

    def why_not_inputs(self, inputs: Shapes, masked: Collection[str] = ()) -> str | None:
        """Why a network cannot take inputs of these shapes; None if it can."""
        images, _ = images_and_vectors(inputs)
        if not images:
            return "needs an image or a waveform, and every input is one number per event"
        reasons = (self._why_not(name, inputs[name]) for name in images)
        return next((reason for reason in reasons if reason), None)

    def _why_not(self, name: str, shape: tuple[int, ...]) -> str | None:
        axes = len(shape) - (self.channels == "last")
        if not 1 <= axes <= MOST_AXES:
            advice = {
                ("none", MOST_AXES + 1): "; channels: last takes the last one for channels",
                ("last", 0): " beside its channels; channels: none takes it for space",
            }
            more = advice.get((self.channels, axes), "")
            return f"goes over 1 to {MOST_AXES} axes, and {name} ({times(shape)}) has {axes}{more}"
        return self._why_not_lists(name, shape, axes)

    def _why_not_lists(self, name: str, shape: tuple[int, ...], axes: int) -> str | None:
        """Why lists with a number for each axis do not fit the axes that convolutions go over."""
        for key in ("kernel", "stride", "pool"):
            value = getattr(self, key)
            if isinstance(value, tuple) and len(value) != axes:
                wanted = f"needs one number for all axes or one for each in model.{key}, got {len(value)}"
                return f"{wanted}, and has convolutions over {axes} axes of {name} ({times(shape)})"
        return None


def times(shape: tuple[int, ...]) -> str:
    """A shape as messages have it."""
    return " x ".join(map(str, shape))
