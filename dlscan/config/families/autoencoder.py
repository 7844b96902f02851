"""The parameters of autoencoders."""

import dataclasses
from collections.abc import Collection
from typing import Annotated, ClassVar, Literal

from dlscan.config.build import Below, Min
from dlscan.config.families.convolutional import MOST_AXES, times
from dlscan.config.families.parts import Activation, Initializer, PerAxis, Shapes


@dataclasses.dataclass(frozen=True)
class Autoencoder:
    """An encoder, a code of few numbers, and a decoder that is the encoder the other way round.

    Vectors and numbers go to dense layers as they are, images by way of convolutions. All meet in the dense
    layers in front of the code.

    Attributes
    ----------
    code : int
        Numbers of the code.
    width : int
        Neurons of each hidden dense layer.
    depth : int
        Hidden dense layers in front of the code, and as many behind it; without any, and without
        convolutions, it is linear.
    layers : {"auto", "dense", "convolution"}
        What an input goes through first. `auto` is convolutions for images of two or three axes, dense layers
        for all else; `convolution` takes waveforms of one axis too.
    filters : int
        Of the first convolution; each stage has twice as many as the one before.
    stages : int
        Convolutions, each of which halves the image.
    kernel : int or tuple of int
        Cells that a filter sees along each axis; fewer where the axis has no more.
    activation : str
        Of all hidden layers.
    dropout : float
        Fraction of neurons dropped after each hidden dense layer while training.
    batch_norm : bool
        Normalise each hidden layer over the batch, before its activation.
    initializer : str
        What the weights of hidden layers are drawn from.
    channels : {"none", "last"}
        Whether the last axis of images is no space, such as colours, or layers of a detector.
    """

    code: Annotated[int, Min(1)] = 16
    width: Annotated[int, Min(1)] = 128
    depth: Annotated[int, Min(0)] = 1
    layers: Literal["auto", "dense", "convolution"] = "auto"
    filters: Annotated[int, Min(1)] = 16
    stages: Annotated[int, Min(1)] = 2
    kernel: PerAxis = 3
    activation: Activation = "relu"
    dropout: Annotated[float, Min(0), Below(1)] = 0.0
    batch_norm: bool = False
    initializer: Initializer = "he"
    channels: Literal["none", "last"] = "none"

    # of the encoder alone where something else than its inputs is to be learned
    tasks: ClassVar[tuple[str, ...]] = ("reconstruct", "classify", "regress")

    def convolves(self, shape: tuple[int, ...]) -> bool:
        """Whether an input of this shape goes through convolutions."""
        axes = self._axes(shape)
        if self.layers == "auto":
            return 2 <= axes <= MOST_AXES and len(shape) > 1
        return self.layers == "convolution" and axes > 0

    def why_not_inputs(self, inputs: Shapes, masked: Collection[str] = ()) -> str | None:
        """Why a network cannot take inputs of these shapes; None if it can."""
        if not inputs:
            return "needs an input"
        for name, shape in inputs.items():
            if name in masked:
                return (
                    f"needs as many numbers of every event, and {name} ({times(shape)}) may have fewer rows; "
                    "leave it out with model.inputs"
                )
            axes = self._axes(shape)
            if self.convolves(shape) and axes > MOST_AXES:
                return f"goes over 1 to {MOST_AXES} axes, and {name} ({times(shape)}) has {axes}"
            if self.convolves(shape) and isinstance(self.kernel, tuple) and len(self.kernel) != axes:
                return (
                    f"needs one number for all axes or one for each in model.kernel, got {len(self.kernel)}, "
                    f"and has convolutions over {axes} axes of {name} ({times(shape)})"
                )
        return None

    def _axes(self, shape: tuple[int, ...]) -> int:
        """Of space."""
        return len(shape) - (self.channels == "last" and len(shape) > 1)
